"""Every page in Chinese, with its data and its refusals: no English word is left that is not a name."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Team, User
from catalog.error_words import BY_KIND
from catalog.errors import BY_CODE
from catalog.models import Image, Registration, RegistrationState, Source, SyncRun
from catalog.providers import PROVIDERS
from catalog.providers.messages import TEXTS
from catalog.sync import sync_now
from tests.english import english
from tests.test_access import OWN_PAGES, PERSONAL, PUBLIC, TEAM_PAGES, rows  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

CHINESE = {"accept-language": "zh-CN,zh;q=0.9"}
# What the cast and the fixtures are called.
DATA = (
    "Aero HPC", "Alice Liddell", "Eve Editor", "Bob Viewer", "alibaba account", "huawei account", "Arm", "solver",
    "mesher", "image-", "gold",
)  # fmt: skip
# What stands in the address of a page that belongs to no team.
ARGUMENTS = {
    "account_confirm_email": ["k"], "account_reset_password_from_key": ["1", "k-k"], "catalog:change_atom": ["k"],
    "invitation_open": ["k"], "openid_connect_login": ["oidc"], "openid_connect_callback": ["oidc"],
}  # fmt: skip


@pytest.fixture
def reader(alice: User) -> Client:
    client = Client(headers=CHINESE)
    client.force_login(alice)
    return client


def left_in(answer: Any) -> list[str]:
    if "text/html" not in answer.get("Content-Type", ""):
        return []
    listed = (text for row in Image.objects.values_list("name", "distribution") for text in row if text)
    return english(answer.content.decode(), *DATA, *set(listed))


def left_on(reader: Client, *urls: str) -> dict[str, list[str]]:
    """The English of each of these pages that has some."""
    found = {url: left_in(reader.get(url, follow=True)) for url in urls}
    return {url: texts for url, texts in found.items() if texts}


@pytest.mark.parametrize("rule", [*TEAM_PAGES, *OWN_PAGES], ids=lambda rule: rule.name.removeprefix("catalog:"))
def test_a_page_of_a_team_has_no_english_left(rule: Any, rows: Any, reader: Client):  # noqa: F811
    url = reverse(rule.name, args=["aero", *rule.arguments(rows)])
    for method in rule.methods.split():
        answer = reader.generic(method, url)
        assert left_in(answer) == [], method
        if answer.status_code == 302:
            assert left_on(reader, answer["Location"]) == {}, f"{method}, and where it leads"


@pytest.mark.parametrize("decision", ["", "declined", "withdrawn", "expired"])
def test_a_request_has_no_english_left(decision: str, rows: Any, reader: Client, eve: User, settings: Any):  # noqa: F811
    settings.MAIL_IS_SET = True
    asked, editor = rows["request"], Client(headers=CHINESE)
    editor.force_login(eve)
    if decision:
        ended = {"state": "declined", "decided_at": timezone.now(), "decided_by": "alice@example.org"}
        Registration.objects.filter(id=asked.id).update(decision=decision, decision_word="好", **ended)
    paths = ["", "team/", "registrations/", f"registrations/{asked.id}/", f"registrations/{asked.id}/withdraw/"]
    urls = [f"/t/aero/{path}" for path in (*paths, f"registrations/add/?like={asked.id}")]
    assert left_on(editor, *urls) == {} and left_on(reader, *urls[:4]) == {}
    fields = {
        "account": asked.cloud_account_id,
        "region": "cn-hangzhou",
        "type": "vm",
        "name": "m",
        "image_id": "m-bp1",
    }
    assert left_in(editor.post("/t/aero/registrations/add/", fields)) == []


@pytest.mark.parametrize("name", [*PERSONAL, *PUBLIC])
def test_a_page_of_no_team_has_no_english_left(name: str, reader: Client):
    url = reverse(name, args=ARGUMENTS.get(name, []))
    for client in (reader, Client(headers=CHINESE)):
        assert left_on(client, url) == {}
        assert left_in(client.post(url, {"email": "nobody", "login": "nobody", "password": "x"})) == []


def test_what_went_wrong_is_told_in_chinese(reader: Client, bob: User, settings: Any):
    viewer = Client(headers=CHINESE, raise_request_exception=False)
    assert "这里没有内容" in viewer.get("/nothing/").content.decode()
    viewer.force_login(bob)
    assert "您的角色无权执行此操作" in viewer.get("/t/aero/sources/add/").content.decode()
    assert left_on(viewer, "/nothing/", "/t/aero/sources/add/", "/t/aero/images/?q=%00") == {}
    strict = Client(headers=CHINESE, enforce_csrf_checks=True)
    assert "此表单已失效" in strict.post("/account/login/").content.decode()
    settings.ALLOWED_HOSTS = ["elsewhere.example.org"]
    assert "无法读取此请求" in viewer.get("/").content.decode()


@pytest.fixture
def lived_in(team: Team, simulated: Any, make_source: Callable[..., Source]) -> list[Source]:
    """A source of every kind, each synced twice from the simulator."""
    sources = [make_source(kind) for kind in PROVIDERS]
    for source in sources:
        assert sync_now(source, "alice@example.org", 30).state == "complete"
        sync_now(source, "alice@example.org", 30)
    return sources


def test_a_full_shelf_is_told_in_chinese(lived_in: list[Source], reader: Client):
    images = [
        image for source in lived_in for image in Image.objects.filter(source=source).order_by("name_key", "id")[:4]
    ]
    first = f"/t/aero/images/{images[0].id}/"
    for what, given in {
        "star": {"starred": "yes"},
        "labels": {"add": "gold"},
        "note": {"note": "12"},
        "correct": {"os": "linux", "distribution": "Ubuntu", "os_version": "22.04", "arch": "arm64"},
    }.items():
        assert left_in(reader.post(f"{first}{what}/", given, follow=True)) == [], what
    asked = [
        "", "q=a", "q=nothing-fits", "type=vm&os=-linux,unknown", "support=past,ending", "label=gold", "star=yes",
        "sort=-size&size=25", "type=1.0&sort=1.0&view=7", "q=distribution:", "q=kind:a", "type=-",
        "cursor=forged", "state=missing&source=00000000-0000-4000-8000-000000000000", "visibility=-private&arch=x86_64",
    ]  # fmt: skip
    assert left_on(reader, *(f"/t/aero/images/?{query}" for query in asked)) == {}
    assert left_on(reader, *(f"/t/aero/images/{image.id}/" for image in images)) == {}
    pair = "&".join(f"image={image.id}" for image in images[:2])
    assert left_on(reader, f"/t/aero/images/compare/?{pair}", "/t/aero/images/bulk/?type=vm") == {}
    runs = SyncRun.objects.filter(team__slug="aero")
    assert left_on(reader, *(f"/t/aero/runs/{run.id}/" for run in runs)) == {}
    assert left_on(reader, "/t/aero/sources/", *(f"/t/aero/sources/{source.id}/" for source in lived_in)) == {}


def test_every_failure_is_told_in_chinese(make_source: Any, make_run: Any, reader: Client):
    account = make_source("alibaba_ens_public").cloud_account
    kinds = {"kind": BY_KIND, "code": BY_CODE}
    for number, (what, word) in enumerate((what, word) for what, words in kinds.items() for word in words):
        error = {
            "operation": "DescribeImageInfos",
            "code": "X-1",
            "message": "",
            "request_id": "R-1",
            "kind": "invalid",
        }
        error |= {what: word, "message": TEXTS[number % len(TEXTS)].replace("%(", "").replace(")s", "-1")}
        source = make_source(
            "alibaba_ens_public", account, region=f"cn-{number}", last_error=error, failures=number,
            last_complete_at=timezone.now() - timedelta(hours=number), paused_reason="admin" if number % 2 else "",
            paused_at=timezone.now() if number % 2 else None,
        )  # fmt: skip
        run = make_run(source, ("failed", "abandoned")[number % 2], error=error)
        assert left_on(reader, f"/t/aero/sources/{source.id}/", f"/t/aero/runs/{run.id}/") == {}, word
    assert left_on(reader, "/t/aero/sources/", "/t/aero/images/") == {}


@pytest.mark.parametrize("state", [*RegistrationState.values])
def test_every_registration_is_told_in_chinese(state: str, rows: dict[str, Any], reader: Client):  # noqa: F811
    error = {"operation": "AddImage", "code": "ImageAlreadyExists", "message": "The image id already exists."}
    registration: Registration = rows["registration"]
    Registration.objects.filter(id=registration.id).update(
        state=state, sent_at=timezone.now(), finished_at=timezone.now(), seen_at=timezone.now(), remote_id="m-1",
        request_id="R-1", error=error if state in ("rejected", "unknown") else None,
    )  # fmt: skip
    assert left_on(reader, f"/t/aero/registrations/{registration.id}/", "/t/aero/registrations/") == {}


def test_what_a_form_refuses_is_told_in_chinese(rows: dict[str, Any], reader: Client):  # noqa: F811
    account, source, image = (rows[name].id for name in ("account", "source", "image"))
    listed, box = {"account": account, "every_minutes": 1}, {"type": "container", "name": "1"}
    refused: list[tuple[str, dict[str, Any]]] = [
        ("sources/add/", listed | {"kind": "alibaba_ens_self", "regions": "杭州"}),
        ("sources/add/", listed | {"kind": "alibaba_ehpc_container", "clusters": "x" * 200}),
        (f"sources/{source}/edit/", {"every_minutes": 99999}),
        (f"sources/{source}/delete/", {}),
        ("accounts/add/", {"vendor": "alibaba", "name": "", "access_key_id": "a b", "access_key_secret": "x"}),
        ("accounts/add/", {"vendor": "huawei", "name": "x" * 200, "access_key": "é", "regions": "A B"}),
        (f"accounts/{account}/edit/", {"name": "1", "access_key_id": "é"}),
        (f"accounts/{account}/delete/", {"name": "other"}),
        ("registrations/add/", {"type": "vm", "name": "x" * 200, "image_id": "y z"}),
        ("registrations/add/", box | {"registry_url": "https://Registry/É", "registry_user": "u"}),
        ("registrations/add/", box | {"registry_url": "a/b:1", "registry_cri_id": "1"}),
        (f"images/{image}/labels/", {"add": "a" * 100}),
        (f"images/{image}/note/", {"note": "a\0" * 9000}),
        (f"images/{image}/correct/", {"os": "linux", "distribution": "Ubuntu 22.04", "os_version": "x" * 200}),
        ("views/add/", {"name": "x" * 100}),
        ("images/bulk/", {"do": "label", "labels": "unknown"}),
    ]
    for path, given in refused:
        answer = reader.post(f"/t/aero/{path}", given, follow=True)
        assert answer.status_code != 404, path
        assert left_in(answer) == [], (path, given)


def test_english_is_found_where_it_stands():
    page = (
        '<p title="A title">中文 <b>Some words</b> <code>kept as it is</code> <bdi>a name</bdi></p><p>ECS 镜像 m-1</p>'
    )
    assert english(page) == ["A title", "Some words"]


def test_the_same_pages_in_english_are_found_to_be_english(rows: dict[str, Any], alice: User):  # noqa: F811
    """The test's own test: what it finds on a page that is not translated."""
    client = Client(headers={"accept-language": "en"})
    client.force_login(alice)
    for rule in (rule for rule in TEAM_PAGES if "GET" in rule.methods and rule.name.endswith(("_list", "_detail"))):
        assert len(left_in(client.get(reverse(rule.name, args=["aero", *rule.arguments(rows)])))) > 10, rule.name
