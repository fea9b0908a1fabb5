"""Where a cloud's calls go is the operator's to say (PROVIDER_ENDPOINTS) and the vendor's: nothing that somebody of a
team types, uploads or leaves in a row leads them to another host.

Every connection goes by a proxy that writes down which host it was asked for, and refuses.
"""

import json
import re
from collections.abc import Iterator

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.actions import ActionError
from accounts.models import CloudAccount
from catalog import actions, providers, tasks
from catalog.connections import connect
from catalog.models import Batch, ConnectionTest, Registration, Removal, Source
from catalog.providers import PROVIDERS
from catalog.providers.base import Connection, Patience, ProviderError, Target
from catalog.sync import run_sync, start_run
from tests.catalog.batching import MANY, as_csv
from tests.catalog.providers.canned import Canned, Reply
from tests.catalog.providers.conftest import CREDENTIALS, PROJECT, REGIONS
from tests.catalog.registering import ADD as REGISTER
from tests.catalog.registering import filled_in
from tests.catalog.registration.asked import CONTAINER, VM
from tests.catalog.test_cloud_account_views import TYPED
from tests.processes import refused
from tests.running import run_command

VENDORS_OWN = re.compile(
    r"ens\.aliyuncs\.com:443|ehpc\.cn-hangzhou\.aliyuncs\.com:443|(workspace|iam)\.cn-north-4\.myhuaweicloud\.com:443"
)
# Each is no region, and none becomes one by losing the white space around it.
NO_REGION = [
    "evil.example/#", "evil.example/", "cn-hangzhou.evil.example", "evil.example#.cn-hangzhou", "@evil.example",
    "x@evil.example/", "cn-hangzhou@evil.example", "cn-hangzhou:81", "cn-hangzhou/../..", "cn-hangzhou?",
    "cn-hangzhou\\x", "127.0.0.1", "[::1]", "..", "%2e%2e", "%23", "CN-HANGZHOU", "cn_hangzhou", "cn-hángzhōu",
    "\uff43n-hangzhou", "cn\u2010hangzhou", "{region}", "cn-hangzhou\x00", "\x00", "cn-hang\x00zhou",
    "cn-hang\u202ezhou", "x", "a" * 41, "a" * 100_000,
]  # fmt: skip
BROKEN_LINES = ["cn-hangzhou\n", "cn-hangzhou\r\nHost: evil.example", "\ncn-hangzhou", " cn-hangzhou", ""]
# What may stand in any other text that goes along with a call.
ELSEWHERE = [
    "@evil.example", "//evil.example/", "https://evil.example", "../../..//evil.example", "x?Endpoint=evil.example#",
    "evil.example:443", "{region}.evil.example", "%0d%0aHost:evil.example",
]  # fmt: skip


def short(value: object) -> str:
    return ascii(value)[:30]


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Canned]:
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Canned(Reply(b"no", 502)) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, server.url)
        yield server


def hosts(proxy: Canned) -> set[str]:
    return {received.line for received in proxy.received}


def connection(vendor: str, **fields: str) -> Connection:
    return Connection(credential=CREDENTIALS[vendor] | fields, patience=Patience(0, tries=1), endpoints={})


def every_call(region: str, kind: str, **target: object):
    """All that a team's doing can make of this listing's provider."""
    vendor, given = PROVIDERS[kind].vendor, {"region": region, **target}
    own = {"project_id": PROJECT} if vendor == "huawei" else {}
    there = connection(vendor, **own)
    yield lambda: list(providers.list_pages(kind, there, Target(**given)))
    yield lambda: providers.check(kind, there, Target(**given))
    if vendor == "huawei":
        yield lambda: list(providers.list_pages(kind, connection(vendor), Target(**given)))  # asks IAM for the project
    if kind == "alibaba_ehpc_registered":
        yield lambda: providers.list_clusters(there, region)
        yield lambda: providers.add_image(there, region, VM)
        yield lambda: providers.remove_image(there, region, "m-1")
        yield lambda: list(providers.registered_images(there, region, "vm", names=["a"]))


