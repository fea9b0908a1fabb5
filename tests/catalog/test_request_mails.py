"""Mails about requests: to whom, in which language, with what in it; and a mail server that is down loses nothing."""

import logging
import socket

import pytest
import redis
from django.conf import settings as configured
from django.core import mail

from accounts.models import Membership
from catalog import actions, request_mails, tasks
from catalog.models import Registration, RequestMail
from catalog.registration_spec import validate_spec
from tests.catalog.registration.asked import CANARY, CONTAINER, REGION, VM
from tests.conftest import make_user
from tests.mails import read
from tests.waiting import at_once, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def mail_is_set(settings):
    settings.MAIL_IS_SET = True
    settings.PUBLIC_URL = "https://images.example.org"


@pytest.fixture
def speaks_to(settings):
    """Mail goes to this port of this machine."""

    def choose(port):
        options = {"host": "127.0.0.1", "port": port, "use_tls": False, "timeout": 5}
        settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}}

    return choose


@pytest.fixture
def request_one(make_account, eve, alice):
    account = make_account("alibaba", name="prod")

    def make(document=VM, **fields):
        spec, errors = validate_spec(document | fields)
        assert spec, errors
        coming = actions.keep_password(account.team, CANARY)
        return actions.request_registration(account.team, eve, account, REGION, spec, registration_id=coming)

    return make


def due_again():
    RequestMail.objects.update(next_at="2020-01-01T00:00:00Z")


def test_the_admins_are_told_of_a_request_and_who_asked_of_the_decision(
    request_one, alice, eve, mail_server, speaks_to
):
    speaks_to(mail_server.server_address[1])
    asked = request_one(CONTAINER)
    tasks.mail_requests()
    found = read(mail_server.mails.pop())
    assert (found["To"], found["Auto-Submitted"]) == (alice.email, "auto-generated")
    assert found["Subject"] == "[Bootshelf] eve@example.org asks to register trainer in Aero HPC"
    page = f"https://images.example.org/t/aero/registrations/{asked.id}/"
    for part in ("trainer 2.1", CONTAINER["registry_url"], f"prod · {REGION}", page, "/t/aero/team/#mails"):
        assert part in found.get_content()
    actions.decline_request(asked.team, alice, asked.id, "Take 2.2,\nit has <fixes> & more.")
    tasks.mail_requests()
    found = read(mail_server.mails.pop())
    assert found["To"] == eve.email
    assert found["Subject"] == "[Bootshelf] Declined: trainer is not registered in Aero HPC"
    for part in ("alice@example.org declined it.", "> Take 2.2,\n> it has <fixes> & more.", f"?like={asked.id}", page):
        assert part in found.get_content().replace("\r\n", "\n")
    assert not RequestMail.objects.exists() and mail_server.mails == []


def test_an_approval_and_an_end_by_time_are_told_too(request_one, alice, eve):
    first, second = request_one(), request_one(name="other")
    actions.approve_request(first.team, alice, first.id)
    Registration.objects.filter(id=second.id).update(created_at="2020-01-01T00:00:00Z")
    actions.expire_requests()
    mail.outbox.clear()
    tasks.mail_requests()
    told = {one.subject: one for one in mail.outbox}
    assert set(told) == {
        "[Bootshelf] Approved: cfd-base is being registered in Aero HPC",
        "[Bootshelf] Nobody decided: other is not registered in Aero HPC",
    }, "those asked to decide are not asked any more"
    assert all(one.to == [eve.email] for one in mail.outbox)


def test_that_the_cloud_account_is_gone_is_told_too(request_one, alice, eve):
    asked = request_one()
    actions.delete_cloud_account(asked.team, alice, asked.cloud_account, "archive")
    tasks.mail_requests()
    assert [one.to for one in mail.outbox] == [[eve.email]], "the admins are not asked any more"
    told = mail.outbox[0]
    assert told.subject == "[Bootshelf] Nobody decided: cfd-base is not registered in Aero HPC"
    assert "The cloud account was deleted before it was decided." in told.body


def test_no_secret_is_in_a_mail_or_in_the_broker(request_one, alice):
    broker = redis.Redis.from_url(configured.REDIS_URL)
    broker.flushdb()
    asked = request_one(CONTAINER)
    actions.approve_request(asked.team, alice, asked.id)
    queued = broker.lrange("celery", 0, -1)
    assert [request_mails.TASK.encode() in message for message in queued].count(True) == 2
    assert [str(asked.id).encode() in message for message in queued].count(True) == 1, "the sending alone"
    tasks.mail_requests()
    assert len(mail.outbox) == 1
    for told in (str(mail.outbox[0].message()), mail.outbox[0].body, str(queued)):
        assert "c4nary" not in told
    assert b"trainer" not in b"".join(queued)
    broker.flushdb()


