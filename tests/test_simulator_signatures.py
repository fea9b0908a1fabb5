"""The simulator checks both signature schemes: fixed vectors, the SDKs' own signers, and all that can be wrong."""

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tests.clouds import credentials as known
from tests.clouds import sdks
from tests.clouds.credentials import KNOWN, Credential
from tests.clouds.errors import Refusal
from tests.clouds.server import Simulator
from tests.clouds.signatures import alibaba_signature, check_alibaba, check_huawei, huawei_signature
from tests.clouds.wire import Request, parse_head

KEYS = {(credential.vendor, credential.key): credential for credential in KNOWN}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()

# From Alibaba's own description of the V3 signature (RunInstances, key "YourAccessKeySecret").
ALIBABA_DOCUMENTED = """\
POST /?ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai HTTP/1.1
host: ecs.cn-shanghai.aliyuncs.com
x-acs-action: RunInstances
x-acs-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
x-acs-date: 2023-10-26T10:22:32Z
x-acs-signature-nonce: 3156853299f313e23d1673dc12e1703d
x-acs-version: 2014-05-26"""

# Signed once with alibabacloud_tea_openapi 0.4.6, Utils.get_authorization; sent as its HTTP client encodes it.
ALIBABA_STS = """\
POST /?ImageType=Container&Name=%E5%90%8D+a%26b&Description=d~%2A%2B+%2F%25%27%28%29&RegionId=cn-hangzhou\
&ContainerImageSpec=%7B%22RegistryUrl%22%3A%22r%2Fx%3Ay%22%7D HTTP/1.1
host: 127.0.0.1:8999
x-acs-version: 2023-07-01
x-acs-action: AddImage
user-agent: AlibabaCloud (Linux; x86_64) Python/3.13.0 Core/0.4.3 TeaDSL/2
x-acs-date: 2026-03-01T12:00:00Z
x-acs-signature-nonce: 4131b2bd653062707a6e7414016d035f
accept: application/json
x-acs-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
x-acs-credentials-provider: static_sts
x-acs-accesskey-id: STS.SIMULATED-KEY
x-acs-security-token: simulated-security-token+/=
Authorization: ACS3-HMAC-SHA256 Credential=STS.SIMULATED-KEY,SignedHeaders=accept;host;user-agent;x-acs-accesskey-id;\
x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-security-token;x-acs-signature-nonce;\
x-acs-version,Signature=8af73ffb0a75821a9273b25f69fd601cd8d4946bed0a25aab71578bb35f4c211"""

ALIBABA_FORM = """\
POST / HTTP/1.1
host: 127.0.0.1:8999
x-acs-version: 2017-11-10
x-acs-action: DescribeSelfImages
x-acs-date: 2026-03-01T12:00:00Z
x-acs-signature-nonce: 9eb5b77ecc05110c11aff344241abae2
accept: application/json
content-type: application/x-www-form-urlencoded
x-acs-content-sha256: 91cdaaa51742294268a224d71ac5ac3551cb69c9c01954d8d4fafc3f7e66d670
Authorization: ACS3-HMAC-SHA256 Credential=SIMULATED-ACCESS-KEY,SignedHeaders=accept;content-type;host;x-acs-action;\
x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,\
Signature=941b05835c3a2f152d4a00fb4bd8127e7b342b1fcf8fb31a103e06bb7b158522"""

# Signed once with huaweicloudsdkcore 3.1.219, Signer.sign.
HUAWEI_STS = """\
GET /v2/29dfe82ada564ac2b927e1ff036d9a9b/images?limit=100&offset=0&os_type=a%20b%2Bc~ HTTP/1.1
Content-Type: application/json
X-Project-Id: 29dfe82ada564ac2b927e1ff036d9a9b
X-Security-Token: simulated-huawei-token+/=
X-Sdk-Date: 20260301T120000Z
User-Agent: huaweicloud-usdk-python/3.0
Host: 127.0.0.1:8999
Authorization: SDK-HMAC-SHA256 Access=SIMULATED-HUAWEI-STS, SignedHeaders=content-type;host;user-agent;x-project-id;\
x-sdk-date;x-security-token, Signature=4bda42bc9f426b2e4a6f55cb5a7eb1e9e54ab0fc0c4cde6627c2cd2cc807be09"""


