"""What is done to the product while it knows secrets: by the clouds, by the database, by who keeps the keyset."""

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from django.db import connection

from accounts.secrets import new_keyset
from tests.canaries.planted import Garden, Planted
from tests.canaries.stage import Stage

type Fault = dict[str, Any]


def told_to(garden: Garden) -> dict[str, tuple[dict[str, str], list[Planted]]]:
    """Which calls know what."""
    keys = [garden.key, garden.secret, garden.token]
    return {
        "AddImage": ({"operation": "AddImage"}, [*keys, garden.password]),
        "Alibaba": ({"vendor": "alibaba"}, keys),
        "Huawei": ({"vendor": "huawei"}, [garden.ak, garden.sk, garden.huawei_token]),
    }


def echo(known: list[Planted]) -> str:
    """All that a call knows, as a gateway repeats it."""
    told = []
    for one in known:
        as_json = json.dumps(one.text)[1:-1]
        told += [one.text, as_json, quote(one.text, safe=""), quote(quote(as_json, safe=""), safe="")]
    return " and ".join(told)


def that_repeat(garden: Garden) -> dict[str, list[Fault]]:
    """Clouds that repeat what they were told, where an error tells something."""
    faults: dict[str, list[Fault]] = {}
    for calls, known in told_to(garden).values():
        told = echo(known)
        for name, fault in {
            "a refusal that repeats": {"status": 400, "code": "SignatureDoesNotMatch", "message": told},
            "a failure that repeats": {"status": 500, "code": "InternalError", "message": told},
            "a code that repeats": {"status": 403, "code": known[2].text, "message": known[1].text},
            "a header that repeats": {"status": 400, "headers": {"x-acs-request-id": known[2].text}},
            "a shape that repeats": {"body": {"Message": told, "Code": told, "error_code": told, "error_msg": told}},
        }.items():
            faults.setdefault(name, []).append(calls | fault)
    return faults


def of_the_clouds(garden: Garden) -> dict[str, list[Fault]]:
    """PROVIDERS.md section 4, every row, and those that repeat. Several faults at once are each for other calls."""
    return {name: [fault] for name, fault in OF_THE_CLOUDS.items()} | {"none": []} | that_repeat(garden)


OF_THE_CLOUDS: dict[str, Fault] = {
    "refused": {"status": 400},
    "not found": {"status": 404},
    "failing": {"status": 500},
    "away": {"status": 503},
    "throttled": {"throttle": True},
    "throttled for a time": {"throttle": 200},
    "reset": {"reset": True},
    "closed": {"close": True},
    "connection refused": {"refuse": True},
    "silent": {"delay": 1.5},
    "truncated": {"truncate": True},
    "reset in the body": {"reset_body": True},
    "HTML": {"html": True},
    "HTML with 502": {"html": True, "status": 502},
    "empty": {"empty": True},
    "malformed": {"malformed": True},
    "null": {"null": True},
    "a list": {"list": True},
    "another shape": {"body": {"RequestId": "R-1", "Success": True}},
    "one bad item": {"bad_item": "wrong_type"},
    "no item": {"bad_item": "null"},
    "too few": {"lacks": 1},
    "redirected": {"redirect": True},
    "an error inside a 200": {"soft": True},
}


@contextlib.contextmanager
def database_refuses(table: str, when: str = "true", how: str = "INSERT OR UPDATE") -> Iterator[None]:
    """The database raises an error for each row of this table that is written and fits, whoever writes it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION canary_refuses() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'refused for a test'; END $$;"
            f"CREATE TRIGGER canary_refuses BEFORE {how} ON {table} FOR EACH ROW WHEN ({when})"
            " EXECUTE FUNCTION canary_refuses()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER canary_refuses ON {table}")


@contextlib.contextmanager
def keyset_is(stage: Stage, change: Callable[[str], str | None]) -> Iterator[None]:
    """The keyset of every process becomes what `change` makes of it; None: its file is gone."""
    whole = stage.keyset.read_text()
    changed = change(whole)
    if changed is None:
        stage.keyset.unlink()
    else:
        stage.keyset.write_text(changed)
    try:
        yield
    finally:
        stage.keyset.write_text(whole)


KEYSETS: dict[str, Callable[[str], str | None]] = {
    "another keyset": lambda whole: new_keyset(),
    "a broken keyset": lambda whole: whole.replace("ENABLED", "ENABLED?"),
    "an empty keyset": lambda whole: "",
    "no keyset": lambda whole: None,
}


def drop_connections() -> None:
    """End every connection to this database but our own, as a database that restarts does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
