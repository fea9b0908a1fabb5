"""A team's own marks on its images: labels, stars and notes, of one image or of many at once.

Each action is one transaction under the locks of the images' sources, with one audit row if it changed anything. Images
are given by their ids or by a condition over `i` (catalog/selection.py).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import audit
from accounts.models import Team
from catalog.actions.base import ActionError, Actor
from catalog.locks import SourceBusy, lock_labels, lock_sources
from catalog.mark_rows import relabel, star, write_note
from catalog.marks import MOST_OF_IMAGE, MOST_OF_TEAM, label_of, note_digest, note_of, team_labels
from catalog.models import Image
from catalog.selection import Condition

MOST_AT_ONCE = 10_000
MOST_TOLD = 1_000  # images that an audit row names one by one
LOCK_SECONDS = 1.0

type Images = Iterable[UUID] | Condition


class CountChanged(ActionError):
    """Other images are selected than somebody confirmed: `now` many, and nothing was changed."""

    def __init__(self, now: int) -> None:
        message = ngettext("Meanwhile it is %(n)s image.", "Meanwhile it is %(n)s images.", now)
        super().__init__("", message % {"n": number_format(now, force_grouping=True)})
        self.now = now


class NoteConflict(ActionError):
    """Somebody else wrote the note since it was shown; `note` is theirs."""

    def __init__(self, note: str) -> None:
        super().__init__("note", _("Somebody changed this note while you wrote."))
        self.note = note


def add_labels(
    team: Team, actor: Actor, images: Images, labels: Iterable[str], *, query: str = "", expected: int | None = None
) -> int:
    """How many images have a label more. `query` is the filter that a condition stands for, for the audit trail.

    Raises CountChanged if `expected`, the count somebody confirmed, is not what is selected now; ActionError for what
    is no label, or too many of them.
    """
    added = _labels(labels)
    with transaction.atomic():
        ids = _held(team, images, expected)
        _make_room(team, ids, added)
        changed = relabel(team.id, ids, lambda have: {*have, *added})
        _tell(team, actor, "image.labelled", changed, {"labels": added}, images, query)
    return len(changed)


def remove_labels(
    team: Team, actor: Actor, images: Images, labels: Iterable[str], *, query: str = "", expected: int | None = None
) -> int:
    """How many images have a label less. As `add_labels`."""
    removed = _labels(labels)
    with transaction.atomic():
        ids = _held(team, images, expected)
        changed = relabel(team.id, ids, lambda have: {*have} - {*removed})
        _tell(team, actor, "image.unlabelled", changed, {"labels": removed}, images, query)
    return len(changed)


def set_star(
    team: Team, actor: Actor, images: Images, starred: bool, *, query: str = "", expected: int | None = None
) -> int:
    """How many images were not so before. As `add_labels`."""
    with transaction.atomic():
        changed = star(team.id, _held(team, images, expected), starred)
        _tell(team, actor, "image.starred" if starred else "image.unstarred", changed, {}, images, query)
    return len(changed)


def set_note(team: Team, actor: Actor, image: Image, note: str, *, seen: str | None = None) -> bool:
    """Write the image's note, "" for none; whether it is another one now.

    `seen` is the `note_digest` of what the person was shown. Raises NoteConflict if it is not that any more.
    """
    note = note_of(note)
    with transaction.atomic():
        _held(team, [image.id], None)
        found = Image.objects.filter(team=team, id=image.id).first()
        if found is None:
            raise ActionError("", _("This image is no longer there."))
        if found.note == note:
            return False
        if seen is not None and seen != note_digest(found.note):
            raise NoteConflict(found.note)
        write_note(found, note)
        changes = {"note": [found.note, note]}
        audit.record(team, actor, "image.noted", target=found.name, target_id=found.id, changes=changes)
    return True


def rename_label(team: Team, actor: Actor, old: str, new: str) -> tuple[int, int]:
    """On every image that has it, in the place of `old`: (how many that were, how many still have it).

    At most MOST_AT_ONCE at a time; called again, it goes on. An image that has `new` too keeps one of them.
    """
    old, new = label_of(old), label_of(new)
    return _change_label(team, actor, old, "label.renamed", {"to": new}, lambda have: {*have} - {old} | {new})


def delete_label(team: Team, actor: Actor, label: str) -> tuple[int, int]:
    """From every image that has it. As `rename_label`."""
    label = label_of(label)
    return _change_label(team, actor, label, "label.deleted", {}, lambda have: {*have} - {label})


def _change_label(
    team: Team, actor: Actor, label: str, action: str, changes: dict[str, Any], change: Callable[[list[str]], set[str]]
) -> tuple[int, int]:
    with transaction.atomic():
        sources = _hold(team, _holders(team, label))
        changed = relabel(team.id, [i for i, source_id in _holders(team, label) if source_id in sources], change)
        tally = team_labels(team.id).get(label)
        left = tally.total if tally and changed else 0
        if changed:
            told = {**changes, "images": len(changed), **_ids(changed)} | ({"left": left} if left else {})
            audit.record(team, actor, action, target=label, changes=told)
    return len(changed), left


def _labels(labels: Iterable[str]) -> list[str]:
    found = sorted({label_of(label) for label in labels})
    if not found:
        raise ActionError("label", _("Enter a label."))
    return found


# What is selected, and held until the transaction ends

_HOLDS = """
    i.facets = ANY(ARRAY(
        SELECT f.facets FROM catalog_facetcount f
        WHERE f.team_id = %s AND f.n > 0 AND f.labels @> ARRAY[%s]::varchar[]
    )) AND i.labels @> ARRAY[%s]::varchar[]"""
_SELECT = "SELECT i.id, i.source_id FROM catalog_image i WHERE i.team_id = %s AND {} LIMIT {}"


def _held(team: Team, images: Images, expected: int | None) -> list[UUID]:
    """The ids of what is selected once nobody else writes these images any more."""
    where = images if isinstance(images, Condition) else Condition("i.id = ANY(%s)", [list(images)])
    sources = _hold(team, _selected(team, where))
    found = _selected(team, where)
    if expected is not None and len(found) != expected:
        raise CountChanged(len(found))
    # What came to match since, in a source that is not held, is not what anybody chose.
    return [image_id for image_id, source_id in found if source_id in sources]


def _hold(team: Team, found: Sequence[tuple[UUID, UUID]]) -> set[UUID]:
    sources = {source_id for _id, source_id in found}
    try:
        lock_sources(sources, LOCK_SECONDS)
    except SourceBusy:
        raise ActionError("", _("A sync is being applied to these images: try again in a moment.")) from None
    return sources


def _selected(team: Team, where: Condition) -> list[tuple[UUID, UUID]]:
    with connection.cursor() as cursor:
        cursor.execute(_SELECT.format(f"({where.sql})", MOST_AT_ONCE + 1), [team.id, *where.params])
        found: list[tuple[UUID, UUID]] = cursor.fetchall()
    if len(found) > MOST_AT_ONCE:
        message = _("These are more than %(most)s images: narrow the selection.")
        raise ActionError("", message % {"most": number_format(MOST_AT_ONCE, force_grouping=True)})
    return found


def _holders(team: Team, label: str) -> list[tuple[UUID, UUID]]:
    """The first MOST_AT_ONCE images that have it, found by the combinations of facet values that do."""
    with connection.cursor() as cursor:
        cursor.execute(_SELECT.format(_HOLDS, MOST_AT_ONCE), [team.id, team.id, label, label])
        return list(cursor.fetchall())


def _make_room(team: Team, ids: list[UUID], added: list[str]) -> None:
    """Raise ActionError if a label more would be too many, of an image or of the team."""
    with connection.cursor() as cursor:
        cursor.execute(_CROWDED, {"team": team.id, "ids": ids, "added": added, "most": MOST_OF_IMAGE})
        crowded = cursor.fetchone()[0]
    if crowded and len(ids) == 1:
        raise ActionError("label", _("An image has at most %(most)d labels.") % {"most": MOST_OF_IMAGE})
    if crowded:
        message = ngettext(
            "An image has at most %(most)d labels: %(n)s of these would have more.",
            "An image has at most %(most)d labels: %(n)s of these would have more.",
            crowded,
        )
        raise ActionError("label", message % {"most": MOST_OF_IMAGE, "n": number_format(crowded, force_grouping=True)})
    if not ids or not {*added} - team_labels(team.id).keys():
        return
    lock_labels(team.id)
    if len({*added} | team_labels(team.id).keys()) > MOST_OF_TEAM:
        message = _("A team has at most %(most)d different labels: use one that is there, or remove one.")
        raise ActionError("label", message % {"most": MOST_OF_TEAM})


_CROWDED = """
    SELECT count(*) FROM catalog_image i WHERE i.team_id = %(team)s AND i.id = ANY(%(ids)s)
        AND (SELECT count(*) FROM (SELECT unnest(i.labels) UNION SELECT unnest(%(added)s::text[])) AS l) > %(most)s"""


def _tell(
    team: Team, actor: Actor, action: str, changed: list[UUID], changes: dict[str, Any], images: Images, query: str
) -> None:
    """One audit row: by its name for one image, for many by how many they are, the filter, and their ids."""
    if not changed:
        return
    if len(changed) == 1:
        name = Image.objects.filter(team=team, id=changed[0]).values_list("name", flat=True).get()
        audit.record(team, actor, action, target=name, target_id=changed[0], changes=changes)
        return
    which = {"query": query} if isinstance(images, Condition) else {}
    audit.record(team, actor, action, changes={**changes, "images": len(changed), **which, **_ids(changed)})


def _ids(changed: list[UUID]) -> dict[str, Any]:
    """For an audit row, of which the history of each image tells (catalog/history.py); more would make it too long."""
    return {"ids": [str(image_id) for image_id in changed]} if len(changed) <= MOST_TOLD else {}
