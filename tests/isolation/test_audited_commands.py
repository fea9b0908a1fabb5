"""Every command of ours, run for real: what changes something writes exactly one audit row in its own name, whatever
changes nothing or is refused none; and where the row cannot be written nothing is changed.

A command that is not in the table fails the last test: whoever adds one says here how it is used.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import get_commands
from django.test import Client

from accounts import secrets
from accounts.keysets import with_new_key, with_primary
from accounts.models import AuditEvent, CloudAccount, Team, User
from accounts.second_factors import TABLE
from accounts.secrets import Secret
from catalog.audit_words import ACTIONS as WORDS
from catalog.models import FacetCount, Source
from tests.canaries.faults import database_refuses
from tests.catalog.registration.asked import VM
from tests.catalog.shelf import put
from tests.clouds.credentials import ALIBABA
from tests.conftest import PASSWORD
from tests.isolation.test_audited import NOT_COUNTED, everything
from tests.running import run_command

pytestmark = [pytest.mark.access, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulated")]

PLACE = ("aero", "Production", "--region", "cn-hangzhou")
SPEC = (*PLACE, "--spec", "-")
IMAGE = VM["image_id"]
# What the cloud answered is another row, in the worker's name or a sync's: it is known when the first one is written.
HEARD = ("worker", "sync")
# What they write is told elsewhere (a run says itself who asked for it), or is a file of the operator's.
UNTOLD = {"sync"}


class Use(NamedTuple):
    """`told` is the action of its one row, "" where there is none."""

    words: tuple[str, ...]
    told: str = ""
    code: int = 0
    stdin: Any = ""
    first: Callable[["Shelf"], object] = lambda shelf: None


class Shelf(NamedTuple):
    team: Team
    user: User
    source: Source
    run: Callable[..., "subprocess.CompletedProcess[str]"]
    monkeypatch: pytest.MonkeyPatch

    def register(self) -> None:
        self.run("register_image", *SPEC, stdin=VM)

    def load_demo(self) -> None:
        self.run("load_demo")

    def miscount(self) -> None:
        put(self.source, "one")
        FacetCount.objects.update(n=9)

    def add_factor(self) -> None:
        secrets.seal(None, TABLE, self.user.id, "totp", "ABC")
        Authenticator.objects.create(user=self.user, type="totp", data={"secret": "sealed:totp"})

    def sign_in(self) -> None:
        Client().force_login(self.user)

    def switch_off(self) -> None:
        User.objects.filter(id=self.user.id).update(is_active=False)

    def promote_key(self) -> None:
        made, key_id = with_new_key(Secret(os.environ["BOOTSHELF_KEYSET"]))
        self.monkeypatch.setenv("BOOTSHELF_KEYSET", with_primary(made, key_id).reveal())


TEAM = ("zeta", "--name", "Zeta", "--admin")
COMMANDS: dict[str, dict[str, Use]] = {
    "create_team": {
        "a newcomer": Use((*TEAM, "new@example.org"), "team.created"),
        "who is there": Use((*TEAM, "alice@example.org"), "team.created"),
        "taken": Use(("aero", "--name", "Aero", "--admin", "new@example.org"), code=1),
        "no address": Use((*TEAM, "nobody"), code=1),
    },
    "keyset": {"show": Use(("show",)), "add": Use(("add", "--print")), "none": Use(("drop", "7"), code=1)},
    "new_keyset": {"": Use(())},
    "second_factor_remove": {
        "": Use(("alice@example.org",), "second_factor.removed", first=Shelf.add_factor),
        "none": Use(("alice@example.org",)),
        "nobody": Use(("nobody@example.org",), code=1),
    },
    "secrets_doctor": {"": Use(())},
    "secrets_rotate": {
        "": Use((), "secrets.rotated", first=Shelf.promote_key),
        "all are": Use(()),
    },
    "add_cloud_account": {
        "": Use(("aero", "alibaba", "Another", "--credential", "-"), "cloud_account.created", stdin=ALIBABA.as_json()),
        "taken": Use(("aero", "alibaba", "Production", "--credential", "-"), code=1, stdin=ALIBABA.as_json()),
        "no credential": Use(("aero", "alibaba", "Another", "--credential", "-"), code=1, stdin={}),
    },
    "add_source": {
        "": Use(("aero", "Production", "alibaba_ehpc_custom", "--region", "cn-hangzhou"), "source.added"),
        "twice": Use(("aero", "Production", "alibaba_ens_self", "--region", "cn-hangzhou"), code=1),
    },
    "facets_verify": {
        "": Use(()),
        "wrong": Use((), code=1, first=Shelf.miscount),
        "repair": Use(("--repair",), "counts.repaired", first=Shelf.miscount),
        "repair of a team": Use(("--repair", "--team", "aero"), "counts.repaired", first=Shelf.miscount),
        "nothing to repair": Use(("--repair",)),
    },
    "images": {"": Use(("aero",)), "nowhere": Use(("nowhere",), code=1)},
    "load_demo": {"": Use((), "demo.loaded"), "twice": Use((), first=Shelf.load_demo)},
    "register_image": {
        "": Use(SPEC, "registration.created", stdin=VM),
        "on the shelf": Use(SPEC, code=1, stdin=VM, first=Shelf.register),
        "none": Use(SPEC, code=1, stdin={"type": "vm"}),
        "a list": Use(SPEC, "batch.created", stdin=[VM, VM | {"name": "another", "image_id": "m-bp2"}]),
        "a list of none": Use(SPEC, code=2, stdin=[VM, {}]),
        "a list again": Use(SPEC, stdin=[VM], first=Shelf.register),
    },
    "remove_image": {
        "": Use(("aero", IMAGE, "--confirm", VM["name"]), "removal.created", first=Shelf.register),
        "not confirmed": Use(("aero", IMAGE, "--confirm", "yes"), code=1, first=Shelf.register),
    },
    "simulate_clouds": {"no port": Use(("--port", "-1"), code=2)},
    "sync": {"": Use(("aero",)), "nowhere": Use(("aero", "x"), code=1)},
    "sessions_end": {
        "": Use(("alice@example.org",), "session.ended", first=Shelf.sign_in),
        "all": Use(("--all",), "session.ended", first=Shelf.sign_in),
        "none": Use(("alice@example.org",)),
        "nobody's": Use((), code=1),
    },
    "user_disable": {
        "": Use(("alice@example.org",), "user.disabled"),
        "off already": Use(("alice@example.org",), first=Shelf.switch_off),
        "nobody": Use(("nobody@example.org",), code=1),
    },
    "user_enable": {
        "": Use(("alice@example.org",), "user.enabled", first=Shelf.switch_off),
        "on already": Use(("alice@example.org",)),
    },
}
USES = [pytest.param(name, use, id=f"{name}-{n}") for name, uses in COMMANDS.items() for n, use in uses.items()]
TOLD = [one for one in USES if one.values[1].told]


@pytest.fixture
def shelf(
    team: Team, alice: User, make_account: Callable[..., CloudAccount], make_source: Callable[..., Source],
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Shelf]:  # fmt: skip
    monkeypatch.setenv("BOOTSHELF_PASSWORD", PASSWORD)
    account = make_account(name="Production")
    source = make_source("alibaba_ens_self", account)
    yield Shelf(team, alice, source, lambda *w, **more: run_command(capsys, monkeypatch, *w, **more), monkeypatch)


def changed_since(before: dict[str, str]) -> set[str]:
    after = everything()
    return {name for name in before if before[name] != after[name]} - NOT_COUNTED


@pytest.mark.parametrize(("name", "use"), USES)
def test_it_writes_one_row_or_none(name: str, use: Use, shelf: Shelf) -> None:
    use.first(shelf)
    before, last = everything(), AuditEvent.objects.count()
    done = shelf.run(name, *use.words, stdin=use.stdin)
    assert done.returncode == use.code, done.stderr
    rows = list(AuditEvent.objects.order_by("id").values_list("actor", "action")[last:])
    assert [row for row in rows if row[0] not in HEARD] == ([(name, use.told)] if use.told else [])
    assert use.told or not rows, "nothing is heard where nothing was asked"
    assert bool(changed_since(before)) == bool(use.told or (name in UNTOLD and not use.code))
    assert {action for _actor, action in rows} <= {*WORDS}, "say it in catalog/audit_words.py"


@pytest.mark.parametrize(("name", "use"), TOLD)
def test_without_its_row_nothing_is_changed(name: str, use: Use, shelf: Shelf, cloud: Any) -> None:
    use.first(shelf)
    before, asked = everything(), len(cloud.requests())
    with database_refuses("accounts_auditevent"):
        done = shelf.run(name, *use.words, stdin=use.stdin)
    assert done.returncode == 1 and "The database refused" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert changed_since(before) == set() and len(cloud.requests()) == asked, "and no cloud was asked"


def test_every_command_is_run() -> None:
    ours = {name for name, app in get_commands().items() if str(app) in ("accounts", "catalog", "config")}
    assert ours == COMMANDS.keys(), "say in COMMANDS how these are used"
