"""The Registrations page, by state, who, when and words, page by page; and the history of each."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent
from catalog import actions
from catalog.models import Registration, RegistrationState
from catalog.registration import register
from catalog.registration_filter import SIZE, parse

pytestmark = pytest.mark.django_db

LIST = "/t/aero/registrations/"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def account(make_account):
    return make_account(name="Aero HPC production")


@pytest.fixture
def admin(as_user, alice):
    return as_user(alice)


@pytest.fixture
def make(account):
    def make(name, state="succeeded", who="alice@example.org", at=NOON, **fields):
        fields = {"type": "vm", "region": "cn-hangzhou", "account_name": account.name} | fields
        return Registration.objects.create(
            team=account.team, cloud_account=account, name=name, state=state, requested_by=who, created_at=at, **fields
        )

    return make


def text(response):
    return response.content.decode()


def listed(client, query=""):
    """The names on the page, in their order."""
    answer = client.get(f"{LIST}?{query}", follow=True)
    assert answer.status_code == 200
    return re.findall(r'class="main" href="[^"]*"><bdi>([^<]*)</bdi>', text(answer))


@pytest.fixture
def some(make):
    make("solver", "succeeded", version="7.2", region="cn-shanghai")
    make("mesher", "rejected", at=NOON - timedelta(days=1), sent_at=NOON)
    trainer = {"registry_url": "ghcr.io/ml/trainer:1", "sent_at": NOON}
    make("trainer", "rejected", "eve@example.org", NOON - timedelta(days=2), **trainer)
    make("cfd-base", "unknown", "manage", NOON - timedelta(days=3), vm_image_id="m-bp1cfd", remote_id="m-registered")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["solver", "mesher", "trainer", "cfd-base"]),
        ("state=rejected", ["mesher", "trainer"]),
        ("state=rejected,unknown", ["mesher", "trainer", "cfd-base"]),
        ("state=rejected&state=unknown&who=manage", ["cfd-base"]),
        ("who=eve@example.org", ["trainer"]),
        ("who=nobody@example.org", []),
        ("from=2026-11-19", ["solver", "mesher"]),
        ("to=2026-11-18", ["trainer", "cfd-base"]),
        ("from=2026-11-19&to=2026-11-18", ["mesher", "trainer"]),
        ("day=2026-11-19", ["mesher"]),
        ("q=SOLV", ["solver"]),
        ("q=ghcr.io", ["trainer"]),
        ("q=m-bp1cfd", ["cfd-base"]),
        ("q=m-registered", ["cfd-base"]),
        ("q=er+solv", ["solver"]),
        ("q=%25", []),
        ("state=pending", []),
        ("state=nonsense", []),
    ],
)
def test_it_is_filtered_by_state_who_day_and_words(admin, some, query, names):
    assert listed(admin, query) == names


def test_each_row_says_state_place_who_and_when(admin, some):
    shown = text(admin.get(f"{LIST}?q=trainer"))
    for part in ("Rejected", "Aero HPC production", "cn-hangzhou", "eve@example.org", 'datetime="2026-11-18T12:00:00'):
        assert part in shown


def test_there_is_one_address_and_each_part_is_taken_back(admin, some):
    answer = admin.get(f"{LIST}?q=&from=&to=&state=rejected&state=unknown&who=manage")
    assert (answer.status_code, answer["Location"]) == (302, f"{LIST}?state=rejected,unknown&who=manage")
    shown = text(admin.get(answer["Location"]))
    for rest in ("state=unknown&amp;who=manage", "state=rejected&amp;who=manage", "state=rejected,unknown"):
        assert f'class="chip" href="{LIST}?{rest}"' in shown
    assert f'class="clear" href="{LIST}"' in shown


@pytest.mark.parametrize(
    ("query", "notice"),
    [
        ("state=nonsense", "is no value of “state”"),
        ("colour=red", "There is no filter “colour”."),
        ("from=yesterday", "is not a day"),
        ("page=n0-nonsense", "led to no place in the list"),
        ("q=" + "x+" * 50, "only its beginning is searched"),
        ("who=" + "x" * 200, "some were left out"),
    ],
)
def test_what_an_address_has_wrong_is_told(admin, some, query, notice):
    assert notice in text(admin.get(f"{LIST}?{query}"))


@pytest.mark.parametrize("hostile", ["q=%00", "who=%00", "state=%00", "from=%00", "page=%00", "q=%5C%25_'%22"])
def test_hostile_addresses_find_nothing_and_break_nothing(admin, some, hostile):
    assert admin.get(f"{LIST}?{hostile}", follow=True).status_code == 200


def test_the_pages_go_back_and_forth_and_lose_none_of_one_moment(admin, make):
    names = {make(f"image-{n}", at=NOON - timedelta(hours=n // 60)).name for n in range(2 * SIZE + 20)}
    pages: list[list[str]] = []
    url: str | None = LIST
    while url:
        shown = text(admin.get(url))
        pages.append(re.findall(r"<bdi>(image-\d+)</bdi>", shown))
        older = re.search(r'href="([^"]*)" rel="next"', shown)
        url = older and older[1].replace("&amp;", "&")
    assert [len(page) for page in pages] == [SIZE, SIZE, 20]
    assert {name for page in pages for name in page} == names
    newer = re.search(r'href="([^"]*)" rel="prev"', shown)[1].replace("&amp;", "&")
    back = text(admin.get(newer))
    assert re.findall(r"<bdi>(image-\d+)</bdi>", back) == pages[1]


def test_a_page_that_is_empty_by_now_shows_the_newest(admin, some):
    past = "o1-" + "0" * 32
    assert listed(admin, f"page={past}") == ["solver", "mesher", "trainer", "cfd-base"]


def test_it_makes_as_many_queries_for_a_thousand(admin, account, some, django_assert_max_num_queries):
    rows = [
        Registration(
            team=account.team, cloud_account=account, account_name=account.name, region="cn-hangzhou", type="vm",
            name=f"image-{n}", state=RegistrationState.values[n % 8], requested_by=f"p{n % 7}@example.org",
        )
        for n in range(1_000)
    ]  # fmt: skip
    Registration.objects.bulk_create(rows)
    for query in ("", "?state=rejected&who=p1@example.org&q=image", "?q=none-at-all"):
        with django_assert_max_num_queries(10):
            assert admin.get(LIST + query).status_code == 200


@pytest.mark.parametrize("query", ["state=unknown", "who=eve@example.org"])
def test_a_rare_choice_is_found_by_an_index(account, some, query, team):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = parse(QueryDict(query), ()).of(team).order_by("-created_at", "-id")[:51].explain()
    assert "registration_team_state" in plan or "registration_team_who" in plan, plan


def test_htmx_gets_the_results_alone_with_their_address(admin, some):
    def ask(query, before):
        headers = {
            "HX-Request": "true",
            "HX-Target": "registration-results",
            "HX-Current-URL": f"http://testserver{LIST}{before}",
        }
        answer = admin.get(f"{LIST}?{query}", headers=headers)
        assert "<html" not in text(answer)
        return answer

    assert ask("state=rejected&q=&from=", "")["HX-Push-Url"] == f"{LIST}?state=rejected"
    assert ask("state=rejected&q=mesh", "?state=rejected")["HX-Replace-Url"] == f"{LIST}?state=rejected&q=mesh"


def test_the_empty_states_say_what_to_do(admin, as_user, bob, account, make):
    assert "Nothing registered yet" in text(admin.get(LIST)) and "registrations/add/" in text(admin.get(LIST))
    assert "registrations/add/" not in text(as_user(bob).get(LIST))
    make("solver")
    shown = text(admin.get(f"{LIST}?state=pending"))
    assert "No registration fits all of this" in shown and f'class="button" href="{LIST}"' in shown


def test_it_hides_other_teams_registrations_and_people(admin, make_account, other_team, some):
    theirs = make_account(team=other_team, name="Theirs")
    Registration.objects.create(
        team=other_team, cloud_account=theirs, account_name="Theirs", region="cn-hangzhou", type="vm",
        name="their-image", requested_by="charlie@example.org",
    )  # fmt: skip
    shown = text(admin.get(LIST))
    assert "their-image" not in shown and "charlie" not in shown
    assert listed(admin, "q=their-image") == listed(admin, "who=charlie@example.org") == []


# Of one registration


def history(client, registration, **headers):
    shown = text(client.get(f"{LIST}{registration.id}/", headers=headers))
    part = shown[shown.index('id="registration-history"') :]
    return [re.sub(r"<[^>]+>", " ", item) for item in re.findall(r"<li[^>]*>(.*?)</li>", part, re.S)], shown


def test_its_history_tells_who_did_what_the_latest_first(admin, alice, make, simulated, team):
    made = make("solver", "pending", vm_image_id="m-bp1akkkr1rkxtb", at=timezone.now() - timedelta(hours=1))
    audit.record(team, alice, "registration.created", target="solver", target_id=made.id)
    register(made.id, 5)
    made.refresh_from_db()
    events, _shown = history(admin, made)
    assert [event.split("  ")[0].strip() for event in events] == [
        "Accepted by the cloud",
        "Sent to the cloud",
        "Submitted",
    ]
    assert made.remote_id in events[0] and "worker" not in events[0] and "alice@example.org" in events[2]


@pytest.mark.parametrize(
    ("action", "changes", "words"),
    [
        ("rejected", {"state": "rejected", "error": "ImageAlreadyExists"}, ["Rejected by the cloud", "Already exists"]),
        ("declined", {"word": "too large <b>"}, ["Declined", "too large &lt;b&gt;", "bob@example.org"]),
        ("seen", {"state": "seen"}, ["Seen in a sync"]),
        ("unheard_of", {}, ["unheard_of"]),
    ],
)
def test_it_tells_every_outcome_and_decision(admin, make, team, action, changes, words):
    made = make("solver", "unknown")
    audit.record(team, "bob@example.org", f"registration.{action}", target_id=made.id, changes=changes)
    events, _shown = history(admin, made)
    assert len(events) == 2 and all(word in events[0] for word in words) and "Submitted" in events[1]


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_what_was_never_sent_is_nowhere_called_rejected(admin, make, team, headers):
    error = {"operation": "AddImage", "code": "AccountDeleted", "message": "", "request_id": None, "kind": "invalid"}
    made = make("solver", "rejected", error=error)
    audit.record(team, "worker", "registration.rejected", target_id=made.id, changes={"error": "AccountDeleted"})
    events, shown = history(admin, made, **headers)
    assert "Not sent" in events[0] and "Rejected" not in shown
    row = text(admin.get(LIST)).partition("<tbody>")[2].partition("</tbody>")[0]
    assert "Not sent" in row and "Rejected" not in row


def test_what_ended_with_its_cloud_account_says_so(admin, make, account, alice, team):
    """The audit row is the account's: that one names them."""
    waiting, asked = make("solver", "pending"), make("mesher", "requested")
    actions.delete_cloud_account(team, alice, account, "archive")
    events, _shown = history(admin, waiting)
    assert len(events) == 2 and "Not sent" in events[0] and "Account deleted" in events[0]
    events, _shown = history(admin, asked)
    assert len(events) == 2 and "Ended with its cloud account" in events[0] and alice.email in events[0]
    told = AuditEvent.objects.get().changes
    assert (told["registrations_not_sent"], told["requests_ended"]) == (1, 1)
    assert told["ended_with_it"] == ["mesher", "solver"]


