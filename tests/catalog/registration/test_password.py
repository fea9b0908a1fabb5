"""The registry password travels in the URL's query string (PROVIDERS.md section 5), and turns up nowhere."""

import json
import logging

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import SealedSecret
from catalog import actions, tasks
from catalog.models import Registration
from catalog.registration_spec import validate_spec
from tests.catalog.registration.asked import CANARY, CONTAINER, CUT_OFF, REGION, sent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulated")]


# The registry password


@pytest.mark.parametrize("fault", [{}, *CUT_OFF.values(), {"status": 400, "code": "InvalidParams"}])
def test_the_password_is_forgotten_when_the_call_is_over_however_it_ended(send, cloud, fault):
    if fault:
        cloud.fail(operation="AddImage", **fault)
    made = send(CONTAINER)
    assert made.state in ("succeeded", "rejected", "unknown")
    assert not SealedSecret.sealed.filter(row=made.id).exists()


def everything_in_the_database() -> str:
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)


SPELLINGS = ["c4nary", CANARY, json.dumps(CANARY)[1:-1], CANARY.encode().hex()]


@pytest.mark.canary
@pytest.mark.parametrize(
    "fault", [{}, *CUT_OFF.values(), {"status": 400, "code": "InvalidParams", "message": "bad %s"}, {"delay": 2.0}]
)
def test_the_registry_password_is_in_no_log_no_column_and_no_exception(ask, cloud, caplog, monkeypatch, fault, capfd):
    """It travels in the URL's query string: the SDK, urllib3 and http.client all would like to print it."""
    monkeypatch.setattr("catalog.providers.wire.READ_SECONDS", 0.5)
    if fault:
        cloud.fail(operation="AddImage", **fault)
    with caplog.at_level(logging.DEBUG):
        for name in list(logging.root.manager.loggerDict):
            caplog.set_level(logging.DEBUG, logger=name)
        made = ask(CONTAINER)
        assert not any(spelling in everything_in_the_database() for spelling in SPELLINGS), "sealed from the start"
        tasks.register_image(str(made.id))
        tasks.settle_registrations()
    made.refresh_from_db()
    assert sent(cloud) or "refused" in str(made.error)
    printed = "".join(capfd.readouterr())
    logged = caplog.text + "".join(repr(record.__dict__) for record in caplog.records)
    for place in (printed, logged, everything_in_the_database(), repr(made.__dict__)):
        assert not any(spelling in place for spelling in SPELLINGS)
    # The searches would have found it.
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("urllib3.connectionpool").debug("%s", CANARY)
    Registration.objects.update(description=CANARY)
    assert "c4nary" in caplog.text and "c4nary" in everything_in_the_database()


@pytest.mark.canary
def test_the_registry_password_is_in_no_log_where_the_connection_is_refused(ask, settings, caplog, capfd):
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    with caplog.at_level(logging.DEBUG):
        made = ask(CONTAINER)
        tasks.register_image(str(made.id))
    made.refresh_from_db()
    assert made.state == "rejected"
    for place in (caplog.text, "".join(capfd.readouterr()), everything_in_the_database()):
        assert not any(spelling in place for spelling in SPELLINGS)


@pytest.mark.canary
def test_the_broker_is_given_ids_only(account, alice, caplog):
    """What Celery keeps in Redis, body, headers and argsrepr, names the registration and nothing of it."""
    import redis

    broker = redis.Redis.from_url(settings.REDIS_URL)
    broker.flushdb()
    spec, _ = validate_spec(CONTAINER)
    made = actions.create_registration(account.team, alice, account, REGION, spec, CANARY)
    kept = b"".join(broker.dump(key) or b"" for key in broker.keys("*"))
    message = broker.lrange("celery", 0, -1)
    assert len(message) == 1 and str(made.id).encode() in message[0], "the search would have found it"
    assert b"c4nary" not in kept + message[0] and b"trainer" not in message[0]
    broker.flushdb()
