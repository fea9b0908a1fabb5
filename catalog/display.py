"""How a person sees the images table: which columns, how dense. It belongs to the person, and to saved views.

Whoever looks through a saved view sees its columns and density; what they change there is theirs alone, kept beside
their own choice until they save or reset it. No filter is touched by any of this.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from catalog.columns import DEFAULT, checked
from catalog.models import SavedView

DENSITIES = {"comfortable": _("Comfortable"), "compact": _("Compact")}
MOST_CHANGED = 20  # views whose columns a person has changed without saving; the oldest change is forgotten


@dataclass(frozen=True, slots=True)
class Display:
    columns: tuple[str, ...] = DEFAULT
    density: str = "comfortable"


def display(columns: object, density: object) -> Display:
    """What of this there is, whoever says so: an old row, a form, a hand."""
    keys = columns if isinstance(columns, Iterable) and not isinstance(columns, str) else ()
    return Display(checked(keys), density if isinstance(density, str) and density in DENSITIES else "comfortable")


def of_view(view: SavedView) -> Display:
    return display(view.columns, view.density)


def shown(user: User, view: SavedView | None) -> Display:
    """What this person sees, in a view or outside of all. No query."""
    kept = user.preferences
    if view is None:
        return display(kept.get("columns"), kept.get("density"))
    changed = _changed(kept).get(str(view.id))
    return display(changed.get("columns"), changed.get("density")) if isinstance(changed, dict) else of_view(view)


def keep(user: User, new: Display, view: SavedView | None) -> None:
    """Show this to the person from now on: in this view, or outside of all."""
    with transaction.atomic():
        # The page size or the theme may be kept at this moment too.
        kept = User.objects.select_for_update().only("preferences").get(id=user.id).preferences
        value = {"columns": list(new.columns), "density": new.density}
        if view is None:
            kept |= value
        else:
            changed = _changed(kept)
            changed.pop(str(view.id), None)
            if new != of_view(view):
                changed[str(view.id)] = value
            kept["view_changes"] = dict(list(changed.items())[-MOST_CHANGED:])
        User.objects.filter(id=user.id).update(preferences=kept)
    user.preferences = kept


def _changed(preferences: dict[str, Any]) -> dict[str, Any]:
    found = preferences.get("view_changes")
    return found if isinstance(found, dict) else {}
