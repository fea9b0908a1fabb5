"""What a call knows reaches no error, however a cloud repeats it, and no report, however a call ends."""

import json
import re
import traceback
from urllib.parse import quote

import pytest

from catalog.providers import PROVIDERS, add_image, list_pages
from catalog.providers.answers import Call
from catalog.providers.base import Connection, ProviderError
from tests.catalog.providers.canned import Canned, as_json
from tests.catalog.providers.conftest import PROJECT, connection_to, target_for

pytestmark = pytest.mark.canary

PASSWORD = 'c4nary/pass "word"+&=中%2F\\'
SECRETS = {
    "alibaba": {"access_key_id": "LTAI-c4nary", "access_key_secret": "c4nary/secret", "security_token": "c4nary+t/="},
    "huawei": {"access_key": "AK-c4nary-key", "secret_key": "c4nary/secret", "security_token": "c4nary+t/="},
}  # fmt: skip
ESCAPE = re.compile("%[0-9A-F]{2}")
KINDS = {"alibaba": "alibaba_ens_self", "huawei": "huawei_workspace"}
CONTAINER = {"type": "container", "name": "x", "registry_url": "r.example/x", "registry_user": "robot"}


def add(connection: Connection) -> None:
    add_image(connection, "cn-hangzhou", CONTAINER | {"registry_password": PASSWORD})


def test_the_request_that_a_gateway_signed_for_its_part_is_not_told() -> None:
    """Alibaba's SignatureDoesNotMatch repeats the request: its address, and that once more encoded."""
    with Canned(as_json({"RequestId": "R", "Success": True, "ImageId": "m-1"})) as server:
        add(connection_to(server.url, "alibaba", **SECRETS["alibaba"]))
        sent = server.received[0]
    assert "c4nary" in sent.line and "c4nary" in sent.headers["x-acs-security-token"]
    again = quote(sent.line, safe="")
    lowered = quote(ESCAPE.sub(lambda escape: escape[0].lower(), sent.line), safe="")
    for told in (sent.line, again, lowered, json.dumps(sent.query), json.dumps(sent.headers)):
        refusal = {"Code": "SignatureDoesNotMatch", "Message": f"server string to sign is [{told}]", "RequestId": told}
        with Canned(as_json(refusal, 400)) as server, pytest.raises(ProviderError) as raised:
            add(connection_to(server.url, "alibaba", **SECRETS["alibaba"]))
        shown = f"{raised.value}{raised.value.as_dict()}"
        assert "c4nary" not in shown, told
        assert raised.value.code == "SignatureDoesNotMatch"
        assert "server string to sign is" in shown


def test_a_text_that_is_cut_in_the_middle_of_a_secret_holds_no_begin_of_it() -> None:
    """It is cut before it is searched, and what is hidden makes it shorter: its end comes into view."""
    token = "c4nary-" + "t" * 1500
    error = Call("ListImages", secrets=(token,)).error("X", token * 100, kind="invalid")
    assert "c4nary" not in error.message and "[hidden]" in error.message


def test_a_call_and_a_connection_show_what_they_are_for_and_not_what_they_know() -> None:
    connection = connection_to("http://127.0.0.1:9", "alibaba", **SECRETS["alibaba"])
    shown = f"{Call('AddImage', True, (PASSWORD,))!r} {connection!r}"
    assert "AddImage" in shown and "alibaba-ehpc-2023" in shown and "c4nary" not in shown


@pytest.mark.parametrize("vendor", KINDS)
@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_call_that_is_told_to_stop_leaves_without_what_it_knew(vendor: str, stop: type[BaseException], monkeypatch):
    """Its frames hold the credential, the signed request and the password: a report of them would too."""

    def told(*args: object, **options: object) -> None:
        raise stop(3)

    monkeypatch.setattr("requests.Session.send", told)
    project = {"project_id": PROJECT} if vendor == "huawei" else {}
    connection = connection_to("http://127.0.0.1:9", vendor, **(SECRETS[vendor] | project))
    with pytest.raises(stop) as raised:
        list(list_pages(KINDS[vendor], connection, target_for(KINDS[vendor])))
    report = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=True).format())
    assert raised.value.args == (3,) and "list_pages" in report and "c4nary" not in report
    assert vendor == PROVIDERS[KINDS[vendor]].vendor