def arrived(text: str, body: bytes = b"") -> Request:
    request = parse_head(text.replace("\n", "\r\n").encode())
    request.body = body
    return request


def judge_alibaba(request: Request, now: float = NOON, nonce: bool = True) -> Credential:
    return check_alibaba(request, KEYS, now, lambda _: nonce)


def refused(check: Callable[[], object]) -> tuple[int, str, str]:
    with pytest.raises(Refusal) as caught:
        check()
    return caught.value.status, caught.value.code, caught.value.message


def test_it_computes_the_signature_alibaba_documents() -> None:
    request = arrived(ALIBABA_DOCUMENTED)
    signed = sorted(request.raw_headers)
    documented = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    assert alibaba_signature(request, signed, "YourAccessKeySecret") == documented


def test_it_accepts_what_alibabas_sdk_signed() -> None:
    assert judge_alibaba(arrived(ALIBABA_STS)) is known.ALIBABA_STS
    assert judge_alibaba(arrived(ALIBABA_FORM, b"PageNumber=1&RegionId=x+y")) is known.ALIBABA


def test_it_accepts_what_huaweis_sdk_signed() -> None:
    assert check_huawei(arrived(HUAWEI_STS), KEYS, NOON) is known.HUAWEI_STS


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("Name=%E5%90%8D", "Name=%E5%90%8E", "SignatureDoesNotMatch"),
        ("RegionId=cn-hangzhou", "RegionId=cn-shanghai", "SignatureDoesNotMatch"),
        ("POST", "GET", "SignatureDoesNotMatch"),
        ("host: 127.0.0.1:8999", "host: 127.0.0.1:8998", "SignatureDoesNotMatch"),
        ("x-acs-action: AddImage", "x-acs-action: ListImages", "SignatureDoesNotMatch"),
        ("Signature=8af7", "Signature=8af8", "SignatureDoesNotMatch"),
        ("e3b0c442", "e3b0c443", "SignatureDoesNotMatch"),
        ("Credential=STS.SIMULATED-KEY", "Credential=NOBODY", "InvalidAccessKeyId.NotFound"),
        ("Credential=STS.SIMULATED-KEY", "Credential=SIMULATED-INACTIVE", "InvalidAccessKeyId.Inactive"),
        ("ACS3-HMAC-SHA256 ", "ACS3-RSA-SHA256 ", "MissingAccessKeyId"),
        ("2026-03-01T12:00:00Z", "yesterday", "InvalidTimeStamp.Format"),
        (";x-acs-date;", ";", "IncompleteSignature"),
        (";x-acs-security-token;", ";", "IncompleteSignature"),
        (";host;", ";host;x-acs-absent;", "IncompleteSignature"),
    ],
)
def test_it_refuses_an_alibaba_request_that_was_tampered_with(before: str, after: str, code: str) -> None:
    assert before in ALIBABA_STS
    assert refused(lambda: judge_alibaba(arrived(ALIBABA_STS.replace(before, after, 1))))[1] == code


def test_it_refuses_an_alibaba_body_that_is_not_the_signed_one() -> None:
    assert (
        refused(lambda: judge_alibaba(arrived(ALIBABA_FORM, b"PageNumber=2&RegionId=x+y")))[1]
        == "SignatureDoesNotMatch"
    )


@pytest.mark.parametrize("seconds", [-901, 901])
def test_it_refuses_a_date_more_than_fifteen_minutes_off(seconds: int) -> None:
    off = NOON + seconds
    assert refused(lambda: judge_alibaba(arrived(ALIBABA_STS), off))[:2] == (400, "InvalidTimeStamp.Expired")
    status, code, message = refused(lambda: check_huawei(arrived(HUAWEI_STS), KEYS, off))
    assert (status, code) == (401, "APIGW.0301") and "expired" in message


@pytest.mark.parametrize("seconds", [-899, 899])
def test_it_accepts_a_date_less_than_fifteen_minutes_off(seconds: int) -> None:
    assert judge_alibaba(arrived(ALIBABA_STS), NOON + seconds)
    assert check_huawei(arrived(HUAWEI_STS), KEYS, NOON + seconds)


