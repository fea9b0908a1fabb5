"""Registrations in a history: AddImage, the stand-in on the shelf, and the listing that closes them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from catalog import actions, rows, tasks
from catalog.models import Registration, Source
from catalog.registration_spec import validate_spec
from tests.catalog.histories.places import REGISTERED, mapped
from tests.catalog.histories.shelf import Held, Outcome, Shelf

if TYPE_CHECKING:
    from tests.catalog.histories.marking import Marking


@dataclass
class Open:
    """A registration that succeeded and was not listed yet; `at` is the image that stands for it."""

    id: UUID
    image_id: str
    name: str
    version: str | None
    at: tuple[UUID, str] | None


class Registering:
    def __init__(self, history: "Marking") -> None:
        self.history = history
        self.open: list[Open] = []

    def register(self, number: int, name: str, version: str | None) -> None:
        history, stage = self.history, self.history.stage
        asked = {"type": "vm", "name": name, "version": version or "", "image_id": f"m-reg{number}"}
        spec, errors = validate_spec(asked)
        assert spec, errors
        account = stage.accounts["alibaba"]
        shelf = history.live.get(REGISTERED)
        there = [
            held
            for held in (shelf.images.values() if shelf else ())
            if held.state == "present" and self._called(held, name, version)
        ]
        try:
            made = actions.create_registration(
                stage.team, stage.admin, account, REGISTERED.region, spec, None, queue=False
            )
        except actions.AlreadyOnShelf:
            assert there
            return
        assert not there
        cloud = stage.clouds[REGISTERED]
        exists = any(
            one["ImageType"] == "VM"
            and (one.get("Version") or "") == (version or "")
            and (one["Name"] == name or one["ImageId"] == asked["image_id"])
            for one in cloud
        )
        tasks.register_image(str(made.id))
        made.refresh_from_db()
        history.audited += 2
        if history.broken["alibaba"] or exists:
            assert made.state == "rejected", made.state
            if not history.broken["alibaba"]:
                self._is_listed()
            return
        assert made.state == "succeeded", made.error
        stage.clouds[REGISTERED] = stage.registered()
        self._stands_in(made)

    def _called(self, held: Held, name: str, version: str | None) -> bool:
        columns = held.columns
        return (columns["type"], columns["name"], columns["version"] or None) == ("vm", name, version)

    def _stands_in(self, made: Registration) -> None:
        """The image is on the shelf at once, as the next listing is expected to have it."""
        history = self.history
        image = made.image
        assert image
        source = Source.objects.get(id=image.source_id)
        shelf = self._is_listed()
        assert shelf.source == source.id and source.region == REGISTERED.region
        document = {"ImageId": made.remote_id, "ImageType": "VM", "Name": made.name, "Version": made.version,
                    "Description": made.description}  # fmt: skip
        remote = mapped(REGISTERED, document)
        held = shelf.images.get(remote.key)
        if held is None or held.missing:
            change = "returned" if held else "added"
            history.told.append((shelf.source, None, remote.key, change, "", None, None))
            held = held or Held({}, document)
            held.columns, held.placeholder, held.state = rows.columns(remote), True, "present"
            held.missing, held.listings_missed = False, 0
            shelf.images[remote.key] = held
        assert image.key == remote.key
        self.open.append(Open(made.id, made.remote_id, made.name, made.version, (shelf.source, remote.key)))

    def _is_listed(self) -> Shelf:
        """The cloud has what was asked for: there is a source to list it."""
        history = self.history
        if REGISTERED not in history.live:
            made = Source.objects.get(kind=REGISTERED.kind, region=REGISTERED.region, archived_at=None)
            history.live[REGISTERED] = Shelf(REGISTERED, made.id)
        return history.live[REGISTERED]

    def version(self, pick: int, version: str) -> None:
        cloud = self.history.stage.clouds[REGISTERED]
        mine = [place for place, one in enumerate(cloud) if str(one["Name"]).startswith("reg-")]
        if mine:
            place = mine[pick % len(mine)]
            cloud[place] = cloud[place] | {"Version": version}  # the shelf keeps the document it was listed with
            self.history.stage.serve(REGISTERED)

    def close_seen(self, shelf: Shelf, outcome: Outcome) -> None:
        """A complete listing of registered images closes those it has; a stand-in that goes was not missing."""
        if shelf.place != REGISTERED:
            return
        for one in list(self.open):
            found = self._listed(shelf, one)
            if found is None:
                continue
            self.open.remove(one)
            assert Registration.objects.get(id=one.id).state == "seen"
            self.history.audited += 1
            if one.at and one.at != (shelf.source, found):
                outcome.missing -= self._replace(one.at, shelf.images[found])
        for one in self.open:
            assert Registration.objects.get(id=one.id).state == "succeeded"

    def _listed(self, shelf: Shelf, one: Open) -> str | None:
        listed = {k: h for k, h in shelf.images.items() if h.state == "present" and not h.placeholder}
        if one.at and one.at[0] == shelf.source and one.at[1] in listed:
            return one.at[1]
        for key, held in listed.items():
            if self._called(held, one.name, one.version):
                return key
        for key, held in listed.items():
            columns = held.columns
            own = (columns["type"], columns["name"], columns["remote_id"]) == ("vm", one.name, one.image_id)
            if own and not one.version:
                return key
        return None

    def _replace(self, at: tuple[UUID, str], new: Held) -> int:
        """The stand-in goes, its marks and corrections go over; 1 if this listing was the first to miss it."""
        history, missed = self.history, 0
        for shelf in [*history.live.values(), *history.removed]:
            old = shelf.images.get(at[1]) if shelf.source == at[0] else None
            if old is None or not old.placeholder:
                continue
            new.labels |= old.labels
            new.note, new.starred = new.note or old.note, new.starred or old.starred
            if not new.overrides:
                new.overrides = dict(old.overrides)
            missed += old.listings_missed == 1
            del shelf.images[at[1]]
            history.told = [told for told in history.told if (told[0], told[2]) != at]
        return missed

    def forget(self, shelf: Shelf) -> None:
        """The source and its images are gone."""
        for one in self.open:
            if one.at and one.at[0] == shelf.source:
                one.at = None
