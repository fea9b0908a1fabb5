import pytest
from django.db import connections
from django.test import Client


@pytest.mark.django_db
def test_it_answers_a_probe_without_sign_in(client: Client) -> None:
    response = client.get("/health/")
    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_it_answers_a_probe_in_plain_http_where_the_web_is_https(client: Client, settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/health/").status_code == 200


def test_it_says_503_when_the_database_is_gone(client: Client, django_db_blocker) -> None:
    settings = connections["default"].settings_dict
    kept = dict(settings)
    with django_db_blocker.unblock():
        connections["default"].close()
        settings["HOST"], settings["PORT"] = "127.0.0.1", "1"
        try:
            response = client.get("/health/")
        finally:
            settings.update(kept)
            connections["default"].close()
    assert (response.status_code, response.content) == (503, b"database\n")