def test_it_refuses_a_nonce_a_second_time() -> None:
    assert refused(lambda: judge_alibaba(arrived(ALIBABA_STS), nonce=False))[1] == "SignatureNonceUsed"


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("limit=100", "limit=10", "verify aksk signature fail"),
        (
            "29dfe82ada564ac2b927e1ff036d9a9b/images",
            "29dfe82ada564ac2b927e1ff036d9a9c/images",
            "verify aksk signature fail",
        ),
        ("GET", "DELETE", "verify aksk signature fail"),
        ("Host: 127.0.0.1:8999", "Host: 127.0.0.1:8998", "verify aksk signature fail"),
        ("Signature=4bda", "Signature=4bdb", "verify aksk signature fail"),
        ("Access=SIMULATED-HUAWEI-STS", "Access=NOBODY", "ak NOBODY not exist"),
        ("Access=SIMULATED-HUAWEI-STS", "Access=SIMULATED-HUAWEI-INACTIVE", "is inactive"),
        ("SDK-HMAC-SHA256 ", "SDK-HMAC-SM3 ", "auth token not found"),
        (";host;", ";", "not complete"),
        ("20260301T120000Z", "now", "expired"),
    ],
)
def test_it_refuses_a_huawei_request_that_was_tampered_with(before: str, after: str, says: str) -> None:
    assert before in HUAWEI_STS
    status, code, message = refused(lambda: check_huawei(arrived(HUAWEI_STS.replace(before, after, 1)), KEYS, NOON))
    assert (status, code) == (401, "APIGW.0301")
    assert message.startswith("Incorrect IAM authentication information: ") and says in message


