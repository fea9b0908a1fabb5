"""Traps of AddImage, each by its name: PROVIDERS.md sections 2, 2a and 5. A write is sent once; what became of it is
known or not."""

import json
import logging
import traceback
from typing import Any

import pytest

from catalog.providers import add_image, registered_images
from catalog.providers.alibaba_registry import acr_flags, registry_region
from catalog.providers.base import ProviderError
from tests.catalog.providers import seeds
from tests.catalog.providers.canned import CLOSE, HTML, RESET, Canned, Reply, as_json
from tests.catalog.providers.conftest import Naps, connection_to
from tests.clouds.server import Simulator

REGION = "cn-hangzhou"
PASSWORD = "canary-Registry+pw/1"
VM = {"type": "vm", "name": "app-image", "version": "V1.0", "image_id": "m-bp1akkkr1rkxtb"}
CONTAINER = {
    "type": "container",
    "name": "web",
    "registry_url": "registry-vpc.cn-hangzhou.aliyuncs.com/ehpc_open/nginx:latest",
    "registry_user": "somebody",
    "registry_password": PASSWORD,
}
ANSWER = Reply(seeds.ADD_IMAGE.encode())

# (answer, kind, whether the outcome is known)
OUTCOMES = {
    "reset": (RESET, "unreachable", False),
    "closed without an answer": (CLOSE, "unreachable", False),
    "truncated": (Reply(ANSWER.body, then="cut"), "unreachable", False),
    "empty": (Reply(b""), "malformed", False),
    "HTML": (HTML, "malformed", False),
    "HTML in a 403": (Reply(HTML.body, 403), "permission", False),
    "HTML in a 404": (Reply(HTML.body, 404), "malformed", False),
    "redirect": (Reply(b"", 302, {"Location": "/x"}), "malformed", False),
    "null": (Reply(b"null"), "malformed", False),
    "no id": (as_json({"Success": True, "RequestId": "r"}), "malformed", False),
    "blank id": (as_json({"Success": True, "ImageId": "\n"}), "malformed", False),
    "no word of success": (as_json({"ImageId": "m-1"}), "malformed", False),
    "500": (as_json({"Code": "UnknownError", "Message": "?"}, 500), "unavailable", False),
    "503": (as_json({"Code": "ServiceUnavailable", "Message": "?"}, 503), "unavailable", False),
    "504 of a gateway": (Reply(HTML.body, 504), "unavailable", False),
    "408": (as_json({"Code": "RequestTimeout", "Message": "?"}, 408), "invalid", False),
    "too large": (Reply(b"{", headers={"Content-Length": str(65 * 1024 * 1024)}), "too_large", False),
    "success false": (as_json({"Success": False, "RequestId": "r"}), "invalid", True),
    "success false with a code": (as_json({"Success": False, "Code": "InDebt", "Message": "?"}), "billing", True),
    "throttled": (as_json({"Code": "Throttling.User", "Message": "?"}, 400), "throttled", True),
}
# The eleven codes of the seed; a 503 may have happened all the same.
CODES = [
    (400, "InvalidParams", "invalid", True),
    (400, "ImageAlreadyExists", "conflict", True),
    (400, "InDebt", "billing", True),
    (400, "NotEnabled", "not_enabled", True),
    (403, "ImageInUse", "conflict", True),
    (404, "ImageNotFound", "not_found", True),
    (406, "EcsError", "unavailable", True),
    (406, "AliyunError", "unavailable", True),
    (406, "DbError", "unavailable", True),
    (407, "NotAuthorized", "permission", True),
    (503, "ServiceUnavailable", "unavailable", False),
]


