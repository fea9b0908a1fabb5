"""A source with a known shelf in front of a cloud that has changed since, and what must hold after a fault."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from catalog.connections import connect
from catalog.errors import explain
from catalog.leases import PAUSING
from catalog.models import Image, ImageDocument, Source, SyncRun
from catalog.providers import PROVIDERS, list_pages
from catalog.providers.base import Target
from catalog.recount import verify
from catalog.rows import COLUMNS, columns, content_hash
from tests.catalog.test_sync import shelf, sync
from tests.clouds.server import Simulator

# Images by their key; of each its columns, its hash and the cloud's own document.
type Inventory = Mapping[str, Mapping[str, Any]]

GENERIC = {"", "The call failed."}


@dataclass(slots=True)
class Stage:
    """`before` is what the last complete listing had and the shelf holds, `now` what the cloud lists since; `calls` are
    those of one whole listing, as the simulator records them.
    """

    cloud: Simulator
    source: Source
    before: Inventory
    now: Inventory
    calls: list[dict[str, Any]]
    rows: list[tuple[Any, ...]]

    def sync(self) -> SyncRun:
        """The next sync, with nothing in its way: afterwards the shelf is what the cloud lists."""
        run = sync(self.source)
        assert run.state == "complete", run.error
        self.check_shows_now()
        return run

    def check_untouched(self) -> None:
        """Not a row of the source's images was written since the last complete listing."""
        assert shelf(self.source) == self.rows
        check_same(inventory(self.source), self.before)
        assert not verify([self.source.team_id]).differences

    def check_shows_now(self) -> None:
        """The shelf has what the cloud lists now; whatever else it had is kept and marked missing."""
        check_same(inventory(self.source), self.now)
        gone = Image.objects.filter(source=self.source).exclude(missing_since=None)
        assert {image.key for image in gone} == set(self.before) - set(self.now)
        assert all(image.state == "missing" and image.last_seen_at for image in gone)
        assert not verify([self.source.team_id]).differences
        self.source.refresh_from_db()
        assert (self.source.failures, self.source.last_error, self.source.paused_at) == (0, None, None)

    def check_failed(self, run: SyncRun, kind: str, operation: str) -> None:
        """The run and its source say what happened, of which call, and in words that are not the generic ones."""
        assert (run.state, run.error and run.error["kind"]) == ("failed", kind), run.error
        assert run.error["operation"].endswith(operation) and run.error["code"] and run.error["message"]
        assert run.finished_at and run.lease_until is None
        self.source.refresh_from_db()
        assert {name: self.source.last_error[name] for name in run.error} == run.error
        assert self.source.failures == 1
        assert self.source.paused_reason == (kind if kind in PAUSING else "")
        words = explain(run.error, vendor=PROVIDERS[self.source.kind].vendor)
        assert not {words.label, words.title, words.advice} & GENERIC


def set_up(cloud: Simulator, source: Source) -> Stage:
    """Sync the source once; then the cloud changes, loses and gains some images."""
    before, _ = _listed(cloud, source, "before")
    assert sync(source).state == "complete"
    assert inventory(source) == before
    for cluster in clusters(cloud, source):
        if len(cloud.service.world.listing(source.kind, source.region, cluster)):
            place = {"listing": source.kind, "region": source.region, "cluster": cluster}
            cloud.mutate(**place, change=20, remove=5, add=4)
    now, calls = _listed(cloud, source, "now")
    assert before.keys() - now.keys() and now.keys() - before.keys()
    assert any(now[key] != image for key, image in before.items() if key in now)
    return Stage(cloud, source, before, now, calls, shelf(source))


_seen: dict[tuple[str, str, int, int, str], tuple[Inventory, list[dict[str, Any]]]] = {}


def _listed(cloud: Simulator, source: Source, when: str) -> tuple[Inventory, list[dict[str, Any]]]:
    """What is listed, and the calls it takes. A cloud of the same size and past lists the same, so it is asked once."""
    name = source.kind, source.region, cloud.service.world.images, len(clusters(cloud, source)), when
    if name not in _seen:
        asked = len(cloud.requests())
        _seen[name] = listed(cloud, source), cloud.requests()[asked:]
    found, calls = _seen[name]
    check_is_stored(cloud, source, found)
    return found, calls


def listed(cloud: Simulator, source: Source) -> Inventory:
    """What the cloud lists for this source, as a complete sync has to put it on the shelf; no fault may be set."""
    found: dict[str, dict[str, Any]] = {}
    connection = connect(source.cloud_account, 5)
    project = connection.revealed().get("project_id")
    for page in list_pages(source.kind, connection, Target(region=source.region, project_id=project)):
        for image in page.images:
            safe, digest, _ = content_hash(image)
            found[image.key] = columns(safe) | {"content_hash": digest, "document": dict(image.document)}
    check_is_stored(cloud, source, found)
    return found


def check_is_stored(cloud: Simulator, source: Source, found: Inventory) -> None:
    """The documents are those in the simulator's own store: paging and mapping lost none and made none up."""
    assert _documents(image["document"] for image in found.values()) == _documents(stored(cloud, source))


def stored(cloud: Simulator, source: Source) -> list[dict[str, Any]]:
    """The documents of a listing as the simulator holds them, past every API."""
    world = cloud.service.world
    listings = [world.listing(source.kind, source.region, cluster) for cluster in clusters(cloud, source)]
    return [orjson.loads(text) for listing in listings for text in listing.select().page(0, len(listing))]


def clusters(cloud: Simulator, source: Source) -> list[str | None]:
    """Those a listing goes through; one nameless one where the product has none."""
    return [*cloud.clusters(source.region)] if source.kind == "alibaba_ehpc_container" else [None]


def inventory(source: Source) -> Inventory:
    """What the shelf says the cloud has: every image of the source that is not missing."""
    documents = dict(ImageDocument.objects.filter(image__source=source).values_list("image_id", "document"))
    rows = Image.objects.filter(source=source, missing_since=None).values("id", "key", "content_hash", *COLUMNS)
    return {
        row["key"]: {name: row[name] for name in COLUMNS}
        | {"key": row["key"], "content_hash": bytes(row["content_hash"]), "document": documents[row["id"]]}
        for row in rows
    }


def check_same(found: Inventory, expected: Inventory) -> None:
    """As one comparison, with what differs told briefly."""
    assert (found.keys() - expected.keys(), expected.keys() - found.keys()) == (set(), set())
    wrong = {
        key: {name: (found[key][name], value) for name, value in image.items() if found[key][name] != value}
        for key, image in expected.items()
        if found[key] != image
    }
    assert not wrong


def _documents(documents: Any) -> Counter[str]:
    return Counter(json.dumps(document, sort_keys=True) for document in documents)
