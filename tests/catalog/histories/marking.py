"""The rules of what people say of images: labels, stars, notes, corrections; and registrations."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from catalog import actions
from catalog.actions.overrides import shown_value
from catalog.models import Image
from tests.catalog.histories.places import Place
from tests.catalog.histories.registering import Registering
from tests.catalog.histories.shelf import OVERRIDABLE, Held, Shelf, told
from tests.catalog.histories.stage import BROKEN, Stage

PICK = st.integers(0, 50)
CORRECTIONS = {
    "os": ["linux", "windows", "unknown"],
    "arch": ["x86_64", "arm64", "unknown"],
    "distribution": ["Ubuntu", "CentOS", "Homegrown", ""],
    "os_version": ["7.9", "24.04", ""],
}


def has_images(history: "Marking") -> bool:
    return bool(history.images())


class Marking(RuleBasedStateMachine):
    """What the model knows, and the rules that no cloud has a part in."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.live: dict[Place, Shelf] = {}
        self.removed: list[Shelf] = []  # archived with their source
        self.broken = dict.fromkeys(BROKEN, "")  # the kind of error that a vendor's credential meets
        self.told: list[tuple[Any, ...]] = []  # (source, run or None, *Told), in any order
        self.audited = 0
        self.registering = Registering(self)

    def images(self) -> list[tuple[Shelf, str, Held]]:
        return [(s, key, held) for s in [*self.live.values(), *self.removed] for key, held in sorted(s.images.items())]

    def pick(self, pick: int) -> tuple[Shelf, str, Held, Image]:
        found = self.images()
        shelf, key, held = found[pick % len(found)]
        return shelf, key, held, Image.objects.get(source_id=shelf.source, key=key)

    @precondition(has_images)
    @rule(picks=st.lists(PICK, min_size=1, max_size=4), label=st.sampled_from(["gold", "重要", "x"]), on=st.booleans())
    def label(self, picks: list[int], label: str, on: bool) -> None:
        chosen = [self.pick(pick) for pick in picks]
        change = actions.add_labels if on else actions.remove_labels
        other = {id(held) for _s, _k, held, _i in chosen if (label in held.labels) is not on}
        assert change(self.stage.team, self.stage.admin, [image.id for *_r, image in chosen], [label]) == len(other)
        for _shelf, _key, held, _image in chosen:
            held.labels = held.labels | {label} if on else held.labels - {label}
        self.audited += bool(other)

    @precondition(has_images)
    @rule(pick=PICK, note=st.sampled_from(["", "Mine\n云计算", "gold"]), star=st.booleans())
    def annotate(self, pick: int, note: str, star: bool) -> None:
        _shelf, _key, held, image = self.pick(pick)
        team, admin = self.stage.team, self.stage.admin
        assert actions.set_note(team, admin, image, note) is (note != held.note)
        assert actions.set_star(team, admin, [image.id], star) == (star is not held.starred)
        self.audited += (note != held.note) + (star is not held.starred)
        held.note, held.starred = note, star

    @precondition(has_images)
    @rule(pick=PICK, field=st.sampled_from(OVERRIDABLE), value=PICK)
    def correct(self, pick: int, field: str, value: int) -> None:
        shelf, key, held, image = self.pick(pick)
        text = CORRECTIONS[field][value % len(CORRECTIONS[field])]
        before, wanted = held.row()[field], text or None
        seen = {field: shown_value(field, getattr(image, field))}
        changed = actions.correct_image(self.stage.team, self.stage.admin, image, {field: text}, seen)
        assert changed == ([field] if wanted != before else [])
        if changed:
            self._overridden(shelf, key, held, field, wanted)

    @precondition(has_images)
    @rule(pick=PICK, field=st.sampled_from(OVERRIDABLE))
    def restore(self, pick: int, field: str) -> None:
        shelf, key, held, image = self.pick(pick)
        assert actions.remove_override(self.stage.team, self.stage.admin, image, field) is (field in held.overrides)
        if field in held.overrides:
            self._overridden(shelf, key, held, field, held.columns[field])

    def _overridden(self, shelf: Shelf, key: str, held: Held, field: str, value: str | None) -> None:
        before = held.row()[field]
        held.overrides.pop(field, None)
        kind = "restored" if value == held.columns[field] else "corrected"
        if kind == "corrected":
            held.overrides[field] = value
        self.told.append((shelf.source, None, key, kind, field, told(before), told(value)))
        self.audited += 1

    @rule(number=st.integers(1, 2), name=st.sampled_from(["reg-1", "reg-2"]), version=st.sampled_from([None, "1"]))
    def register(self, number: int, name: str, version: str | None) -> None:
        self.registering.register(number, name, version)

    @rule(pick=PICK, version=st.sampled_from(["2", "3"]))
    def version(self, pick: int, version: str) -> None:
        """The cloud gives an image that was registered a version of its own."""
        self.registering.version(pick, version)
