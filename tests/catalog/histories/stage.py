"""What a history plays on: a team of its own, the simulated clouds, the real sync, and workers that are lost."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from unittest.mock import patch
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now

from accounts.models import AuditEvent, CloudAccount, Team, User
from catalog import actions
from catalog.completeness import Tally
from catalog.connections import seal_credential
from catalog.models import FacetCount, Image, ImageChange, ImageDocument, Source, SyncRun
from catalog.providers import alibaba_ehpc_container, alibaba_ehpc_registered, alibaba_ens_self, huawei_workspace
from catalog.sync import run_sync
from tests.catalog.histories.places import PAGE, PLACES, REGISTERED, Document, Place, Weather, scope_of
from tests.clouds import credentials
from tests.clouds.server import Simulator

BROKEN = {
    "alibaba": {
        "authentication": credentials.ALIBABA_INACTIVE,
        "permission": credentials.ALIBABA_DENIED,
        "billing": credentials.ALIBABA_IN_DEBT,
        "not_enabled": credentials.ALIBABA_NOT_ENABLED,
    },
    "huawei": {
        "authentication": credentials.HUAWEI_INACTIVE,
        "permission": credentials.HUAWEI_DENIED,
    },
}
_NUMBERS = count(1)


class Killed(BaseException):
    """SIGKILL, in this process: nothing of the worker's runs after it."""


@contextmanager
def small_scale() -> Iterator[None]:
    """Pages of three images, batches of two and a suspect loss of three: what takes thousands of images elsewhere."""
    pages = (alibaba_ens_self, alibaba_ehpc_registered, alibaba_ehpc_container)
    with (
        patch.object(huawei_workspace, "LIMIT", PAGE),
        patch("catalog.staging.BATCH_ROWS", 2),
        patch("catalog.applying.SUSPECT_COUNT", 2),
        patch("catalog.sync.PROGRESS_SECONDS", 0),
    ):
        before = {module: module._page.__defaults__ for module in pages}
        try:
            for module, defaults in before.items():
                module._page.__defaults__ = (PAGE, *(defaults or ())[1:])
            yield
        finally:
            for module, defaults in before.items():
                module._page.__defaults__ = defaults


@dataclass
class Stage:
    """A team with an account of each vendor; `clouds` is what each place lists."""

    simulator: Simulator
    admin: User
    team: Team = field(init=False)
    accounts: dict[str, CloudAccount] = field(init=False)
    clouds: dict[Place, list[Document]] = field(default_factory=lambda: {place: [] for place in PLACES})

    def __post_init__(self) -> None:
        self.team = Team.objects.create(slug=f"history-{next(_NUMBERS)}", name="History")
        self.accounts = {
            vendor: CloudAccount.objects.create(team=self.team, vendor=vendor, name=vendor, simulated=True)
            for vendor in BROKEN
        }
        for vendor, account in self.accounts.items():
            seal_credential(self.team.id, account.id, credentials.DEFAULT[vendor])
        self.simulator.clear()
        for place in PLACES:
            self.serve(place)

    def end(self) -> None:
        """The team goes, and takes everything along but its trail."""
        trail = AuditEvent.objects.filter(team=self.team.id)
        events = trail.count()
        Team.objects.filter(id=self.team.id).delete()
        for model in (Source, Image, ImageDocument, ImageChange, FacetCount, SyncRun):
            assert not model._default_manager.exists(), f"the team is gone and has left a {model.__name__}"
        assert trail.count() == events

    def serve(self, place: Place) -> None:
        for cluster in place.clusters:
            items = [one for one in self.clouds[place] if cluster is None or scope_of(place, one) == cluster]
            self.simulator.serve(listing=place.kind, region=place.region, cluster=cluster, items=items)

    def registered(self) -> list[Document]:
        """What the cloud itself added to the listing of registered images."""
        return list(self.simulator.service.world.registered(REGISTERED.region).extra)

    def credential(self, vendor: str, kind: str) -> None:
        """One that works, or one that fails in this kind of way."""
        given = BROKEN[vendor][kind].as_json() if kind else credentials.DEFAULT[vendor]
        actions.replace_credential(self.team, self.admin, self.accounts[vendor], given)

    def sync(self, place: Place, run: SyncRun, weather: Weather | None) -> SyncRun | None:
        self.simulator.heal()
        if weather:
            self.simulator.fail(operation=place.operation, vendor=place.vendor, region=place.region, **weather.fault())
        try:
            return run_sync(run, weather.patience if weather else 0.0)
        finally:
            self.simulator.heal()

    def kill(self, run: SyncRun, page: int) -> list[Any]:
        """The worker of this run is killed when it has got `page`, or after it has applied everything and before it
        commits, if there is no such page. What it held; its lease is over."""
        self.simulator.heal()
        holds: list[Any] = []
        pages = count(1)

        def add(tally: Tally, one: Any, *, real: Any = Tally.add) -> None:
            if next(pages) == page:
                raise Killed
            real(tally, one)

        def close(hold: Any, *rest: Any) -> None:
            raise Killed

        with (
            patch.object(Tally, "add", add),
            patch("catalog.applying.close_complete", close),
            patch("catalog.applying.close_suspect", close),
            patch("catalog.sync.give_back", holds.append),
            suppress(Killed),
        ):
            run_sync(run, 0.0)
        SyncRun.objects.filter(id=run.id).update(lease_until=Now())
        return holds


def rows(source: UUID) -> dict[str, tuple[Any, ...]]:
    """Where each image row of a source lies and who wrote it last: what changes when it is written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.key, i.ctid::text, i.xmin::text, d.ctid::text, d.xmin::text, i.changed_at, i.first_seen_at, i.id"
            " FROM catalog_image i LEFT JOIN catalog_imagedocument d ON d.image_id = i.id WHERE i.source_id = %s",
            [source],
        )
        return {key: rest for key, *rest in cursor.fetchall()}
