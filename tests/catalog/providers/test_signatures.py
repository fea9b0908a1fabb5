"""Outgoing requests against fixed vectors: the clock and the nonce stand still, the host is the cloud's own, and the
signature was worked out once from the vendors' documents with nothing but hashlib and hmac."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from catalog.providers import add_image, list_pages
from catalog.providers.base import Connection, Patience, ProviderError, Target

ALIBABA = {"access_key_id": "testid", "access_key_secret": "testsecret"}
HUAWEI = {"access_key": "QTWAOYTTINDUT2QVKYUC", "secret_key": "MFyfvK41ba2giqM7**********KGpownRZlmVmHc"}
ACS3 = (
    "ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=accept;host;user-agent;x-acs-action;x-acs-content-sha256;"
    "x-acs-credentials-provider"
)
PROJECT = "29dfe82ada564ac2b927e1ff036d9a9b"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[requests.PreparedRequest]]:
    """Every request as it would leave, at noon on 2026-01-02; none leaves."""
    from alibabacloud_tea_openapi.utils import Utils
    from huaweicloudsdkcore.auth import internal
    from huaweicloudsdkcore.signer import signer

    class Noon(datetime):
        @classmethod
        def utcnow(cls) -> "Noon":
            return cls(2026, 1, 2, 12, 0, 0)

    requests_: list[requests.PreparedRequest] = []

    def send(self: requests.Session, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        requests_.append(request)
        raise requests.exceptions.ConnectionError("no request leaves this test")

    monkeypatch.setattr(Utils, "get_timestamp", staticmethod(lambda: "2026-01-02T12:00:00Z"))
    monkeypatch.setattr(Utils, "get_nonce", staticmethod(lambda: "d410180a5abf7fe235dd9b74aca91fc0"))
    monkeypatch.setattr(Utils, "get_user_agent", staticmethod(lambda agent: "agent"))
    monkeypatch.setattr(internal, "user_agent_string", "agent")
    monkeypatch.setattr(signer, "datetime", Noon)
    monkeypatch.setattr(requests.Session, "send", send)
    yield requests_


def connection(credential: dict[str, str]) -> Connection:
    return Connection(credential=credential, patience=Patience(0, tries=1))


def only(sent: list[requests.PreparedRequest], act: Any) -> requests.PreparedRequest:
    with pytest.raises(ProviderError):
        act()
    (request,) = sent
    return request


def header(request: requests.PreparedRequest, name: str) -> str:
    value = request.headers[name]
    return value.decode() if isinstance(value, bytes) else value


def query(request: requests.PreparedRequest) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(str(request.url)).query))


def test_list_custom_images_is_signed(sent: list[requests.PreparedRequest]) -> None:
    target = Target(region="cn-hangzhou", cluster="ehpc-hz-FYUr32****", narrowing={"ImageOwnerAlias": "self"})
    request = only(sent, lambda: list(list_pages("alibaba_ehpc_custom", connection(ALIBABA), target)))
    assert (request.method, urlsplit(str(request.url)).netloc) == ("GET", "ehpc.cn-hangzhou.aliyuncs.com")
    assert query(request) == {"ClusterId": "ehpc-hz-FYUr32****", "ImageOwnerAlias": "self"}
    assert header(request, "Authorization") == (
        f"{ACS3};x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=0d706bbaa7b5f6b35e64f6a19ba8e5a1847499d8d376a6f28c5b34dc67018b44"
    )


def test_describe_image_infos_goes_to_the_one_host_of_ens_with_a_token(sent: list[requests.PreparedRequest]) -> None:
    credential = ALIBABA | {"security_token": "CAISgwJ1q6Ft5B2y"}
    request = only(
        sent, lambda: list(list_pages("alibaba_ens_public", connection(credential), Target(region="cn-beijing")))
    )
    assert (request.method, urlsplit(str(request.url)).netloc) == ("POST", "ens.aliyuncs.com")
    assert header(request, "x-acs-security-token") == "CAISgwJ1q6Ft5B2y"
    assert header(request, "Authorization") == (
        "ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=accept;host;user-agent;x-acs-accesskey-id;x-acs-action;"
        "x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-security-token;x-acs-signature-nonce;"
        "x-acs-version,"
        "Signature=53d13567485d0d378e7526cf068e671d1d8d1886fc2afa215242917aa276c87b"
    )


def test_add_image_is_signed_with_its_chinese_description(sent: list[requests.PreparedRequest]) -> None:
    spec = {"type": "vm", "name": "app image", "description": "应用测试镜像。~*", "image_id": "m-bp1akkkr1rkxtb"}
    request = only(sent, lambda: add_image(connection(ALIBABA), "cn-hangzhou", spec))
    assert (request.method, header(request, "x-acs-version")) == ("POST", "2023-07-01")
    assert header(request, "Authorization") == (
        f"{ACS3};x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=94ce18e9e0439194a0166f1034c71994b148292f22c2a0bbd1db942987b60f8c"
    )


def test_huaweis_list_images_is_signed(sent: list[requests.PreparedRequest]) -> None:
    target = Target(region="cn-north-4", project_id=PROJECT)
    request = only(sent, lambda: list(list_pages("huawei_workspace", connection(HUAWEI), target)))
    assert (request.method, urlsplit(str(request.url)).netloc) == ("GET", "workspace.cn-north-4.myhuaweicloud.com")
    assert urlsplit(str(request.url)).path == f"/v2/{PROJECT}/images"
    assert query(request) == {"limit": "100", "offset": "0"}
    assert header(request, "Authorization") == (
        "SDK-HMAC-SHA256 Access=QTWAOYTTINDUT2QVKYUC, "
        "SignedHeaders=content-type;host;user-agent;x-project-id;x-sdk-date, "
        "Signature=7577dd481c022c18c7e514286a42971750c99cfcd01023f026194385c702dc29"
    )


def test_huaweis_project_lookup_is_signed_with_a_token(sent: list[requests.PreparedRequest]) -> None:
    credential = HUAWEI | {"security_token": "gQVjbi1ub3J0aC00"}
    request = only(
        sent, lambda: list(list_pages("huawei_workspace", connection(credential), Target(region="xx-new-7")))
    )
    assert urlsplit(str(request.url)).netloc == "iam.xx-new-7.myhuaweicloud.com"
    assert (urlsplit(str(request.url)).path, query(request)) == ("/v3/projects", {"name": "xx-new-7"})
    assert header(request, "Authorization") == (
        "SDK-HMAC-SHA256 Access=QTWAOYTTINDUT2QVKYUC, SignedHeaders=host;user-agent;x-sdk-date;x-security-token, "
        "Signature=b89412cac371265d9c3f9a0be94fbd8f51e0b7932eb743350faba5fd69df3620"
    )
