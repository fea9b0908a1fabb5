"""Every way the clouds fail (PROVIDERS.md section 4), on the first, a middle and the last page of every listing.

A row of that table, and the cases here that are of it:

    documented 4xx/5xx body        key unknown, not allowed, in debt, not enabled, not found, not understood, HTTP 500,
                                   HTTP 503
    throttled                      throttled, throttled for a while
    refused, reset, read timeout   refused, reset, closed, no answer in time
    truncated body                 truncated, reset in the body
    malformed, empty or HTML body  malformed, empty, a web page, an error page
    null, a list for an object,    null, a list, an empty object, a bad item: null, a bad item: string,
    one bad item                   a bad item: number, a bad item: list, a bad item: no_id, a bad item: wrong_type
    redirect                       redirected

Beside the table: an error inside HTTP 200, too large (sections 2 and 2a), and what a page says that is not so:
the total is too high, the total is too low, items are left out, the page before again.

A listing that comes as one document has one place. A failure outlasts the run's patience, so the run fails; a pause of
its cloud that is over in time is in the second half.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from catalog.models import SyncRun
from catalog.providers import PROVIDERS
from catalog.sync import run_sync, start_run
from tests.faults.stage import Stage, inventory, listed

pytestmark = [pytest.mark.django_db, pytest.mark.faults, pytest.mark.slow]

FIRST, MIDDLE, LAST = range(3)
WHERE = ("first", "middle", "last")
HUAWEI = "huawei_workspace"
CLUSTERS = "ListClusters"


@dataclass(frozen=True)
class Place:
    """The calls of one listing that go to one operation, and one of them. `part` tells Huawei's two listings apart."""

    kind: str
    operation: str
    where: int
    part: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.operation, self.part, WHERE[self.where])))

    def skip(self, calls: list[dict[str, Any]]) -> int:
        """How many calls of the operation come before this one in a whole listing, whose calls these are."""
        of_operation = [call for call in calls if call["operation"] == self.operation]
        wanted = [number for number, call in enumerate(of_operation) if self._is_meant(call)]
        assert len(wanted) > 2 or self.where == FIRST, "no such page"
        return wanted[[0, len(wanted) // 2, -1][self.where]]

    def _is_meant(self, call: dict[str, Any]) -> bool:
        return not self.part or ("architecture" in call["parameters"]) == (self.part == "x86")


# One document, or one page: its only place is the first.
SINGLE = [
    Place("alibaba_ehpc_custom", "ListCustomImages", FIRST),
    Place("alibaba_ens_public", "DescribeImageInfos", FIRST),
    Place(HUAWEI, "ListProjects", FIRST),
]
PAGES = [
    Place(kind, operation, where, part)
    for kind, operation, part in (
        ("alibaba_ehpc_container", CLUSTERS, ""),
        ("alibaba_ehpc_container", "ListContainerImages", ""),
        ("alibaba_ehpc_registered", "ListImages", ""),
        ("alibaba_ens_self", "DescribeSelfImages", ""),
        (HUAWEI, "ListImages", "all"),
        (HUAWEI, "ListImages", "x86"),
    )
    for where in (FIRST, MIDDLE, LAST)
]
PLACES = SINGLE + PAGES
TYPICAL = SINGLE + [place for place in PAGES if place.where == MIDDLE]


@dataclass(frozen=True)
class Row:
    """What goes wrong, at Alibaba and, where it is told otherwise, at Huawei; and the kind of error it has to be.

    `patience` in seconds is what it takes to see it. `passes` says that asking again is worth it.
    """

    how: dict[str, Any]
    kind: str
    huawei: dict[str, Any] = field(default_factory=dict)
    patience: float = 0.0
    passes: bool = False

    def at(self, place: Place) -> dict[str, Any]:
        return self.huawei or self.how if place.kind == HUAWEI else self.how


ROWS = {
    "key unknown": Row({"code": "InvalidAccessKeyId.NotFound"}, "authentication", {"status": 401}),
    "not allowed": Row({"code": "NotAuthorized"}, "permission", {"status": 403}),
    "in debt": Row({"code": "InDebt"}, "billing", {"code": "WKS.00010003"}),
    "not enabled": Row({"code": "NotEnabled"}, "not_enabled", {"code": "WKS.00010004"}),
    "not found": Row({"code": "ImageNotFound"}, "not_found", {"status": 404}),
    "not understood": Row({"code": "InvalidParams"}, "invalid", {"status": 400}),
    "HTTP 500": Row({"status": 500}, "unavailable", passes=True),
    "HTTP 503": Row({"status": 503}, "unavailable", passes=True),
    "an error page": Row({"html": True, "status": 502}, "unavailable", passes=True),
    "throttled": Row({"throttle": True}, "throttled", passes=True),
    "throttled for a while": Row({"throttle": 100_000}, "throttled", {"throttle": 100}),
    "refused": Row({"refuse": True}, "unreachable", patience=1.0),  # reset, and the second try is refused
    "reset": Row({"reset": True}, "unreachable", passes=True),
    "closed": Row({"close": True}, "unreachable", passes=True),
    "no answer in time": Row({"delay": 60.0}, "unreachable", passes=True),
    "truncated": Row({"truncate": True}, "unreachable", passes=True),
    "reset in the body": Row({"reset_body": True}, "unreachable", passes=True),
    "malformed": Row({"malformed": True}, "malformed", passes=True),
    "empty": Row({"empty": True}, "malformed", passes=True),
    "a web page": Row({"html": True}, "malformed", passes=True),
    "null": Row({"null": True}, "malformed", passes=True),
    "a list": Row({"list": True}, "malformed", passes=True),
    "an empty object": Row({"body": {}}, "malformed", passes=True),
    "redirected": Row({"redirect": True}, "malformed", passes=True),
    "an error inside HTTP 200": Row(
        {"body": {"Code": "NotAuthorized", "Message": "You are not authorized to do this."}},
        "permission",
        {"body": {"error_code": "APIGW.0302", "error_msg": "Incorrect authentication information: no permission"}},
    ),
    "too large": Row({"huge": True}, "too_large"),
}
BAD_ITEMS = ("null", "string", "number", "list", "no_id", "wrong_type")
ROWS |= {f"a bad item: {what}": Row({"bad_item": what}, "malformed", passes=True) for what in BAD_ITEMS}
PASSING = {name: row for name, row in ROWS.items() if row.passes}
# What a page says of the whole listing and is not so.
LIES = {
    "the total is too high": {"total": 7},
    "the total is too low": {"total": -1},
    "items are left out": {"lacks": 3},
    "the page before again": {"duplicate_page": True},
}


def fits(place: Place, name: str) -> bool:
    """A document has no total and no page before it, IAM's projects are no images, and Huawei's total may be low
    (PROVIDERS.md section 2)."""
    if place.operation == "ListProjects":
        return not name.startswith("a bad item") and name not in LIES
    if place.kind == HUAWEI and name == "the total is too low":
        return False
    return name not in LIES or PROVIDERS[place.kind].paged


def cases(places: Iterable[Place], rows: Mapping[str, Any]) -> list[Any]:
    pairs = [(place, name) for place in places for name in rows if fits(place, name)]
    return [pytest.param(place, rows[name], id=f"{place}-{name}") for place, name in pairs]


@pytest.fixture
def hurt(make_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Stage]:
    """`hurt(place, how, times)`: a stage whose cloud does `how` at this place, so many times, 0 from then on."""
    monkeypatch.setattr("catalog.providers.wire.READ_SECONDS", 2.0)

    def hurt(place: Place, how: dict[str, Any], times: int = 0) -> Stage:
        stage = make_stage(place.kind, many_clusters=place.operation == CLUSTERS)
        stage.cloud.fail(operation=place.operation, skip=place.skip(stage.calls), times=times, **how)
        return stage

    return hurt


def run_to_its_end(stage: Stage, patience_seconds: float = 0.0) -> SyncRun:
    run = run_sync(start_run(stage.source, "schedule"), patience_seconds)
    assert run
    if any(fault.refuse and fault.hits for fault in stage.cloud.service.faults):
        stage.cloud.listen()
    assert stage.cloud.faults()[0]["hits"], "the fault was not met"
    return run


@pytest.mark.parametrize(("place", "row"), cases(PLACES, ROWS))
def test_a_listing_that_fails_changes_nothing(hurt: Callable[..., Stage], place: Place, row: Row) -> None:
    stage = hurt(place, row.at(place))
    run = run_to_its_end(stage, row.patience)
    stage.check_failed(run, row.kind, place.operation)
    stage.check_untouched()
    stage.cloud.heal()
    stage.sync()


@pytest.mark.parametrize(("place", "how"), cases(PLACES, LIES))
def test_a_listing_that_does_not_add_up_changes_nothing(
    hurt: Callable[..., Stage], place: Place, how: dict[str, Any]
) -> None:
    stage = hurt(place, how)
    run = run_to_its_end(stage)
    stage.check_failed(run, "incomplete", place.operation)
    stage.check_untouched()
    stage.cloud.heal()
    stage.sync()


@pytest.mark.parametrize(("place", "row"), cases(TYPICAL, PASSING))
def test_trouble_that_passes_is_not_noticed(hurt: Callable[..., Stage], place: Place, row: Row) -> None:
    stage = hurt(place, row.at(place), times=1)
    run = run_to_its_end(stage, patience_seconds=5.0)
    assert (run.state, run.error) == ("complete", None)
    stage.check_shows_now()


MOVING = [place for place in PAGES if place.where != FIRST and place.part != "x86"]


@pytest.mark.parametrize("how", ["insert", "remove"])
@pytest.mark.parametrize("place", [place for place in MOVING if place.operation != CLUSTERS], ids=str)
def test_a_listing_that_moves_while_it_is_read_is_read_again(
    hurt: Callable[..., Stage], place: Place, how: str
) -> None:
    """It is what the cloud listed before it moved, where the part that moved was read to its end by then, or after."""
    stage = hurt(place, {"shift": how}, times=1)
    run = run_to_its_end(stage)
    assert run.state == "complete", run.error
    moved = listed(stage.cloud, stage.source)
    assert inventory(stage.source) in (stage.now, moved) and stage.now != moved
    assert place.kind == "alibaba_ehpc_registered" or inventory(stage.source) == moved
    stage.before, stage.now = stage.before | stage.now, moved
    stage.sync()


@pytest.mark.parametrize("place", [place for place in MOVING if place.operation == CLUSTERS], ids=str)
def test_clusters_that_move_while_they_are_listed_are_listed_again(hurt: Callable[..., Stage], place: Place) -> None:
    """The new one is empty. It moves the last of each page to the next, where it comes a second time."""
    stage = hurt(place, {"shift": "insert"}, times=1)
    asked = len(stage.cloud.requests(CLUSTERS))
    run = run_to_its_end(stage)
    assert run.state == "complete", run.error
    stage.check_shows_now()
    assert len(stage.cloud.requests(CLUSTERS)) - asked == 6


@pytest.mark.parametrize("kind", ["alibaba_ehpc_custom", "alibaba_ens_public"])
def test_a_document_that_lacks_half_its_images_is_suspect(make_stage: Callable[..., Stage], kind: str) -> None:
    """Nothing counts what one document lists: only the shelf tells that much is gone."""
    stage = make_stage(kind)
    stage.cloud.fail(lacks=len(stage.now) // 2)
    run = run_to_its_end(stage)
    assert (run.state, run.error["code"]) == ("suspect", "SuspectListing")
    stage.check_untouched()
    stage.sync()


def test_the_text_above_names_every_case() -> None:
    told = " ".join((__doc__ or "").split())
    assert not [name for name in (*ROWS, *LIES) if not re.search(rf" {re.escape(name)}[,. ]", told)]


def test_the_places_are_every_call_that_lists() -> None:
    """A provider that is added, or calls more, has its place here."""
    assert {place.kind for place in PLACES} == set(PROVIDERS)
    for kind, provider in PROVIDERS.items():
        called = {place.operation for place in PLACES if place.kind == kind}
        assert called == {name.replace("Keystone", "") for name in provider.operations}