def failed(reply: Reply, naps: Naps, spec: dict[str, Any] = CONTAINER) -> ProviderError:
    """The error of one AddImage, which was sent once and shows no password."""
    with Canned(reply) as server:
        with pytest.raises(ProviderError) as raised:
            add_image(connection_to(server.url, "alibaba", naps=naps), REGION, spec)
        assert len(server.received) == 1 and naps == []
    error = raised.value
    told = f"{error}{error!r}{error.args}{error.as_dict()}" + "".join(traceback.format_exception(error))
    assert PASSWORD not in told and error.__context__ is None and error.__cause__ is None
    assert (error.operation, error.retryable) == ("AddImage", False)
    return error


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_write_is_sent_once_and_its_outcome_told_known_or_not(outcome: str, naps: Naps) -> None:
    reply, kind, known = OUTCOMES[outcome]
    error = failed(reply, naps)
    assert (error.kind, error.outcome_known) == (kind, known)


@pytest.mark.parametrize(("status", "code", "kind", "known"), CODES)
def test_each_code_of_the_seed(status: int, code: str, kind: str, known: bool, naps: Naps) -> None:
    body = {"Code": code, "Message": "The words of the cloud.", "RequestId": "04F0F334"}
    error = failed(as_json(body, status), naps)
    assert (error.code, error.kind, error.outcome_known) == (code, kind, known)
    assert (error.message, error.request_id) == ("The words of the cloud.", "04F0F334")


def test_a_refused_connection_is_known_not_to_have_been_sent(naps: Naps) -> None:
    with Canned(RESET) as server:
        pass
    with pytest.raises(ProviderError) as raised:
        add_image(connection_to(server.url, "alibaba", naps=naps), REGION, CONTAINER)
    assert (raised.value.code, raised.value.outcome_known, naps) == ("ConnectionRefused", True, [])
    assert PASSWORD not in f"{raised.value}{raised.value!r}"


def test_a_timeout_leaves_the_outcome_unknown(naps: Naps, monkeypatch: pytest.MonkeyPatch) -> None:
    from catalog.providers import wire

    monkeypatch.setattr(wire, "READ_SECONDS", 0.2)
    error = failed(Reply(ANSWER.body, delay=0.6), naps)
    assert (error.code, error.outcome_known) == ("ReadTimeout", False)


def test_the_id_loses_the_line_end_of_the_seeds_own_example() -> None:
    with Canned(ANSWER) as server:
        added = add_image(connection_to(server.url, "alibaba"), REGION, VM)
    assert added.image_id == "m-bp1akkkr1rkxtb******"


@pytest.mark.parametrize("spec", [{"type": "vm", "name": "x"}, {"type": "container", "name": "x"}, {"type": "vm"}, {}])
def test_a_registration_that_lacks_something_is_not_sent(spec: dict[str, str]) -> None:
    with Canned(ANSWER) as server:
        with pytest.raises(ProviderError) as raised:
            add_image(connection_to(server.url, "alibaba"), REGION, spec)
        assert not server.received
    assert (raised.value.kind, raised.value.outcome_known) == ("invalid", True)


# The flags of a container registry


@pytest.mark.parametrize(
    ("reference", "flags", "region"),
    [
        ("registry-vpc.cn-hangzhou.aliyuncs.com/ns/nginx:latest", (True, False), "cn-hangzhou"),
        ("registry.cn-shanghai.aliyuncs.com/ns/nginx", (True, False), "cn-shanghai"),
        ("registry-internal.cn-beijing.aliyuncs.com/ns/nginx", (True, False), "cn-beijing"),
        ("crpi-a1b2.cn-beijing.personal.cr.aliyuncs.com/ns/x:1", (True, False), "cn-beijing"),
        ("team-registry.cn-hangzhou.cr.aliyuncs.com/ns/x:1", (True, True), "cn-hangzhou"),
        ("team-registry-vpc.ap-southeast-1.cr.aliyuncs.com/ns/x@sha256:0", (True, True), "ap-southeast-1"),
        ("docker.io/library/nginx:1", (False, False), None),
        ("nginx:1", (False, False), None),
        ("localhost:5000/x", (False, False), None),
        ("registry.cn-shanghai.aliyuncs.com.evil.example/x", (False, False), None),
        ("evil.example/registry.cn-shanghai.aliyuncs.com/x", (False, False), None),
    ],
)
def test_flags_that_are_not_given_are_inferred_from_the_host(
    reference: str, flags: tuple[bool, bool], region: str | None
) -> None:
    assert (acr_flags(reference), registry_region(reference)) == (flags, region)
    with Canned(ANSWER) as server:
        add_image(
            connection_to(server.url, "alibaba"), REGION, {"type": "container", "name": "x", "registry_url": reference}
        )
    sent = json.loads(server.received[0].query["ContainerImageSpec"])
    assert sent == {"RegistryUrl": reference, "IsACRRegistry": flags[0], "IsACREnterprise": flags[1]}