@pytest.mark.parametrize("kind", PROVIDERS)
@pytest.mark.parametrize("region", [*NO_REGION, *BROKEN_LINES], ids=short)
def test_no_provider_makes_a_host_of_what_is_no_region(region: str, kind: str, proxy: Canned) -> None:
    for call in every_call(region, kind):
        with pytest.raises(ProviderError) as raised:
            call()
        assert (raised.value.code, raised.value.kind) == ("InvalidRegion", "invalid")
    assert not proxy.received


@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_region_leads_to_the_vendors_own_hosts(kind: str, proxy: Canned) -> None:
    for call in every_call(REGIONS[PROVIDERS[kind].vendor], kind):
        seen = len(proxy.received)
        with pytest.raises(ProviderError) as raised:
            call()
        assert raised.value.code == "ProxyFailed" and len(proxy.received) > seen
    assert all(VENDORS_OWN.fullmatch(host) for host in hosts(proxy))


@pytest.mark.parametrize("text", ELSEWHERE, ids=short)
def test_no_other_text_of_a_call_leads_elsewhere(text: str, proxy: Canned) -> None:
    for kind, provider in PROVIDERS.items():
        narrowing = {one.name: text for one in provider.narrowing}
        target = Target(region=REGIONS[provider.vendor], cluster=text, narrowing=narrowing)
        fields = {"project_id": text} if provider.vendor == "huawei" else {"security_token": text}
        with pytest.raises(ProviderError) as raised:
            list(providers.list_pages(kind, connection(provider.vendor, **fields), target))
        assert raised.value.code == "ProxyFailed"
    for spec in (CONTAINER, VM):
        spoiled = dict.fromkeys({*CONTAINER, *VM} - {"type"}, text) | {"type": spec["type"]}
        with pytest.raises(ProviderError):
            providers.add_image(connection("alibaba"), "cn-hangzhou", spoiled)
    with pytest.raises(ProviderError):
        providers.remove_image(connection("alibaba"), "cn-hangzhou", text)
    assert len(proxy.received) >= len(PROVIDERS) + 3
    assert all(VENDORS_OWN.fullmatch(host) for host in hosts(proxy))


# What is in the database, however it got there

# PostgreSQL takes no NUL, and a region's column no more than 40 characters.
IN_ROWS = [text for text in NO_REGION if "\x00" not in text and len(text) <= 40] + ["cn-hangzhou\n", ""]


@pytest.fixture
def real(make_account) -> CloudAccount:
    return make_account("alibaba", name="prod", simulated=False)


@pytest.mark.django_db(transaction=True)
def test_a_row_with_what_is_no_region_is_not_called_for(real, make_source, make_account, proxy) -> None:
    huawei = make_account("huawei", simulated=False)
    for number, region in enumerate(IN_ROWS):
        sources = [make_source(kind, real if PROVIDERS[kind].vendor == "alibaba" else huawei) for kind in PROVIDERS]
        Source.objects.update(region=region)
        for source in sources:
            source.refresh_from_db()
            assert run_sync(start_run(source, "schedule"), patience_seconds=0).error["code"] == "InvalidRegion"
        place = {"team_id": real.team_id, "cloud_account": real, "account_name": real.name, "region": region}
        added = Registration.objects.create(**place, type="vm", name=f"a{number}", vm_image_id="m-1", state="pending")
        tasks.register_image(str(added.id))
        removed = Removal.objects.create(**place, type="vm", name="a", remote_id=f"m-{number}", state="pending")
        tasks.remove_image(str(removed.id))
        for row in (added, removed):
            row.refresh_from_db()
            assert (row.state, row.error["code"]) == ("rejected", "InvalidRegion")
        checks = [{"kind": "alibaba_ens_public", "region": region, "cluster": ""}]
        test = ConnectionTest.objects.create(team_id=real.team_id, cloud_account=real, checks=checks)
        tasks.test_connection(str(test.id))
        test.refresh_from_db()
        assert [result["code"] for result in test.results] == ["InvalidRegion"]
        Source.objects.all().delete()
    assert not proxy.received


# What people type


