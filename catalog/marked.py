"""How the marks of an image are shown: the star, the labels and the note, on its page and in a row of the list."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.urls import reverse
from django.utils.html import conditional_escape as escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _t

from accounts.models import Team
from catalog.browse import Choice, ImageFilter
from catalog.marks import LONGEST_NOTE, Noted, label_names, last_noted, note_digest
from catalog.models import Image

ROW_TAGS = 2  # of an image in the list; the stylesheet hides the others


def star(images_url: str, image_id: UUID, starred: bool, may_edit: bool) -> SafeString:
    """The star, which submits the page's one form of id "marks"; a viewer sees it, where there is one."""
    if not may_edit:
        html = f'<span class="star" role="img" aria-label="{escape(_t("Starred"))}"></span>' if starred else ""
    else:
        then, pressed = ("no", "true") if starred else ("yes", "false")
        html = (
            f'<button class="star" form="marks" formaction="{images_url}{image_id}/star/" name="star" value="{then}"'
            f' aria-pressed="{pressed}" aria-label="{escape(_t("Star"))}"></button>'
        )
    return mark_safe(html)  # noqa: S308 - an address of ours and our own words


def tags(labels: Sequence[str], extra: SafeString | str = "") -> SafeString:
    """The labels of one image as a row shows them: the first, then how many more. `extra` is an attribute."""
    more = f' data-more="+{len(labels) - ROW_TAGS}" title="{escape(", ".join(labels))}"' if labels[ROW_TAGS:] else ""
    badges = "".join(f'<span class="badge"><bdi>{escape(label)}</bdi></span>' for label in labels)
    return mark_safe(f'<span class="tags"{more}{extra}>{badges}</span>')  # noqa: S308 - labels are escaped


def label_query(team_id: UUID, label: str) -> str:
    """The query string of the images with this label."""
    return ImageFilter(team_id).with_choice("label", Choice((label,))).query()


@dataclass(frozen=True, slots=True)
class LabelPanel:
    """`labels` are pairs of a label and its query string. `typed` is what was refused, for `error`."""

    labels: list[tuple[str, str]]
    suggestions: list[str] = field(default_factory=list)
    error: str = ""
    typed: str = ""


@dataclass(frozen=True, slots=True)
class NotePanel:
    """`typed` is what stands in the form: the note, or what was refused for `error`. `conflict` says that somebody else
    wrote the note meanwhile, `digest` which note this is.
    """

    note: str
    typed: str
    digest: str
    noted: Noted | None
    error: str = ""
    conflict: bool = False
    longest: int = LONGEST_NOTE


def label_panel(team: Team, image: Image, may_edit: bool, *, error: str = "", typed: str = "") -> LabelPanel:
    """One query for who may edit, none for a viewer."""
    suggestions = _others(label_names(team.id), image.labels) if may_edit else []
    return LabelPanel([(label, label_query(team.id, label)) for label in image.labels], suggestions, error, typed)


def note_panel(image: Image, *, error: str = "", typed: str | None = None, conflict: bool = False) -> NotePanel:
    """One query, none for an image that has no note and never had one shown."""
    noted = last_noted(image) if image.note or conflict else None
    text = image.note if typed is None else typed
    return NotePanel(image.note, text, note_digest(image.note), noted, error, conflict)


def panels(team: Team, image: Image, may_edit: bool) -> dict[str, object]:
    """What the templates of one image's page need of its marks."""
    images_url = reverse("catalog:image_list", args=[team.slug])
    return {
        "images_url": images_url,
        "star": star(images_url, image.id, image.starred, may_edit),
        "label_panel": label_panel(team, image, may_edit),
        "note_panel": note_panel(image),
    }


def _others(labels: Iterable[str], there: Sequence[str]) -> list[str]:
    return [label for label in labels if label not in there]
