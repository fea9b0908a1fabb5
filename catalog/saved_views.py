"""Saved views as people meet them: which there are for whom, which one an address is in, whether it was changed there.

A private view is its owner's alone, and an editor may share theirs. A shared one every member sees and every editor may
save; its owner, while an editor, and admins may rename it, delete it or make it private again; which one is the team's
default is an admin's word.
An address says all of its state by itself: `view` only says which view that state is compared with.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from accounts.models import Membership, Team, User
from catalog.browse import ImageFilter, UnknownFilter, parse
from catalog.columns import COLUMNS
from catalog.display import DENSITIES, Display, of_view
from catalog.models import SavedView, Source

IN_MENU = 12  # own ones, and as many shared ones; the page of all has the rest


def visible(team: Team, user: User) -> QuerySet[SavedView]:
    """What this member may see, by name."""
    seen = Q(shared=True) | Q(owner_id=user.pk)
    return SavedView.objects.filter(seen, team=team).order_by(Lower("name"), "id")


def find(views: Iterable[SavedView], key: str) -> SavedView | None:
    """The one whose id is, or begins with, this."""
    found = [view for view in views if key and str(view.id).startswith(key)]
    return found[0] if len(found) == 1 else None


def current(team: Team, user: User, key: str) -> SavedView | None:
    """The view an address names, if this member may see it. One query, none for "" and "all"."""
    return find(visible(team, user), key) if key not in ("", "all") else None


def key_of(view_id: UUID) -> str:
    return str(view_id)[:8]


def address(team: Team, view: SavedView) -> str:
    """Where a view opens: what it keeps, as it was kept, so that the page can tell what is not understood any more."""
    return address_of(team, view.query, view)


def address_of(team: Team, query: str, view: SavedView | None) -> str:
    """The list with this query string, in this view."""
    parts = [query] if query else []
    parts += [f"view={key_of(view.id)}"] if view else []
    return reverse("catalog:image_list", args=[team.slug]) + ("?" + "&".join(parts) if parts else "?view=all")


@dataclass(frozen=True, slots=True)
class Rights:
    """What a member may do with a view."""

    save: bool
    manage: bool  # rename, delete
    share: bool  # or take back, which gives it to its owner alone
    make_default: bool


def rights(member: Membership, view: SavedView) -> Rights:
    own, edits, admin = view.owner_id == member.user_id, member.allows("editor"), member.allows("admin")
    if not view.shared:
        return Rights(own, own, own and edits, False)
    return Rights(edits, admin or (own and edits), (admin or (own and edits)) and view.owner_id is not None, admin)


def default_of(listed: Iterable[SavedView]) -> SavedView | None:
    return next((view for view in listed if view.is_default), None)


def place(listed: list[SavedView], asked: ImageFilter) -> tuple[ImageFilter, SavedView | None, list[str]]:
    """What is asked for with its view made good, that view, and what to tell about it."""
    view = find(listed, asked.view)
    has_default = default_of(listed) is not None
    if view is not None:
        return asked.in_view(asked.view, has_default=has_default), view, _gone_sources(asked, view)
    notices = [_("That saved view is gone, or is not shared with you. The filters of the address are applied.")]
    return asked.in_view("", has_default=has_default), None, notices if asked.view else []


@dataclass(frozen=True, slots=True)
class Menu:
    """What the page offers: the views to go to, the one it is in, and what it would keep.

    `query` is what would be kept, `here` the page's whole query string, `columns` a checkbox for every column.
    """

    own: list[SavedView]
    shared: list[SavedView]
    left_out: int
    view: SavedView | None
    edited: bool
    rights: Rights | None
    query: str
    here: str
    shown: Display
    columns: SafeString

    @property
    def densities(self) -> list[tuple[str, str | Promise, bool]]:
        return [(key, label, key == self.shown.density) for key, label in DENSITIES.items()]


def menu(
    member: Membership,
    listed: list[SavedView],
    view: SavedView | None,
    asked: ImageFilter,
    shown: Display,
    *,
    page: str,
    sources: Iterable[Source],
) -> Menu:
    own, shared = ([one for one in listed if one.shared == is_shared] for is_shared in (False, True))
    return Menu(
        own[:IN_MENU],
        shared[:IN_MENU],
        len(own[IN_MENU:]) + len(shared[IN_MENU:]),
        view,
        view is not None and is_edited(view, asked, kept_filter(view, asked.team_id, sources), shown),
        rights(member, view) if view else None,
        asked.bare_query(),
        asked.query(page=page),
        shown,
        _checkboxes(shown),
    )


def _checkboxes(shown: Display) -> SafeString:
    """One a column but the name, which is always there. Made here, since every page of images has two dozen."""
    boxes = [
        f'<label><input type="checkbox" name="columns" value="{key}"{" checked" if key in shown.columns else ""}>'
        f" {escape(column.label)}</label>"
        for key, column in COLUMNS.items()
        if key != "name"
    ]
    return mark_safe("".join(boxes))  # noqa: S308 - our own words


def _gone_sources(asked: ImageFilter, view: SavedView) -> list[str]:
    choice = asked.choices.get("source")
    if choice is None or all(source in asked.names for source in (*choice.wanted, *choice.unwanted)):
        return []
    return [_("A source that “%(view)s” filters by is gone: no image is from there.") % {"view": view.name}]


def kept_filter(view: SavedView, team_id: UUID, sources: Iterable[Source]) -> ImageFilter:
    """What a view keeps, as it is understood today."""
    try:
        return parse(view.query, team_id, sources)
    except UnknownFilter:
        return ImageFilter(team_id, notices=("",))


def is_edited(view: SavedView, asked: ImageFilter, kept: ImageFilter, shown: Display) -> bool:
    """Whether the page shows something else than the view keeps, or the view keeps what is not understood any more."""
    return bool(kept.notices) or asked.bare_query() != kept.bare_query() or shown != of_view(view)
