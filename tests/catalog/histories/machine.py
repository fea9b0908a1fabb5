"""Random histories of clouds and faults against the model: what may happen, one rule a kind of event. After each the
shelf is what the model says (checks.py).
"""

from collections.abc import Callable

from django.db.models.functions import Now
from django.test import override_settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from accounts.models import AuditEvent
from catalog import actions
from catalog.actions.sources import After
from catalog.leases import ATTEMPTS, close_failed
from catalog.models import Breaker, Source, SyncRun
from catalog.providers.base import ProviderError
from catalog.retention import archive_missing, prune_changes
from catalog.runs import accept_suspect, keep_shelf, queue_due_sources, reconcile, start_run
from tests.catalog.histories import checks
from tests.catalog.histories.marking import PICK, Marking
from tests.catalog.histories.places import ERRORS, LIES, PLACES, REGISTERED, Place, Refused, Weather, listed, made
from tests.catalog.histories.shelf import Outcome, Shelf
from tests.catalog.histories.stage import BROKEN, Stage, rows

NUMBERS = st.integers(1, 7)
SOME = st.lists(NUMBERS, max_size=7, unique=True)
ANY_PLACE = st.sampled_from(PLACES)
LIVE = st.runner().flatmap(lambda history: st.sampled_from(list(history.live)))
DEAD = st.runner().flatmap(lambda history: st.sampled_from([place for place in PLACES if place not in history.live]))
PAGES = st.sampled_from([1, 1, 2, 2, 3, "last"])
WEATHER = st.builds(
    Weather,
    what=st.sampled_from([*LIES, *LIES, *ERRORS]),
    page=PAGES,
    once=st.booleans(),
    amount=st.sampled_from([1, 2, -1]),
)
PAUSING = ("authentication", "permission", "billing")


def is_live(history: "History") -> bool:
    return bool(history.live)