def test_it_agrees_with_alibabas_signer_on_hard_parameters() -> None:
    from alibabacloud_tea_openapi.utils import Utils

    hard = {
        "a": "",
        "A": " ",
        "b.1": "~*'()!+%20&=?/#",
        "e": "名称 ☃",
        "x": '\n\t"\\',
        "Description": "=cmd|' /C calc'!A0",
    }
    headers = {"host": "127.0.0.1", "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(), "x-acs-date": "2026"}
    asked = SimpleNamespace(method="GET", pathname="/", query=hard, headers=headers)
    expected = Utils.get_authorization(asked, "ACS3-HMAC-SHA256", headers["x-acs-content-sha256"], "k", "secret")
    request = Request("GET", "/", "", {name: value.encode() for name, value in headers.items()})
    request.query = hard
    assert expected.endswith("Signature=" + alibaba_signature(request, sorted(headers), "secret"))


def test_it_agrees_with_huaweis_signer_on_hard_parameters() -> None:
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.sdk_request import SdkRequest
    from huaweicloudsdkcore.signer.signer import Signer

    hard = [("os_type", "~*'()!+%20&=?/#"), ("platform", "名称 ☃"), ("limit", 0)]
    headers = {"X-Sdk-Date": "20260301T120000Z", "Host": "127.0.0.1", "X-Note": " spaced "}
    asked = SdkRequest("GET", "http", "127.0.0.1", "/v2/a b~/images", [], hard, dict(headers), "")
    signed = Signer(BasicCredentials("k", "secret")).sign(asked)
    head = f"GET {signed.uri.replace('a b~', 'a%20b~')} HTTP/1.1\n" + "\n".join(f"{k}: {v}" for k, v in headers.items())
    request = arrived(head)
    mine = huawei_signature(request, ["host", "x-note", "x-sdk-date"], "secret")
    assert signed.header_params["Authorization"].endswith("Signature=" + mine)


def told(call: Callable[[], Any]) -> tuple[int, str]:
    """HTTP status and code with which an SDK call of either vendor failed."""
    with pytest.raises(Exception, match=r"(?s).+") as caught:
        call()
    error: Any = caught.value
    return error.status_code, getattr(error, "error_code", None) or error.code


@pytest.mark.parametrize(
    ("credential", "outcome"),
    [
        (Credential(vendor="alibaba", key="NOBODY", secret="x"), (404, "InvalidAccessKeyId.NotFound")),
        (Credential(vendor="alibaba", key=known.ALIBABA.key, secret="wrong"), (400, "SignatureDoesNotMatch")),
        (known.ALIBABA_INACTIVE, (400, "InvalidAccessKeyId.Inactive")),
        (known.ALIBABA_EXPIRED, (400, "InvalidSecurityToken.Expired")),
        (
            Credential(vendor="alibaba", key=known.ALIBABA_STS.key, secret=known.ALIBABA_STS.secret, token="other"),
            (400, "InvalidSecurityToken.Malformed"),
        ),
        (
            Credential(vendor="alibaba", key=known.ALIBABA_STS.key, secret=known.ALIBABA_STS.secret),
            (400, "MissingSecurityToken"),
        ),
        (known.ALIBABA_DENIED, (407, "NotAuthorized")),
        (known.ALIBABA_IN_DEBT, (400, "InDebt")),
        (known.ALIBABA_NOT_ENABLED, (400, "NotEnabled")),
    ],
)
def test_alibabas_sdk_is_told_why_its_key_is_refused(
    cloud: Simulator, credential: Credential, outcome: tuple[int, str]
) -> None:
    assert told(lambda: sdks.rpc(cloud, "2018-04-12", "ListCustomImages", credential)) == outcome


@pytest.mark.parametrize(
    ("credential", "outcome"),
    [
        (Credential(vendor="huawei", key="NOBODY", secret="x"), (401, "APIGW.0301")),
        (Credential(vendor="huawei", key=known.HUAWEI.key, secret="wrong"), (401, "APIGW.0301")),
        (known.HUAWEI_INACTIVE, (401, "APIGW.0301")),
        (known.HUAWEI_EXPIRED, (401, "APIGW.0301")),
        (known.HUAWEI_DENIED, (403, "WKS.00010002")),
        (known.HUAWEI_IN_DEBT, (403, "WKS.00010003")),
        (known.HUAWEI_NOT_ENABLED, (403, "WKS.00010004")),
    ],
)
def test_huaweis_sdk_is_told_why_its_key_is_refused(
    cloud: Simulator, credential: Credential, outcome: tuple[int, str]
) -> None:
    from huaweicloudsdkworkspace.v2 import ListImagesRequest

    client = sdks.workspace(cloud, credential, project_id=cloud.project_id("cn-north-4"))
    assert told(lambda: client.list_images(ListImagesRequest())) == outcome


def test_security_tokens_open_both_clouds(cloud: Simulator) -> None:
    from huaweicloudsdkworkspace.v2 import ListImagesRequest

    assert sdks.rpc(cloud, "2018-04-12", "ListClusters", known.ALIBABA_STS)["TotalCount"] == 3
    assert sdks.workspace(cloud, known.HUAWEI_STS).list_images(ListImagesRequest(limit=1)).total_count == 120


def test_a_key_may_be_denied_one_operation() -> None:
    partial = Credential(vendor="alibaba", key="PARTIAL", secret="s", denied=frozenset({"DescribeImageInfos"}))
    with Simulator(images=5, credentials=[partial]) as mine:
        assert sdks.rpc(mine, "2017-11-10", "DescribeSelfImages", partial)["TotalCount"] == "5"
        outcome = told(lambda: sdks.rpc(mine, "2017-11-10", "DescribeImageInfos", partial))
    assert outcome == (400, "NoPermission")


def test_the_log_says_which_signatures_were_bad(cloud: Simulator) -> None:
    told(lambda: sdks.rpc(cloud, "2018-04-12", "ListClusters", Credential(vendor="alibaba", key="NOBODY", secret="x")))
    sdks.rpc(cloud, "2018-04-12", "ListClusters")
    bad, good = cloud.requests("ListClusters")
    assert (bad["signature"], bad["status"]) == ("InvalidAccessKeyId.NotFound", 404)
    assert (good["signature"], good["status"], good["key"]) == ("ok", 200, known.ALIBABA.key)


def test_no_secret_is_in_the_log(cloud: Simulator) -> None:
    sdks.rpc(cloud, "2018-04-12", "ListClusters", known.ALIBABA_STS)
    assert not re.search(r"simulated-(sts-secret|security-token)", str(cloud.requests()))
