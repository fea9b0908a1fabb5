"""What the facet counts cost a sync: the same sync of 10 000 changed images with their triggers and without, by turns,
in a process of its own each time. Every image changes, and one in ten moves from one facet value to another.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from benchmarks.home import say
from benchmarks.judging import Verdict, facet_cost
from benchmarks.syncing import clouds, make_source, timed_sync

SIZE, ROUNDS = 10_000, 9
KIND = "alibaba_ens_self"


def measure_facet_cost(size: int = SIZE, rounds: int = ROUNDS) -> tuple[dict[str, Any], Verdict]:
    """The seconds of every round, both ways, and whether the promise is held."""
    seconds: dict[str, list[float]] = {"with": [], "without": []}
    with clouds(size) as (cloud, pid):
        source = make_source(KIND)
        timed_sync(source, cloud, pid)
        for number in range(rounds):
            for way in ("with", "without") if number % 2 == 0 else ("without", "with"):
                with _triggers(on=way == "with"):
                    _move_facets(source.id)
                    cloud.mutate(listing=KIND, region=source.region, change=100)
                    found = timed_sync(source, cloud, pid)
                assert found["changed"] == found["listed"], found
                seconds[way].append(found["seconds"])
                say(f"  {way} the counts: {found['seconds']:.2f} s")
    # Of the two syncs of a round, which are neighbours: on a busy machine the medians of each way compare its moods.
    share = median(one / other for one, other in zip(seconds["with"], seconds["without"], strict=True))
    told = {"images": found["listed"], "seconds": seconds, "share": round(share, 3)}
    return told | {"median": {way: median(values) for way, values in seconds.items()}}, facet_cost(share)


@contextmanager
def _triggers(*, on: bool) -> Iterator[None]:
    """The triggers of the counts, or not, while this lasts. Counts that go wrong without them hurt nothing here."""
    from django.db import connection

    with connection.cursor() as cursor:
        if not on:
            cursor.execute("ALTER TABLE catalog_image DISABLE TRIGGER USER")
        yield
        cursor.execute("ALTER TABLE catalog_image ENABLE TRIGGER USER")


def _move_facets(source_id: Any) -> None:
    """What the sync will put right: a state in every tenth row that its cloud does not tell."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE catalog_image SET state = 'unknown' WHERE source_id = %s AND hashtext(key) %% 10 = 0", [source_id]
        )
        cursor.execute("VACUUM (ANALYZE) catalog_image, catalog_facetcount")