@pytest.fixture
def admin(as_user, alice):
    return as_user(alice)


def is_refused(response) -> None:
    """The form again, with an error, and no way on."""
    assert response.status_code in (200, 400, 422) and "errorlist" in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("region", NO_REGION, ids=short)
def test_no_form_takes_what_is_no_region(region, admin, make_account, real) -> None:
    source = {"account": real.id, "kind": "alibaba_ens_self", "every_minutes": 60}
    is_refused(admin.post("/t/aero/sources/add/", source | {"regions": region}))
    is_refused(admin.post("/t/aero/sources/add/", source | {"regions": f"cn-hangzhou, {region}"}))
    for verb in ("test", "save"):
        is_refused(admin.post("/t/aero/accounts/add/", TYPED | {"regions": region, verb: "1"}))
    for step in ("review", "send"):
        is_refused(admin.post(REGISTER, filled_in(real) | {"region": region, "step": step}))
    for_all = {"account": real.id, "region": region, "text": as_csv([VM])}
    is_refused(admin.post(MANY, for_all))
    assert not Source.objects.exists() and not ConnectionTest.objects.exists() and not Batch.objects.exists()
    assert CloudAccount.objects.count() == 1 and not Registration.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("region", NO_REGION, ids=short)
def test_no_row_of_a_file_takes_what_is_no_region(region, admin, real) -> None:
    rows = [VM | {"region": region}]
    for name, text in (("a.csv", as_csv(rows)), ("a.json", json.dumps(rows)), ("a.yaml", json.dumps(rows))):
        file = SimpleUploadedFile(name, text.encode())
        page = admin.post(MANY, {"account": real.id, "region": "cn-hangzhou", "file": file})
        assert page.status_code in (200, 422) and not Batch.objects.exists(), name
    assert not Registration.objects.exists()
    fine = {"account": real.id, "region": "cn-hangzhou", "text": as_csv([VM | {"region": "cn-shanghai"}])}
    assert admin.post(MANY, fine).status_code == 302 and Batch.objects.exists()


@pytest.mark.django_db
def test_no_field_of_a_form_is_an_address(admin, real, settings) -> None:
    more = dict.fromkeys(
        ["endpoint", "endpoints", "host", "url", "proxy", "region_id", "simulated", "names_region"],
        "https://evil.example",
    )
    assert admin.post("/t/aero/accounts/add/", TYPED | more | {"save": "1"}).status_code == 302
    made = CloudAccount.objects.exclude(id=real.id).get()
    assert not made.simulated
    there = connect(made, 0)
    assert there.endpoints == settings.PROVIDER_ENDPOINTS and set(there.revealed()) == {
        "access_key_id", "access_key_secret",
    }  # fmt: skip
    with pytest.raises(ActionError, match="unknown key"):
        actions.create_cloud_account(
            real.team,
            "test",
            vendor="alibaba",
            name="b",
            credential=CREDENTIALS["alibaba"] | {"endpoint": "evil.example"},
        )


# What is typed at a command

TYPED_AT_ONCE = [region for region in NO_REGION if "\x00" not in region]  # which no system passes as a word


@pytest.mark.django_db(transaction=True)
def test_no_command_takes_what_is_no_region(capsys, monkeypatch, real, proxy) -> None:
    for region in TYPED_AT_ONCE:
        refused(run_command(capsys, monkeypatch, "add_source", "aero", "prod", "alibaba_ens_self", "--region", region))
        register = ("register_image", "aero", "prod", "--region", region, "--spec", "-")
        refused(run_command(capsys, monkeypatch, *register, stdin=VM))
    for region in NO_REGION:
        register = ("register_image", "aero", "prod", "--region", "cn-hangzhou", "--spec", "-")
        listed = run_command(capsys, monkeypatch, *register, stdin=[VM | {"region": region}])
        assert listed.returncode == 2 and "Nothing was sent" in listed.stderr
        if "\x00" not in region:
            refused(run_command(capsys, monkeypatch, *register, stdin=VM | {"region": region}))
    assert not Source.objects.exists() and not Registration.objects.exists() and not proxy.received
