"""The keyset is gone, or is another one, while the web serves: one clear page, one line in the log, nothing changed."""

import logging

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client

from accounts.models import CloudAccount, SealedSecret, User
from accounts.secrets import new_keyset
from tests.accounts.test_second_factors import ASK, code, password_given, set_up
from tests.catalog.test_cloud_account_views import ADD, SECRET, TYPED

pytestmark = [pytest.mark.crypto, pytest.mark.django_db]


def told(response, caplog) -> str:
    """The one line of the log, which says who asked."""
    assert response.status_code == 503 and "Secrets cannot be opened" in response.content.decode()
    lines = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert len(lines) == 1 and not lines[0].exc_info and lines[0].request == response.wsgi_request
    return lines[0].getMessage()


@pytest.mark.parametrize(("keyset", "why"), [("", "BOOTSHELF_KEYSET is not set"), ("{}", "is not a Tink AEAD keyset")])
def test_a_credential_is_not_taken_without_a_keyset(alice: User, as_user, monkeypatch, caplog, keyset, why):
    monkeypatch.setenv("BOOTSHELF_KEYSET", keyset)
    answer = as_user(alice).post(ADD, TYPED | {"save": "1"})
    assert why in told(answer, caplog) and "missing or broken" in answer.content.decode()
    assert SECRET not in answer.content.decode() + caplog.text
    assert not CloudAccount.objects.exists() and not SealedSecret.sealed.exists()


def test_a_second_factor_that_does_not_open_says_so_and_lets_nobody_in(alice: User, as_user, monkeypatch, caplog):
    seed, _codes = set_up(as_user(alice))
    client: Client = password_given(alice.email)
    monkeypatch.setenv("BOOTSHELF_KEYSET", new_keyset())
    answer = client.post(ASK, {"code": code(seed, 1)})
    assert "secrets_doctor" in told(answer, caplog) and "missing" not in answer.content.decode()
    assert SESSION_KEY not in client.session and seed not in caplog.text