class History(Marking):
    """`stage` makes a team and clouds of its own for each history."""

    stage_of: Callable[[], Stage]

    def __init__(self) -> None:
        super().__init__(type(self).stage_of())

    def teardown(self) -> None:
        self.stage.end()

    # What the clouds list

    @initialize(numbers=SOME, places=st.lists(ANY_PLACE, min_size=1, max_size=2, unique=True))
    def begin(self, numbers: list[int], places: list[Place]) -> None:
        for place in places:
            self.become(place, numbers)
            self.add_source(place)
            self.sync(place, None)

    @rule(place=ANY_PLACE, numbers=SOME)
    def become(self, place: Place, numbers: list[int]) -> None:
        """The cloud lists exactly these, in this order; those it has stay as they are."""
        have = {one["_n"]: one for one in self.stage.clouds[place] if "_n" in one}
        self.stage.clouds[place] = [have.get(number) or made(place, number) | {"_n": number} for number in numbers]
        self.stage.serve(place)

    @rule(place=ANY_PLACE, pick=PICK, which=PICK, value=PICK)
    def alter(self, place: Place, pick: int, which: int, value: int) -> None:
        cloud = self.stage.clouds[place]
        name, values = list(place.alterations.items())[which % len(place.alterations)]
        if cloud:
            cloud[pick % len(cloud)] = cloud[pick % len(cloud)] | {name: values[value % len(values)]}
            self.stage.serve(place)

    @rule(place=ANY_PLACE, pick=PICK)
    def duplicate(self, place: Place, pick: int) -> None:
        """The cloud itself lists an image twice."""
        cloud = self.stage.clouds[place]
        if cloud:
            cloud.append(dict(cloud[pick % len(cloud)]))
            self.stage.serve(place)

    @rule(place=ANY_PLACE, by=NUMBERS)
    def reorder(self, place: Place, by: int) -> None:
        cloud = self.stage.clouds[place]
        cloud[:] = cloud[by % max(len(cloud), 1) :] + cloud[: by % max(len(cloud), 1)]
        self.stage.serve(place)

    # Syncs

    @precondition(is_live)
    @rule(place=LIVE)
    def sync_well(self, place: Place) -> None:
        self.sync(place, None)

    @precondition(is_live)
    @rule(place=LIVE, weather=WEATHER)
    def sync_badly(self, place: Place, weather: Weather) -> None:
        listing = self.stage.clouds[place]
        unpaged = not place.paged and weather.what in ("total", "duplicate_page")
        unshifted = weather.what in ("insert", "remove") and not listing
        ambiguous = weather.what == "insert" and place is REGISTERED  # two images of one name and version
        self.sync(place, None if unpaged or unshifted or ambiguous else weather)

    @precondition(is_live)
    @rule(place=LIVE, numbers=SOME)
    def change_and_sync(self, place: Place, numbers: list[int]) -> None:
        self.become(place, numbers)
        self.sync(place, None)

    def sync(self, place: Place, weather: Weather | None) -> None:
        shelf, before = self.live[place], rows(self.live[place].source)
        queued = start_run(Source.objects.get(id=shelf.source), "command", "a person")
        assert queued and queued.attempt == shelf.attempt and (shelf.run is None or queued.id == shelf.run)
        run = self.stage.sync(place, queued, weather)
        assert run is not None
        refused, outcome = self.broken[place.vendor], None
        if not refused:
            try:
                listing = listed(place, self.stage.clouds[place], weather)
            except Refused as error:
                refused = error.kind
            else:
                outcome = shelf.apply(run.id, listing)
                assert (run.pages, run.expected) == (listing.pages, listing.expected)
        self._ended(shelf, outcome, refused)
        if outcome and outcome.state == "complete":
            self.told += [(shelf.source, run.id, *one) for one in outcome.told]
            self.registering.close_seen(shelf, outcome)
        checks.run(shelf, run, outcome, refused)
        checks.untouched(before, rows(shelf.source), outcome.written if outcome else set())

    def _ended(self, shelf: Shelf, outcome: Outcome | None, refused: str) -> None:
        shelf.run, shelf.attempt, shelf.accepted = None, 1, None
        if outcome:
            shelf.failures, shelf.error = 0, None
            shelf.paused = "" if shelf.paused in PAUSING else shelf.paused
        else:
            shelf.failures, shelf.error = shelf.failures + 1, refused
            shelf.paused = shelf.paused or (refused if refused in PAUSING else "")

    @precondition(is_live)
    @rule(place=LIVE, page=st.integers(1, 4))
    def lose_worker(self, place: Place, page: int) -> None:
        """While it lists, or in the middle of applying: nothing has changed, and the run is given back or abandoned."""
        try:
            listed(place, self.stage.clouds[place], None)
        except Refused:
            return
        if self.broken[place.vendor]:
            return
        shelf, before = self.live[place], rows(self.live[place].source)
        queued = start_run(Source.objects.get(id=shelf.source), "command", "a person")
        assert queued
        (hold,) = self.stage.kill(queued, page)
        checks.untouched(before, rows(shelf.source), set())
        found, last = reconcile(), shelf.attempt == ATTEMPTS
        assert found == {"requeued": int(not last), "abandoned": int(last), "announced": 0}
        assert not close_failed(hold, ProviderError("x", "Late", "It wakes up.", kind="internal"))
        run = SyncRun.objects.get(id=queued.id)
        if last:
            assert (run.state, run.attempt, run.error["code"]) == ("abandoned", ATTEMPTS, "Abandoned")
            shelf.run, shelf.attempt, shelf.accepted = None, 1, None
            shelf.failures, shelf.error = shelf.failures + 1, "abandoned"
        else:
            assert (run.state, run.attempt, run.lease_until) == ("queued", shelf.attempt + 1, None)
            shelf.run, shelf.attempt = run.id, run.attempt

    @rule()
    def beat(self) -> None:
        """Every source is due: those that may be asked are queued, once."""
        Source.objects.filter(archived_at=None).update(next_sync_at=Now())
        held = set(Breaker.objects.filter(open_until__isnull=False).values_list("cloud_account__vendor", flat=True))
        may = [s for place, s in self.live.items() if not s.paused and not s.run and place.vendor not in held]
        queued = {run.source_id: run for run in SyncRun.objects.filter(id__in=queue_due_sources())}
        if not held:  # which product and region is held is told in test_breakers.py
            assert queued.keys() == {shelf.source for shelf in may}
        for shelf in self.live.values():
            if shelf.source in queued:
                assert queued[shelf.source].state == "queued" and shelf.run is None
                shelf.run = queued[shelf.source].id

    # What people do

    def suspects(self) -> list[Shelf]:
        return [shelf for shelf in self.live.values() if shelf.word and shelf.word.suspect]

    @precondition(suspects)
    @rule(pick=PICK)
    def accept(self, pick: int) -> None:
        shelf = self.suspects()[pick % len(self.suspects())]
        suspect = SyncRun.objects.get(id=shelf.word.run)
        waits = SyncRun.objects.filter(source=shelf.source, state__in=["queued", "listing"])
        twice = waits.filter(digest=suspect.digest).exists()  # a run of the same belief waits already
        run = accept_suspect(suspect, self.stage.admin)
        assert run and run.state == "queued" and (shelf.run is None or shelf.run == run.id)
        shelf.run, shelf.accepted = run.id, shelf.word.keys
        self.audited += not twice

    @precondition(suspects)
    @rule(pick=PICK)
    def keep(self, pick: int) -> None:
        shelf = self.suspects()[pick % len(self.suspects())]
        assert keep_shelf(SyncRun.objects.get(id=shelf.word.run), self.stage.admin) is not shelf.word.kept
        self.audited += not shelf.word.kept
        shelf.word.kept = True

    @rule(vendor=st.sampled_from(list(BROKEN)), pick=PICK)
    def break_or_mend_credential(self, vendor: str, pick: int) -> None:
        """Another credential; sources that the one before had paused are due."""
        kinds = list(BROKEN[vendor])
        self.broken[vendor] = "" if self.broken[vendor] else kinds[pick % len(kinds)]
        self.stage.credential(vendor, self.broken[vendor])
        for shelf in self.live.values():
            if shelf.place.vendor == vendor and shelf.paused in PAUSING:
                shelf.paused = ""
        self.audited += 1

    @precondition(is_live)
    @rule(place=LIVE, resume=st.booleans())
    def pause_or_resume(self, place: Place, resume: bool) -> None:
        shelf, team, admin = self.live[place], self.stage.team, self.stage.admin
        source = Source.objects.get(id=shelf.source)
        self.audited += bool(shelf.paused) is resume
        if resume:
            actions.resume_source(team, admin, source)
            shelf.paused = ""
        else:
            actions.pause_source(team, admin, source)
            shelf.paused = shelf.paused or "admin"

    @precondition(lambda self: len(self.live) < len(PLACES))
    @rule(place=DEAD)
    def add_source(self, place: Place) -> None:
        account = self.stage.accounts[place.vendor]
        (source,) = actions.add_sources(self.stage.team, self.stage.admin, account, place.kind, [place.region])
        self.live[place] = Shelf(place, source.id)
        self.audited += 1

    @precondition(is_live)
    @rule(place=LIVE, images=st.sampled_from(["archive", "remove"]))
    def remove_source(self, place: Place, images: After) -> None:
        shelf = self.live.pop(place)
        actions.delete_source(self.stage.team, self.stage.admin, Source.objects.get(id=shelf.source), images)
        self.audited += 1
        if images == "remove":
            self.told = [one for one in self.told if one[0] != shelf.source]
            self.registering.forget(shelf)
            return
        for held in shelf.images.values():
            held.state = "archived"
        if shelf.run:
            run = self.stage.sync(place, SyncRun.objects.get(id=shelf.run), None)
            assert run and (run.state, run.error["code"]) == ("failed", "SourceRemoved")
        self.removed.append(shelf)

    # Time

    @rule()
    def archive(self) -> None:
        """Images that two complete listings missed are archived, those of living sources."""
        missing = [h for s in self.live.values() for h in s.images.values() if h.state == "missing"]
        gone = [held for held in missing if held.listings_missed > 1]
        with override_settings(ARCHIVE_MISSING_DAYS=0):
            assert archive_missing() == len(gone)
        for held in gone:
            held.state = "archived"

    @rule()
    def prune(self) -> None:
        with override_settings(KEEP_CHANGES_DAYS=0):
            assert prune_changes() == len(self.told)
        self.told = []

    # What holds after every step

    @invariant()
    def the_shelf_is_what_the_model_says(self) -> None:
        shelves = [*self.live.values(), *self.removed]
        checks.images(shelves)
        checks.counts(shelves)
        checks.sources(list(self.live.values()))
        checks.changes(self.told)
        assert AuditEvent.objects.filter(team=self.stage.team.id).count() == self.audited
