"""Saved views: made, saved, renamed, shared, made the default, deleted. Who may is catalog.saved_views.rights' word."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEvent, Team, User
from catalog.actions.base import ActionError
from catalog.display import Display
from catalog.models import SavedView

MOST = 100  # private ones of a person in a team, and shared ones of a team
LONGEST_NAME = 60
LONGEST_QUERY = 6000  # what proxies and browsers surely carry


class ViewChanged(ActionError):
    """Somebody saved the view since it was opened: `view` is as it is now, `by` who did (an email, "" if unknown)."""

    def __init__(self, view: SavedView, by: str) -> None:
        super().__init__("", _("Somebody else saved this view since you opened it."))
        self.view, self.by = view, by


def create_view(team: Team, actor: User, *, name: str, query: str, display: Display, shared: bool = False) -> SavedView:
    """A view of this canonical query string, columns and density, private or the team's."""
    view = SavedView(
        team=team,
        owner=actor,
        name=_name(name),
        query=_query(query),
        columns=list(display.columns),
        density=display.density,
        shared=shared,
    )
    with transaction.atomic():
        _make_room(team, view)
        _save_named(view, lambda: view.save(force_insert=True))
        audit.record(team, actor, "view.created", target=view.name, target_id=view.id, changes=_content(view))
    return view


def save_view(team: Team, actor: User, view: SavedView, *, query: str, display: Display, seen: datetime) -> SavedView:
    """Keep this instead of what the view kept when it was opened, at `seen` (its updated_at then).

    Raises ViewChanged if it keeps something else by now, unless that is the very same.
    """
    new = {"query": _query(query), "columns": list(display.columns), "density": display.density}
    with transaction.atomic():
        there = _locked(team, view)
        changes = {
            field: [getattr(there, field), value] for field, value in new.items() if getattr(there, field) != value
        }
        if not changes:
            return there
        if there.updated_at != seen:
            raise ViewChanged(there, _last_saved_by(team, there))
        SavedView.objects.filter(team=team, id=there.id).update(**new, updated_at=Now())
        audit.record(team, actor, "view.changed", target=there.name, target_id=there.id, changes=changes)
    there.refresh_from_db(fields=["updated_at", *new])
    return there


def rename_view(team: Team, actor: User, view: SavedView, name: str) -> None:
    name = _name(name)
    with transaction.atomic():
        there = _locked(team, view)
        before = there.name
        if name == before:
            return
        there.name = name
        _save_named(there, lambda: there.save(update_fields=["name"]))
        audit.record(team, actor, "view.renamed", target=name, target_id=there.id, changes={"name": [before, name]})


def share_view(team: Team, actor: User, view: SavedView, shared: bool) -> None:
    """Show it to the whole team, or to its owner alone again."""
    with transaction.atomic():
        _lock_team(team)
        there = _locked(team, view, as_seen=False)
        if there.shared == shared:
            return
        if there.is_default:
            raise ActionError(
                "", _("“%(name)s” is the team's default view, so it stays shared.") % {"name": there.name}
            )
        there.shared = shared
        _make_room(team, there)
        _save_named(there, lambda: there.save(update_fields=["shared"]))
        action = "view.shared" if shared else "view.unshared"
        audit.record(team, actor, action, target=there.name, target_id=there.id)


def set_default(team: Team, actor: User, view: SavedView, on: bool) -> None:
    """Let a shared view be what the images page opens with, or none."""
    with transaction.atomic():
        _lock_team(team)
        there = _locked(team, view)
        if there.is_default == on:
            return
        if not there.shared:
            raise ActionError("", _("Share “%(name)s” with the team first.") % {"name": there.name})
        before = SavedView.objects.filter(team=team, is_default=True).first()
        SavedView.objects.filter(team=team, is_default=True).update(is_default=False)
        SavedView.objects.filter(team=team, id=there.id).update(is_default=on)
        changes = {"default": [before.name if before else None, there.name if on else None]}
        action = "view.made_default" if on else "view.unmade_default"
        audit.record(team, actor, action, target=there.name, target_id=there.id, changes=changes)


def delete_view(team: Team, actor: User, view: SavedView) -> None:
    with transaction.atomic():
        there = SavedView.objects.select_for_update().filter(team=team, id=view.id).first()
        if there is None:
            return  # twice clicked
        there.delete()
        audit.record(team, actor, "view.deleted", target=there.name, target_id=view.id, changes=_content(there))


def _content(view: SavedView) -> dict[str, Any]:
    return {"query": view.query, "columns": view.columns, "density": view.density, "shared": view.shared}


def _locked(team: Team, view: SavedView, *, as_seen: bool = True) -> SavedView:
    """The row, to be changed; still shared, or not, as it was when the caller asked who may."""
    there = SavedView.objects.select_for_update().filter(team=team, id=view.id).first()
    if there is None:
        raise ActionError("", _("“%(name)s” was deleted meanwhile.") % {"name": view.name})
    if as_seen and there.shared != view.shared:
        raise ActionError("", _("“%(name)s” was shared or taken back meanwhile. Look again.") % {"name": view.name})
    return there


def _lock_team(team: Team) -> None:
    """One at a time counts, shares or chooses the default. Rows that name the team can still be written."""
    Team.objects.select_for_update(no_key=True).get(id=team.id)


def _make_room(team: Team, view: SavedView) -> None:
    _lock_team(team)
    if view.shared and SavedView.objects.filter(team=team, shared=True).count() >= MOST:
        raise ActionError("", _("The team has %(most)d shared views, which is the most. Delete one.") % {"most": MOST})
    own = SavedView.objects.filter(team=team, shared=False, owner_id=view.owner_id)
    if not view.shared and own.count() >= MOST:
        raise ActionError("", _("You have %(most)d views of your own, which is the most. Delete one.") % {"most": MOST})


def _last_saved_by(team: Team, view: SavedView) -> str:
    saved = AuditEvent.objects.filter(team=team.id, target_id=view.id, action="view.changed").order_by("-at", "-id")
    last = saved.values_list("actor", flat=True).first()
    return last or ""


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise ActionError("name", _("A view needs a name."))
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise ActionError("name", _("A name has at most 60 characters and no control characters."))
    return name


def _query(query: str) -> str:
    if len(query) > LONGEST_QUERY:
        raise ActionError("", _("This filter is too long to be kept: choose fewer values."))
    return query


def _save_named(view: SavedView, save: Callable[[], None]) -> None:
    """Save, in a savepoint: whether the name is free the database knows."""
    try:
        with transaction.atomic():
            save()
    except IntegrityError as error:
        if "savedview_shared_name_once" in str(error):
            message = _("The team already has a shared view named “%(name)s”.")
        elif "savedview_own_name_once" in str(error):
            message = _("You already have a view named “%(name)s”.")
        else:
            raise
        raise ActionError("name", message % {"name": view.name}) from None
