"""Where a request goes: PROVIDERS.md sections 2a ("Region", "Proxy") and 3."""

import socket
from pathlib import Path

import pytest

from catalog.providers import list_pages
from catalog.providers.base import Connection, Patience, ProviderError, Target
from catalog.providers.endpoints import base_url, is_loopback
from tests.catalog.providers.canned import Canned, Reply
from tests.catalog.providers.conftest import CREDENTIALS, PROJECT, connection_for, target_for

EMPTY = {
    "alibaba_ens_public": Reply(b'{"Images": {"Image": []}}'),
    "alibaba_ehpc_custom": Reply(b'{"Images": {"ImageInfo": []}}'),
    "huawei_workspace": Reply(b'{"images": [], "total_count": 0}'),
}


def connection(vendor: str = "alibaba", **endpoints: str) -> Connection:
    names = {name.replace("_", "-").replace("--", "@", 1): url for name, url in endpoints.items()}
    credential = CREDENTIALS[vendor] | ({"project_id": PROJECT} if vendor == "huawei" else {})
    return Connection(credential=credential, patience=Patience(0, tries=1), endpoints=names)


def test_an_entry_for_the_region_beats_the_one_for_all() -> None:
    endpoints = {"alibaba-ehpc": "https://a.example", "alibaba-ehpc@cn-shanghai": "http://127.0.0.1:81"}
    here = Connection(credential={}, patience=Patience(0), endpoints=endpoints)
    assert base_url(here, "alibaba-ehpc", "cn-shanghai", "x") == ("http", "127.0.0.1:81")
    assert base_url(here, "alibaba-ehpc", "cn-beijing", "x") == ("https", "a.example")
    assert base_url(here, "alibaba-ens", "cn-beijing", "ens.aliyuncs.com") == ("https", "ens.aliyuncs.com")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1/", "https://x.example:8443"]
)
def test_a_base_url_is_taken(url: str) -> None:
    assert base_url(connection(alibaba_ens=url), "alibaba-ens", "r1", "x")[0] == url.partition(":")[0]


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1",
        "http://metadata.internal",
        "http://127.0.0.1.evil.example",
        "ftp://127.0.0.1",
        "127.0.0.1:80",
        "https://",
        "https://user:pw@x.example",
        "https://x.example/path",
        "https://x.example?q=1",
        "https://x.exa mple",
        "http://[::1",
    ],
)
def test_anything_else_is_refused_and_plain_http_is_for_this_machine_only(url: str) -> None:
    with pytest.raises(ProviderError) as raised:
        list(list_pages("alibaba_ens_public", connection(alibaba_ens=url), Target(region="cn-hangzhou")))
    assert (raised.value.kind, raised.value.code) == ("invalid", "InvalidEndpoint")


def test_loopback_is_told_from_what_looks_like_it() -> None:
    assert all(map(is_loopback, ["localhost", "127.0.0.1", "127.9.9.9", "::1"]))
    assert not any(map(is_loopback, ["localhost.example", "128.0.0.1", "::2", "", "127.0.0.1.example"]))


@pytest.mark.parametrize("kind", EMPTY)
def test_a_loopback_endpoint_goes_past_every_proxy(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Canned(EMPTY[kind]) as server:
        assert list(list_pages(kind, connection_for(server.url, kind), target_for(kind)))


@pytest.mark.parametrize("kind", EMPTY)
def test_a_cloud_is_reached_through_the_proxy_unless_no_proxy_names_it(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = kind.partition("_")[0]
    with Canned(Reply(b"no", 502)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "localhost")
        assert _failure(kind, vendor).code == "ProxyFailed"
        monkeypatch.setenv("NO_PROXY", "aliyuncs.com,myhuaweicloud.com")
        monkeypatch.setattr(socket, "getaddrinfo", _no_host)
        assert _failure(kind, vendor).code == "HostNotFound"


def _no_host(*args: object, **kwargs: object) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def _failure(kind: str, vendor: str) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        list(list_pages(kind, connection(vendor), target_for(kind)))
    return raised.value


@pytest.mark.parametrize(("problem", "again"), [(socket.EAI_NONAME, False), (socket.EAI_AGAIN, True)])
def test_an_unknown_region_is_a_host_that_is_not_found(
    problem: int, again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(problem, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(ProviderError) as raised:
        list(list_pages("alibaba_ehpc_custom", connection(), Target(region="xx-nowhere-1")))
    assert (raised.value.kind, raised.value.code, raised.value.retryable) == ("unreachable", "HostNotFound", again)
    assert "ehpc.xx-nowhere-1.aliyuncs.com" in raised.value.message


def test_a_netrc_does_not_replace_the_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for kind, scheme in (("alibaba_ens_public", "ACS3-HMAC-SHA256"), ("huawei_workspace", "SDK-HMAC-SHA256")):
        with Canned(EMPTY[kind]) as server:
            list(list_pages(kind, connection_for(server.url, kind), target_for(kind)))
        assert server.received[0].headers["authorization"].startswith(scheme)


def test_the_pattern_of_huaweis_hosts_is_that_of_its_own_region_tables() -> None:
    from huaweicloudsdkcore.auth.endpoint import get_iam_endpoint_by_id
    from huaweicloudsdkworkspace.v2.region.workspace_region import WorkspaceRegion

    for name, region in WorkspaceRegion.static_fields.items():
        assert region.endpoints == [f"https://workspace.{name}.myhuaweicloud.com"]
        assert get_iam_endpoint_by_id(name) in (None, f"https://iam.{name}.myhuaweicloud.com")


@pytest.mark.parametrize("kind", EMPTY)
def test_a_redirect_takes_no_signature_elsewhere(kind: str) -> None:
    with Canned(EMPTY[kind]) as elsewhere, Canned(Reply(b"", 307, {"Location": elsewhere.url})) as server:
        with pytest.raises(ProviderError) as raised:
            list(list_pages(kind, connection_for(server.url, kind), target_for(kind)))
        assert raised.value.code == "Redirected" and not elsewhere.received