def test_flags_that_are_given_go_out_as_given_whatever_the_host() -> None:
    spec = CONTAINER | {
        "registry_url": "docker.io/x",
        "is_acr": True,
        "is_acr_enterprise": False,
        "registry_cri_id": "cri-1",
    }
    with Canned(ANSWER) as server:
        add_image(connection_to(server.url, "alibaba"), REGION, spec)
    sent = json.loads(server.received[0].query["ContainerImageSpec"])
    assert (sent["IsACRRegistry"], sent["IsACREnterprise"], sent["RegistryCriId"]) == (True, False, "cri-1")


# Looking up what became of it


def test_an_image_that_was_added_is_found_by_name_or_id_and_type(cloud: Simulator) -> None:
    connection = connection_to(cloud.url, "alibaba")
    added = add_image(connection, REGION, VM)
    (found,) = registered_images(connection, REGION, "vm", names=["app-image"])
    assert (found.remote_id, found.name, found.version) == (added.image_id, "app-image", "V1.0")
    assert list(registered_images(connection, REGION, "vm", ids=[added.image_id])) == [found]
    assert list(registered_images(connection, REGION, "container", names=["app-image"])) == []
    assert list(registered_images(connection, REGION, "vm", names=["app"])) == []


def test_an_image_whose_answer_was_lost_is_found_though_unknown(cloud: Simulator) -> None:
    cloud.fail(operation="AddImage", reset=True, apply=True)
    connection = connection_to(cloud.url, "alibaba")
    with pytest.raises(ProviderError) as raised:
        add_image(connection, REGION, CONTAINER)
    assert not raised.value.outcome_known
    assert len(list(registered_images(connection, REGION, "container", names=["web"]))) == 1
    with pytest.raises(ProviderError) as again:
        add_image(connection, REGION, CONTAINER)
    assert (again.value.code, again.value.kind) == ("ImageAlreadyExists", "conflict")


def test_a_lookup_that_is_incomplete_does_not_say_that_there_is_none() -> None:
    with Canned(as_json({"Images": [], "TotalCount": 3})) as server, pytest.raises(ProviderError) as raised:
        list(registered_images(connection_to(server.url, "alibaba"), REGION, "vm", names=["x"]))
    assert raised.value.kind == "incomplete"


# The registry password travels in the address


@pytest.mark.parametrize(
    "reply",
    [ANSWER, RESET, HTML, Reply(b"", 302, {"Location": "/x"})],
    ids=["answered", "reset", "html", "redirect"],
)
def test_no_log_line_of_any_level_holds_the_registry_password(
    reply: Reply, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEBUG", "sdk")  # what makes the SDK print every request
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3.connectionpool", "urllib3.util.retry", "darabonba-core", "alibabacloud_credentials"):
        caplog.set_level(logging.DEBUG, logger=name)
    with Canned(reply) as server:
        try:
            add_image(connection_to(server.url, "alibaba"), REGION, CONTAINER)
        except ProviderError as error:
            logging.getLogger("test").exception("could not register: %s", error)
        assert "canary-Registry" in server.received[0].line  # it was there to be logged
    out, err = capfd.readouterr()
    assert "canary-Registry" not in caplog.text + out + err


def test_other_peoples_requests_are_logged_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    import requests

    caplog.set_level(logging.DEBUG, logger="urllib3.connectionpool")
    with Canned(ANSWER) as server:
        add_image(connection_to(server.url, "alibaba"), REGION, VM)
        assert not caplog.records
        requests.get(f"{server.url}/other", timeout=5)
    assert "/other" in caplog.text
