"""What fails for the same reason is told once, names its sources, and is tried again with one button."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import CloudAccount, Team, User
from catalog.models import Breaker, Image, Source, SyncRun

pytestmark = pytest.mark.django_db

URL = "/t/aero/sources/"
DENIED = {"operation": "DescribeSelfImages", "code": "NoPermission", "message": "No.", "kind": "permission"}
REFUSED = {"operation": "DescribeSelfImages", "code": "InvalidAccessKeyId", "message": "No.", "kind": "authentication"}
DEBT = {"operation": "DescribeSelfImages", "code": "InDebt", "message": "Pay.", "kind": "billing"}
TROUBLE = {"operation": "DescribeSelfImages", "code": "ServiceUnavailable", "message": "m", "kind": "unavailable"}
OFF = {"operation": "DescribeSelfImages", "code": "NotEnabled", "message": "m", "kind": "not_enabled"}


@pytest.fixture
def account(make_account: Callable[..., CloudAccount]) -> CloudAccount:
    return make_account(name="Aero <HPC>")


@pytest.fixture
def failed(make_source: Callable[..., Source], account: CloudAccount) -> Callable[..., Source]:
    """A source of `account` in a region, that failed with an error so many minutes ago."""

    def make(region: str, error: dict[str, str], minutes: int = 1, **fields: Any) -> Source:
        at = timezone.now() - timedelta(minutes=minutes)
        given = {"account": account, "failures": 1, "last_error": error | {"at": at.isoformat()}} | fields
        return make_source("alibaba_ens_self", region=region, **given)

    return make


def cards(client: Client, path: str = URL) -> list[str]:
    """The text of each failure on the page, with the addresses of its forms and links."""
    html = client.get(path).content.decode()
    return re.findall(r'<section class="card bad failure".*?</section>', html, re.S)


def retry(card: str) -> tuple[str, list[str]]:
    """What *Retry now* is sent to, and the sources it names besides."""
    form = next(form for form in re.findall(r"<form.*?</form>", card, re.S) if "Retry now" in form)
    return re.findall(r'action="([^"]+)"', form)[0], re.findall(r'name="also" value="([^"]+)"', form)


def test_one_trouble_of_an_account_is_told_once_and_names_its_sources(
    as_user: Callable[[User], Client], alice: User, failed: Callable[..., Source]
) -> None:
    words = [REFUSED | {"message": f"string to sign {n}", "request_id": f"R-{n}"} for n in range(3)]
    paused = {"paused_at": timezone.now(), "paused_reason": "authentication"}
    sources = [failed(f"cn-{n}", words[n], minutes=9 - n, **paused) for n in range(3)]
    (card,) = cards(as_user(alice))
    assert "3 sources of <bdi>Aero &lt;HPC&gt;</bdi> have failed" in card
    assert all(f"/sources/{source.id}/" in card for source in sources)
    assert "R-2" in card and "R-0" not in card, "of the one that failed last"
    assert card.count("Retry now") == 1 and card.count("Replace credential") == 1


def test_one_button_tries_all_of_them_again(
    as_user: Callable[[User], Client], eve: User, failed: Callable[..., Source]
) -> None:
    sources = [failed(f"cn-{n}", DEBT) for n in range(3)]
    client = as_user(eve)
    (card,) = cards(client)
    address, also = retry(card)
    client.post(address, {"also": also})
    assert {run.source_id for run in SyncRun.objects.all()} == {source.id for source in sources}
    (card,) = cards(client)
    assert "They are being tried again now." in card and "Retry now" not in card


def test_behind_one_breaker_a_single_source_finds_out_for_all(
    as_user: Callable[[User], Client], eve: User, account: CloudAccount, failed: Callable[..., Source]
) -> None:
    first = failed("cn-hangzhou", TROUBLE | {"message": "a"}, next_sync_at=timezone.now() - timedelta(minutes=9))
    failed("cn-hangzhou", TROUBLE | {"message": "b", "code": "DbError"}, narrowing={"n": "1"})
    later = timezone.now() + timedelta(minutes=5)
    place = {"team_id": account.team_id, "cloud_account": account, "product": "ENS", "region": "cn-hangzhou"}
    Breaker.objects.create(**place, failures=3, openings=1, since=timezone.now(), open_until=later, error=TROUBLE)
    (card,) = cards(as_user(eve))
    assert retry(card) == (f"{URL}{first.id}/sync/", [])


@pytest.mark.parametrize(
    ("one", "other"),
    [(DEBT, REFUSED), (OFF, OFF | {"message": "another"}), (DENIED, DENIED | {"operation": "DescribeImageInfos"})],
    ids=["trouble", "words", "permission"],
)
def test_other_causes_are_told_apart(
    as_user: Callable[[User], Client], alice: User, failed: Callable[..., Source], one: Any, other: Any
) -> None:
    failed("cn-1", one), failed("cn-2", other)
    assert len(cards(as_user(alice))) == 2


def test_so_are_other_accounts(
    as_user: Callable[[User], Client], alice: User, failed: Callable[..., Source], make_account: Any
) -> None:
    failed("cn-1", DEBT), failed("cn-1", DEBT, account=make_account(name="Other"))
    assert len(cards(as_user(alice))) == 2


@pytest.mark.parametrize(
    ("error", "helps"), [(REFUSED, True), (DEBT, False), (OFF, False), (TROUBLE, False), (DENIED, False)]
)
def test_another_credential_is_offered_where_it_helps(
    as_user: Callable[[User], Client], alice: User, failed: Callable[..., Source], error: Any, helps: bool
) -> None:
    source = failed("cn-1", error)
    client = as_user(alice)
    for path in (URL, f"{URL}{source.id}/"):
        (card,) = cards(client, path)
        assert ("Replace credential" in card) == helps and "Retry now" in card


def test_a_retry_reaches_no_other_team_nor_a_removed_source(
    as_user: Callable[[User], Client], eve: User, failed: Callable[..., Source], other_team: Team, make_account: Any,
    make_source: Any,
) -> None:  # fmt: skip
    theirs = make_source("alibaba_ens_self", make_account(team=other_team, name="Theirs"))
    gone = failed("cn-1", DEBT, archived_at=timezone.now())
    own = failed("cn-2", DEBT)
    as_user(eve).post(f"{URL}{own.id}/sync/", {"also": [str(theirs.id), str(gone.id), "x", ""]})
    assert SyncRun.objects.get().source_id == own.id


def test_the_page_of_a_source_counts_all_that_wait(
    as_user: Callable[[User], Client], bob: User, account: CloudAccount, failed: Callable[..., Source]
) -> None:
    source = failed("cn-hangzhou", TROUBLE)
    failed("cn-hangzhou", TROUBLE, narrowing={"n": "1"})
    later = timezone.now() + timedelta(minutes=5)
    place = {"team_id": account.team_id, "cloud_account": account, "product": "ENS", "region": "cn-hangzhou"}
    Breaker.objects.create(**place, failures=3, openings=1, since=timezone.now(), open_until=later, error=TROUBLE)
    assert "2 sources of" in as_user(bob).get(f"{URL}{source.id}/").content.decode()


def test_missing_images_are_counted_apart(
    as_user: Callable[[User], Client], bob: User, make_source: Any, make_image: Any
) -> None:
    source = make_source("alibaba_ens_self", last_complete_at=timezone.now())
    images = [make_image(source) for _ in range(3)]
    gone = Image.objects.filter(id__in=[image.id for image in images[1:]])
    gone.update(state="missing", missing_since=timezone.now(), last_seen_at=timezone.now())
    for path in (URL, f"{URL}{source.id}/"):
        html = as_user(bob).get(path).content.decode()
        assert f'?source={source.id}&amp;state=-missing">1</a>' in html
        assert f'?source={source.id}&amp;state=missing">2 missing</a>' in html
