"""Every error the seeds document, and those of the gateways: what kind it is, and that it arrives whole and safe."""

import json
import pickle

import pytest

from catalog.providers import add_image, list_pages
from catalog.providers.base import Connection, Patience, ProviderError
from tests.catalog.providers.canned import Canned, Reply, as_json
from tests.catalog.providers.conftest import CREDENTIALS, PROJECT, Naps, connection_for, connection_to, target_for

# (provider, HTTP status, code, message, kind, tries it is worth). The messages are the seeds' own.
LIST_CUSTOM = "alibaba_ehpc_custom"
CONTAINER = "alibaba_ehpc_container"
ENS = "alibaba_ens_public"
ALIBABA = [
    (LIST_CUSTOM, 404, "ImageNotFound", "The specified image does not exist.", "not_found", 1),
    (LIST_CUSTOM, 406, "EcsError", "An error occurred while calling the ECS API operation.", "unavailable", 4),
    (LIST_CUSTOM, 406, "DbError", "A database service error occurred.", "unavailable", 4),
    (LIST_CUSTOM, 407, "NotAuthorized", "You are not authorized by RAM for this request.", "permission", 1),
    (LIST_CUSTOM, 500, "UnknownError", "An unknown error occurred.", "unavailable", 4),
    (LIST_CUSTOM, 503, "ServiceUnavailable", "The request has failed due to a temporary failure.", "unavailable", 4),
    (CONTAINER, 400, "InvalidParams", "The specified parameter ClusterId is invalid.", "invalid", 1),
    (CONTAINER, 400, "InvalidContainerType", "Unsupported container type: docker.", "invalid", 1),
    (CONTAINER, 404, "LoginNotFound", "The specified login node does not exist.", "not_found", 1),
    (CONTAINER, 406, "AliyunError", "An Alibaba Cloud product error occurred.", "unavailable", 4),
    (CONTAINER, 406, "ExecFail", "Failed to execute the command: ls.", "unavailable", 4),
    (CONTAINER, 406, "AgentError", "The agent service request failed.", "unavailable", 4),
    (ENS, 400, "MissingParameter", "The input parameter domainName that is mandatory is not supplied.", "invalid", 1),
    (ENS, 400, "InstanceIdNotFound", "The input parameter instancdId that is not found.", "not_found", 1),
    (ENS, 400, "NoPermission", "Permission denied.", "permission", 1),
    (ENS, 400, "CallInterface", "Call Interface Happen Error.", "unavailable", 4),
    (ENS, 400, "InvalidParameter.OsType", "The specified field OsType invalid. Please check it again.", "invalid", 1),
    # The gateway's own.
    (ENS, 404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.", "authentication", 1),
    (ENS, 400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.", "authentication", 1),
    (
        ENS,
        400,
        "SignatureDoesNotMatch",
        "Specified signature is not matched with our calculation.",
        "authentication",
        1,
    ),
    (ENS, 400, "IncompleteSignature", "The request signature does not conform to standards.", "authentication", 1),
    (ENS, 400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.", "authentication", 1),
    (ENS, 400, "SecurityTokenExpired", "The security token has expired.", "authentication", 1),
    (ENS, 400, "MissingSecurityToken", "SecurityToken is mandatory for this action.", "authentication", 1),
    (ENS, 403, "Forbidden.RAM", "User not authorized to operate on the specified resource.", "permission", 1),
    (ENS, 400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.", "invalid", 1),
    (ENS, 400, "SignatureNonceUsed", "Specified signature nonce was used already.", "unavailable", 4),
    (ENS, 400, "Throttling.User", "Request was denied due to user flow control.", "throttled", 4),
    (ENS, 503, "Throttling", "Request was denied due to request throttling.", "throttled", 4),
    (ENS, 429, "Whatever", "Slower.", "throttled", 4),
    (ENS, 500, "InternalError", "The request processing has failed.", "unavailable", 4),
    (ENS, 404, "InvalidAction.NotFound", "Specified api is not found.", "invalid", 1),
    (ENS, 400, "InDebt", "Your account has overdue payments.", "billing", 1),
    (ENS, 400, "NotEnabled", "You have not enabled this service.", "not_enabled", 1),
    (ENS, 404, "Something.NotFound", "Gone.", "not_found", 1),
    (ENS, 418, "NeverHeardOf", "Odd.", "invalid", 1),
]
HUAWEI = [
    (400, "WKS.00010001", "The request cannot be understood.", "invalid", 1),
    (401, "APIGW.0301", "Incorrect IAM authentication information: verify aksk signature fail", "authentication", 1),
    (401, "APIGW.0301", "Incorrect IAM authentication information: x-sdk-date expired", "invalid", 1),
    (401, "APIGW.0301", "Incorrect IAM authentication information: signature expired", "invalid", 1),
    (401, "APIGW.0301", "Incorrect IAM authentication information: security token expired", "authentication", 1),
    (401, "APIGW.0307", "The token must be updated.", "authentication", 1),
    (403, "WKS.1", "Policy doesn't allow workspace:images:list to be performed.", "permission", 1),
    (403, "WKS.2", "The account is in arrears.", "billing", 1),
    (403, "WKS.3", "The Workspace service is not enabled.", "not_enabled", 1),
    (404, "APIGW.0101", "The API does not exist or has not been published in the environment", "not_found", 1),
    (405, "APIGW.0106", "Method Not Allowed", "invalid", 1),
    (409, "WKS.4", "Conflict.", "conflict", 1),
    (429, "APIGW.0308", "The throttling threshold has been reached: policy user over ratelimit", "throttled", 4),
    (500, "WKS.00010006", "An internal service error occurred.", "unavailable", 4),
    (503, "WKS.00010007", "The service is unavailable.", "unavailable", 4),
]
REQUEST_ID = "04F0F334-1335-436C-A1D7-6C044FE73368"


def refused(kind: str, reply: Reply, naps: Naps) -> tuple[ProviderError, int]:
    with Canned(reply) as server:
        with pytest.raises(ProviderError) as raised:
            list(list_pages(kind, connection_for(server.url, kind, naps=naps), target_for(kind)))
        return raised.value, len(server.received)


@pytest.mark.parametrize(("kind", "status", "code", "message", "means", "tries"), ALIBABA)
def test_alibabas_code_is_of_this_kind(
    kind: str, status: int, code: str, message: str, means: str, tries: int, naps: Naps
) -> None:
    body = {"Code": code, "Message": message, "RequestId": REQUEST_ID, "HostId": "x", "Recommend": "https://x"}
    error, sent = refused(kind, as_json(body, status), naps)
    assert (error.code, error.message, error.request_id, error.status) == (code, message, REQUEST_ID, status)
    assert (error.kind, error.retryable, sent) == (means, tries > 1, tries)


@pytest.mark.parametrize(("status", "code", "message", "means", "tries"), HUAWEI)
def test_huaweis_code_is_of_this_kind(status: int, code: str, message: str, means: str, tries: int, naps: Naps) -> None:
    reply = as_json({"error_code": code, "error_msg": message}, status, **{"X-Request-Id": REQUEST_ID})
    error, sent = refused("huawei_workspace", reply, naps)
    assert (error.code, error.message, error.request_id, error.status) == (code, message, REQUEST_ID, status)
    assert (error.kind, error.retryable, sent) == (means, tries > 1, tries)


@pytest.mark.parametrize(
    "body",
    [
        {
            "error": {
                "code": 401,
                "message": "The request you have made requires authentication.",
                "title": "Unauthorized",
            }
        },
        {"errorCode": "401", "errorMsg": "The request you have made requires authentication."},
        {"code": "401", "message": "The request you have made requires authentication."},
    ],
)
def test_huaweis_other_error_bodies_are_understood(body: dict[str, object], naps: Naps) -> None:
    error, _ = refused("huawei_workspace", as_json(body, 401), naps)
    assert (error.code, error.kind) == ("401", "authentication")
    assert error.message == "The request you have made requires authentication."


def test_a_throttled_huawei_call_keeps_its_code_and_message(naps: Naps) -> None:
    reply = as_json({"error_code": "APIGW.0308", "error_msg": "too many"}, 429, **{"Retry-After": "2"})
    error, sent = refused("huawei_workspace", reply, naps)
    assert (error.code, error.message, error.retry_after, sent) == ("APIGW.0308", "too many", 2.0, 4)
    assert naps == [2.0, 2.0, 2.0]


def test_a_retry_after_longer_than_the_patience_is_not_waited_for(naps: Naps) -> None:
    body = {"Code": "Throttling.User", "Message": "slower", "RequestId": REQUEST_ID}
    with Canned(as_json(body, 400, **{"x-acs-retry-after": "60000"})) as server:
        with pytest.raises(ProviderError) as raised:
            list(list_pages(ENS, connection_for(server.url, ENS, naps=naps), target_for(ENS)))
        assert (len(server.received), raised.value.retry_after, naps) == (1, 60.0, [])


def test_a_code_inside_a_200_is_an_error(naps: Naps) -> None:
    body = {"Code": 400, "Message": "Permission denied.", "RequestId": REQUEST_ID, "Images": {"Image": []}}
    error, _ = refused(ENS, as_json(body), naps)
    assert (error.code, error.message, error.request_id) == ("400", "Permission denied.", REQUEST_ID)


@pytest.mark.parametrize("code", [0, 200, "0", "200", None])
def test_the_codes_0_and_200_are_none(code: object) -> None:
    with Canned(as_json({"Code": code, "Images": {"Image": []}})) as server:
        assert next(list_pages(ENS, connection_for(server.url, ENS), target_for(ENS))).images == []


def test_success_false_in_a_listing_is_an_error(naps: Naps) -> None:
    body = {"Success": False, "Images": [], "TotalCount": 0, "RequestId": f"{REQUEST_ID}\n"}
    error, _ = refused("alibaba_ehpc_registered", as_json(body), naps)
    assert (error.code, error.kind, error.request_id) == ("NotSuccessful", "invalid", REQUEST_ID)


def test_a_providers_text_is_made_fit_for_screen_and_log(naps: Naps) -> None:
    told = "a\x00b\r\nSet-Cookie: x\x1b[31m\u202eevil\ud800" + "<b>" * 1000
    body = {"Code": "C\x00ode\n" + "x" * 1000, "Message": told, "RequestId": "id\r\n" + "y" * 1000}
    error, _ = refused(ENS, Reply(json.dumps(body).encode(), 400), naps)
    for shown, length in ((error.code, 100), (error.message, 500), (error.request_id or "", 100)):
        assert len(shown) <= length and shown.isprintable()
        assert not set(shown) & set("\x00\r\n\x1b\u202e\ud800")
    assert error.message.startswith("a b Set-Cookie: x [31m evil <b><b>")


@pytest.mark.parametrize("told", [{"a": 1}, None, "", 17, ["x"]])
def test_a_message_that_is_no_text_is_replaced(told: object, naps: Naps) -> None:
    error, _ = refused(ENS, as_json({"Code": "NoPermission", "Message": told}, 400), naps)
    assert error.message == "The cloud reported a failure without a reason."


@pytest.mark.parametrize("vendor", ["alibaba", "huawei"])
def test_a_provider_that_repeats_the_credential_is_not_repeated(vendor: str, naps: Naps) -> None:
    secrets = {name: f"canary/{name}+Zq8 1".replace(" ", "") for name in CREDENTIALS[vendor]} | {
        "security_token": "tok=en/42"
    }
    told = "you sent " + " and ".join(secrets.values()) + " which is %63 canary%2Faccess"
    kind = {"alibaba": ENS, "huawei": "huawei_workspace"}[vendor]
    alibaba = {"Code": f"Bad.{secrets['security_token']}", "Message": told, "RequestId": told}
    huawei = {"error_code": f"Bad.{secrets['security_token']}", "error_msg": told}
    with Canned(as_json(alibaba if vendor == "alibaba" else huawei, 400, **{"X-Request-Id": told})) as server:
        project = {"project_id": PROJECT} if vendor == "huawei" else {}
        connection = connection_to(server.url, vendor, naps=naps, **(secrets | project))
        with pytest.raises(ProviderError) as raised:
            list(list_pages(kind, connection, target_for(kind)))
    shown = f"{raised.value} {raised.value.as_dict()}"
    assert not [name for name, secret in secrets.items() if secret in shown]
    assert "[hidden]" in raised.value.message


def test_the_registry_password_is_hidden_however_it_is_written(naps: Naps) -> None:
    password = 'p w/"ü+1'
    told = f"bad: {password} or p%20w%2F%22%C3%BC%2B1 or p+w%2F%22%C3%BC%2B1 or {json.dumps(password)}"
    spec = {"type": "container", "name": "x", "registry_url": "r.example/x", "registry_password": password}
    refusal = as_json({"Code": "InvalidParams", "Message": told}, 400)
    with Canned(refusal) as server, pytest.raises(ProviderError) as raised:
        add_image(connection_to(server.url, "alibaba", naps=naps), "cn-hangzhou", spec)
    assert raised.value.message == 'bad: [hidden] or [hidden] or [hidden] or "[hidden]"'


def test_a_broken_credential_is_an_error_like_any_other() -> None:
    connection = Connection(credential={}, patience=Patience(1), endpoints={"alibaba-ens": "http://127.0.0.1:9"})
    with pytest.raises(ProviderError) as raised:
        list(list_pages(ENS, connection, target_for(ENS)))
    assert (raised.value.kind, raised.value.code) == ("invalid", "SDKError")
    assert raised.value.__context__ is None


@pytest.mark.parametrize("vendor", ["alibaba", "huawei"])
def test_what_the_sdk_says_of_a_request_it_cannot_build_is_not_repeated(vendor: str) -> None:
    secrets = {name: f"canary-{name}\n\u4e2d" for name in CREDENTIALS[vendor]}
    project = {"project_id": PROJECT} if vendor == "huawei" else {}
    connection = connection_to("http://127.0.0.1:9", vendor, **(secrets | project))
    kind = {"alibaba": ENS, "huawei": "huawei_workspace"}[vendor]
    with pytest.raises(ProviderError) as raised:
        list(list_pages(kind, connection, target_for(kind)))
    assert (raised.value.kind, raised.value.code) == ("invalid", "SDKError")
    assert "canary" not in f"{raised.value}{raised.value!r}" and raised.value.__context__ is None


@pytest.mark.parametrize(("kind", "header"), [(ENS, "x-acs-request-id"), ("huawei_workspace", "X-Request-Id")])
@pytest.mark.parametrize(("status", "body"), [(200, b"<html>"), (302, b""), (404, b""), (502, b"<html>")])
def test_the_request_id_of_an_answer_of_another_shape_is_told(
    kind: str, header: str, status: int, body: bytes, naps: Naps
) -> None:
    error, _ = refused(kind, Reply(body, status, {header: REQUEST_ID}), naps)
    assert (error.request_id, error.status) == (REQUEST_ID, status)


def test_an_error_is_pickled_whole() -> None:
    error = ProviderError("AddImage", "X", "why", kind="billing", request_id="r", outcome_known=False, retry_after=2.5)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.as_dict(), vars(again)) == (str(error), error.as_dict(), vars(error))