def test_each_is_written_in_its_readers_language(request_one, alice):
    alice.preferences["language"] = "zh-hans"
    alice.save()
    request_one()
    tasks.mail_requests()
    (found,) = mail.outbox
    assert "申请" in found.subject and "asks" not in found.subject + found.body


def test_a_name_stays_a_name(request_one, alice, mail_server, speaks_to):
    speaks_to(mail_server.server_address[1])
    request_one(name="镜像\u2028Bcc: mallory@example.org <b>" + "y" * 400, version=None)
    tasks.mail_requests()
    (found,) = [read(one) for one in mail_server.mails]
    assert found["To"] == alice.email and "Bcc" not in found
    assert "register 镜像 Bcc: mallory@example.org" in found["Subject"] and len(found["Subject"]) < 200
    assert "<b>yyy" in found.get_content() and "&lt;" not in found.get_content()


def test_who_wants_none_or_may_not_decide_gets_none(request_one, alice, bob, eve, charlie):
    silent = make_user("silent@example.org", "Silent")
    silent.preferences["mails"] = "off"
    gone = make_user("gone@example.org", "Gone")
    gone.is_active = False
    for one in (silent, gone):
        one.save()
        Membership.objects.create(team=alice.memberships.get().team, user=one, role="admin")
    request_one()
    tasks.mail_requests()
    assert [one.to for one in mail.outbox] == [[alice.email]]


def test_who_left_or_lost_the_role_meanwhile_gets_none(request_one, alice, eve):
    asked = request_one()
    alice.memberships.update(role="viewer")
    tasks.mail_requests()
    eve.memberships.all().delete()
    actions.decline_request(asked.team, alice, asked.id, "no")
    tasks.mail_requests()
    assert mail.outbox == [] and not RequestMail.objects.exists()


def test_without_a_mail_server_there_are_none(request_one, settings):
    settings.MAIL_IS_SET = False
    request_one()
    assert not RequestMail.objects.exists()


def test_a_mail_server_that_is_down_loses_nothing(request_one, alice, mail_server, speaks_to, caplog):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        speaks_to(nobody.getsockname()[1])
        asked = request_one()
        with caplog.at_level(logging.WARNING):
            for _ in range(2):
                tasks.mail_requests()
    lines = [record.getMessage() for record in caplog.records if record.name == "catalog.request_mails"]
    assert lines == [f"The mail about registration {asked.id} was not sent, try 1: ConnectionRefusedError"]
    assert Registration.objects.get().state == "requested"
    speaks_to(mail_server.server_address[1])
    due_again()
    tasks.mail_requests()
    assert [read(one)["To"] for one in mail_server.mails] == [alice.email] and not RequestMail.objects.exists()


def test_it_is_given_up_after_five_tries(request_one, speaks_to, caplog):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        speaks_to(nobody.getsockname()[1])
        request_one()
        for _ in range(7):
            due_again()
            tasks.mail_requests()
    lines = [record.getMessage() for record in caplog.records if record.name == "catalog.request_mails"]
    assert len(lines) == 5 and "try 5, the last one" in lines[-1]
    assert not RequestMail.objects.exists() and Registration.objects.get().state == "requested"


def test_two_workers_send_a_mail_once(request_one, mail_server, speaks_to):
    speaks_to(mail_server.server_address[1])
    request_one()
    at_once(*[tasks.mail_requests] * 4)
    assert len(mail_server.mails) == 1


def test_a_worker_sends_it(request_one, mail_server, start_worker, eve, alice):
    port = str(mail_server.server_address[1])
    start_worker(
        EMAIL_HOST="127.0.0.1", EMAIL_PORT=port, EMAIL_USE_TLS="false", PUBLIC_URL="https://images.example.org"
    )
    asked = request_one()
    wait_until(lambda: mail_server.mails)
    assert f"https://images.example.org/t/aero/registrations/{asked.id}/" in read(mail_server.mails[0]).get_content()
    assert configured.CELERY_BEAT_SCHEDULE["mail-requests"]["task"] == request_mails.TASK, (
        "and beat what was not queued"
    )
