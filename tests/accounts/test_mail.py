"""Mail goes out by the settings' server, spoken to for real on a socket; without one it goes to the log."""

import pytest

from tests.processes import manage

pytestmark = pytest.mark.django_db


def test_mail_goes_to_the_server_of_the_settings(mail_server):
    where = {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(mail_server.server_address[1]), "EMAIL_USE_TLS": "false"}
    sender = {"DEFAULT_FROM_EMAIL": "Bootshelf <images@example.org>"}
    done = manage("sendtestemail", "alice@example.org", **where, **sender)
    assert done.returncode == 0, done.stderr
    (mail,) = mail_server.mails
    assert "To: alice@example.org" in mail and "From: Bootshelf <images@example.org>" in mail


def test_a_server_without_tls_is_not_spoken_to_unless_the_settings_say_so(mail_server):
    where = {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(mail_server.server_address[1])}
    assert manage("sendtestemail", "alice@example.org", **where).returncode != 0 and not mail_server.mails


def test_without_a_server_mail_goes_to_the_log():
    done = manage("sendtestemail", "alice@example.org")
    assert done.returncode == 0 and "To: alice@example.org" in done.stdout
