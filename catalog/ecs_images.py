"""The ECS images of a region that the shelf knows, to register one: what E-HPC lists as custom images are these."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import F, Value

from accounts.models import CloudAccount
from catalog import pages
from catalog.browse import LONGEST_VALUE, MOST_WORDS, Choice, ImageFilter
from catalog.cells import UNKNOWN, system_words
from catalog.models import Image, SortId, Source
from catalog.typed import read
from config.deadline import in_time

KIND = "alibaba_ehpc_custom"
SHOWN = 6
_COLUMNS = "i.id, left(i.name, 200), left(i.remote_id, 120), i.distribution, i.os_version, i.os, i.arch, i.size_gib"


@dataclass(frozen=True, slots=True)
class EcsImage:
    """`facts` are its system, architecture and size, as far as they are known."""

    id: UUID
    name: str
    remote_id: str
    facts: str


@dataclass(frozen=True, slots=True)
class Found:
    """`more` says that there are more than these. `lists` is whether the shelf reads this region's ECS images at all,
    `too_slow` that looking took too long.
    """

    images: list[EcsImage]
    more: bool = False
    lists: bool = True
    too_slow: bool = False


def find(account: CloudAccount, region: str, words: str) -> Found:
    """Those in whose name, ID or description all the words are. Three queries at most."""
    sources = _sources(account, region)
    if not sources:
        return Found([], lists=False)
    text = " ".join(read(words).searched(MOST_WORDS, LONGEST_VALUE)[0])
    choices = {"source": Choice(tuple(map(str, sources))), "type": Choice(("vm",)), "state": Choice((), ("missing",))}
    page = in_time(pages.fetch, ImageFilter(account.team_id, choices, text), _COLUMNS, size=SHOWN)
    if page is None:
        return Found([], too_slow=True)
    rows = {row[2]: row for row in page.rows}  # several sources may list one
    images = [EcsImage(image_id, name, remote_id, _facts(*rest)) for image_id, name, remote_id, *rest in rows.values()]
    return Found(images, bool(page.next))


def look_up(account: CloudAccount, region: str, image_id: str) -> tuple[Image | None, list[str]]:
    """The image of this ID in the region, and if there is none, the regions where the shelf has it. One query."""
    same = Image.objects.filter(team_id=account.team_id, source__kind=KIND, remote_id=image_id)
    same = same.alias(sort_id=SortId("remote_id")).filter(sort_id=SortId(Value(image_id)))
    found = list(same.exclude(state__in=["missing", "archived"]).order_by("id")[:50])
    here = next((image for image in found if image.region == region), None)
    return here, [] if here else sorted({image.region for image in found})


def _sources(account: CloudAccount, region: str) -> list[UUID]:
    """Those of the account; of the team, where it has none: a key that registers may not be the one that lists."""
    listed = Source.objects.filter(team_id=account.team_id, kind=KIND, region=region, archived_at=None)
    found = list(listed.values_list("id", F("cloud_account")))
    return [source for source, owner in found if owner == account.id] or [source for source, _owner in found]


def _facts(distribution: str | None, version: str | None, system: str, arch: str, size: int | None) -> str:
    known = [system_words(distribution, version, system), "" if arch == "unknown" else arch, size and f"{size} GiB"]
    return " · ".join(one for one in known if one and one != UNKNOWN)