def test_while_it_is_watched_its_history_comes_along(admin, make):
    made = make("solver", "pending")
    assert 'hx-swap-oob="true"' not in history(admin, made)[1]
    assert (
        'id="registration-history" class="card top-gap" hx-swap-oob="true"'
        in history(admin, made, **{"HX-Request": "true"})[1]
    )


def test_what_it_was_asked_with_is_kept_masked_and_can_be_asked_again(
    admin, account, make, make_source, make_image, team, alice
):
    image = make_image(make_source("alibaba_ehpc_registered", account), name="solver")
    made = make(
        "solver", "seen", type="container", image=image, registry_url="ghcr.io/a/b:1", is_acr=False,
        is_acr_enterprise=False, registry_server="ghcr.io", registry_user="robot",
    )  # fmt: skip
    password = {"ContainerImageSpec.RegistryCredential.Password": "••••••••"}
    audit.record(team, alice, "registration.created", target_id=made.id, changes=password)
    shown = text(admin.get(f"{LIST}{made.id}/"))
    for part in ("ghcr.io/a/b:1", "IsACREnterprise", "robot", "••••••••", f"?like={made.id}"):
        assert part in shown
    again = text(admin.get(f"/t/aero/registrations/add/?like={made.id}"))
    assert 'value="ghcr.io/a/b:1"' in again and "enter it again" in again
