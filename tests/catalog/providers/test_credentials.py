"""A credential is taken whole or refused in one sentence that repeats no value; the form and the file obey one rule."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog.providers import VENDORS, validate_credential
from catalog.providers.credentials import CredentialError

ALIBABA = {"access_key_id": "LTAI5tExample", "access_key_secret": "s3cr3t/Canary+1"}
HUAWEI = {"access_key": "QTWAOExample", "secret_key": "s3cr3t/Canary+1"}
WHOLE = {"alibaba": ALIBABA, "huawei": HUAWEI}
REQUIRED = [(vendor, name) for vendor, whole in WHOLE.items() for name in whole]


@pytest.mark.parametrize(
    ("vendor", "extra"),
    [
        ("alibaba", {}),
        ("alibaba", {"security_token": "CAIS=="}),
        ("huawei", {}),
        ("huawei", {"security_token": "gQVj", "project_id": "29dfe82ada564ac2b927e1ff036d9a9b"}),
    ],
)
def test_a_whole_credential_is_taken_as_it_is(vendor: str, extra: dict[str, str]) -> None:
    assert validate_credential(vendor, WHOLE[vendor] | extra) == WHOLE[vendor] | extra


@pytest.mark.parametrize("data", [None, [], "x", 17, [ALIBABA]])
def test_what_is_no_object_is_refused(data: object) -> None:
    with pytest.raises(CredentialError) as raised:
        validate_credential("alibaba", data)
    assert str(raised.value) == (
        "The credential is not a JSON object with access_key_id, access_key_secret, security_token (optional)."
    )


@pytest.mark.parametrize(("vendor", "name"), REQUIRED)
def test_a_key_that_lacks_is_named(vendor: str, name: str) -> None:
    data = {key: value for key, value in WHOLE[vendor].items() if key != name}
    assert refusal(vendor, data) == f"The credential lacks {name}."


@pytest.mark.parametrize(("vendor", "name"), REQUIRED)
@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (17, "is not text"),
        (None, "is not text"),
        (["s3cr3t/Canary+1"], "is not text"),
        ("", "is blank"),
        (" \n", "is blank"),
        ("s3cr3t Canary", "has white space or characters that no key has"),
        ("s3cr3tCanary\n", "has white space or characters that no key has"),
        ("s3cr3t密钥", "has white space or characters that no key has"),
        ("s3cr3t\x00", "has white space or characters that no key has"),
        ("s" * 9000, "has white space or characters that no key has"),
    ],
)
def test_a_value_that_is_none_is_refused(vendor: str, name: str, value: Any, problem: str) -> None:
    assert refusal(vendor, WHOLE[vendor] | {name: value}) == f"{name} in the credential {problem}."


def test_an_unknown_key_is_refused_and_named_only_if_it_can_be_no_secret() -> None:
    told = refusal("alibaba", ALIBABA | {"acess_key": "x"})
    assert told.startswith("The credential has the unknown key acess_key; it takes access_key_id")
    keys: list[object] = ["s3cr3t/Canary+1", "LTAI5tExample", "S3CR3T", 17]
    for key in keys:
        data: dict[object, str] = {**ALIBABA, key: "x"}
        told = refusal("alibaba", data)
        assert told.startswith("The credential has an unknown key; it takes ") and str(key) not in told


def test_another_vendors_credential_is_refused() -> None:
    assert "unknown key access_key" in refusal("alibaba", HUAWEI)
    assert "unknown key access_key_id" in refusal("huawei", ALIBABA)


def refusal(vendor: str, data: object) -> str:
    with pytest.raises(CredentialError) as raised:
        validate_credential(vendor, data)
    message = str(raised.value)
    assert "s3cr3t" not in message and "\n" not in message and message.endswith(".")
    return message


# The forms


@pytest.mark.parametrize("vendor", WHOLE)
def test_a_filled_form_gives_the_credential(vendor: str) -> None:
    form = VENDORS[vendor].CredentialForm(WHOLE[vendor] | {"security_token": "", "expires_at": ""})
    assert form.is_valid() and form.credential() == WHOLE[vendor] and form.expires_at() is None


@pytest.mark.parametrize("vendor", WHOLE)
def test_a_form_says_what_lacks(vendor: str) -> None:
    assert set(VENDORS[vendor].CredentialForm({}).errors) == set(WHOLE[vendor])


@pytest.mark.parametrize("vendor", WHOLE)
def test_blank_keeps_the_stored_credential_and_anything_else_replaces_it_whole(vendor: str) -> None:
    form_class = VENDORS[vendor].CredentialForm
    blank = form_class({}, keep_stored=True)
    assert blank.is_valid() and blank.credential() is None
    whole = form_class(WHOLE[vendor], keep_stored=True)
    assert whole.is_valid() and whole.credential() == WHOLE[vendor]
    half = form_class({next(iter(WHOLE[vendor])): "x"}, keep_stored=True)
    assert not half.is_valid() and "lacks" in str(half.errors)


@pytest.mark.parametrize("vendor", WHOLE)
def test_a_form_never_renders_a_secret_again(vendor: str) -> None:
    module = VENDORS[vendor]
    form = module.CredentialForm(WHOLE[vendor] | {"security_token": "s3cr3t-token", "expires_at": "nonsense"})
    assert not form.is_valid()
    assert "s3cr3t" not in form.as_p() and WHOLE[vendor][module.KEY_ID] not in form.as_p()


def test_an_expiry_is_in_the_future_and_utc() -> None:
    form_class = VENDORS["alibaba"].CredentialForm
    later = datetime.now(UTC) + timedelta(hours=1)
    form = form_class(ALIBABA | {"security_token": "t", "expires_at": later.strftime("%Y-%m-%dT%H:%M")})
    assert form.is_valid(), form.errors
    assert abs(form.expires_at() - later) < timedelta(minutes=1)
    past = form_class(ALIBABA | {"security_token": "t", "expires_at": "2020-01-01T00:00"})
    assert set(past.errors) == {"expires_at"}


@pytest.mark.parametrize("vendor", WHOLE)
def test_a_vendors_module_names_its_secrets(vendor: str) -> None:
    module = VENDORS[vendor]
    assert module.KEY_ID in module.FIELDS and set(module.SECRETS) < {*module.FIELDS, "project_id"}
    assert (
        set(module.FIELDS)
        == set(module.CredentialForm.FIELDS)
        == set(module.CredentialForm.base_fields) - {"expires_at"}
    )
