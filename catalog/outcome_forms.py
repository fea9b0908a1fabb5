"""The forms of what an admin decides: that an image is there, and that one is to be removed."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.forms import ActionForm
from catalog.models import CloudWrite, Image

OTHER = "other"
_PLAIN = {"autocomplete": "off", "spellcheck": "false"}
# A longer name is not typed: its image's ID stands for it.
LONGEST_NAME = 100


class AbsentForm(ActionForm):
    """Nothing is asked, but that what was shown (`seen`, written by the template) is all that is known."""

    def __init__(self, row: CloudWrite, *args: Any, **options: Any) -> None:
        self.seen = evidence(row)
        super().__init__(*args, **options)

    def clean(self) -> dict[str, Any]:
        if self.data.get("seen") != self.seen:
            raise ValidationError(_("The cloud was asked once more meanwhile: look at what it said."))
        return super().clean() or {}


class FoundForm(AbsentForm):
    """Which image it is: one of those that ListImages showed, or another by its ID."""

    which = forms.ChoiceField(
        label=gettext_lazy("Which image is it?"),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose the image.")},
    )
    remote_id = forms.CharField(
        label=gettext_lazy("Image ID"),
        required=False,
        widget=forms.TextInput(attrs=_PLAIN),
        help_text=gettext_lazy("As the E-HPC console shows it."),
    )

    def __init__(self, row: CloudWrite, *args: Any, **options: Any) -> None:
        self.listed = listed(row)
        super().__init__(row, *args, initial={"which": "" if self.listed else OTHER}, **options)
        choices = self.fields["which"]
        assert isinstance(choices, forms.ChoiceField)
        named = [(str(place), _words(one)) for place, one in enumerate(self.listed)]
        choices.choices = [*named, (OTHER, _("Another, by its ID") if named else _("The one of this ID"))]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("which") == OTHER and not cleaned.get("remote_id"):
            self.add_error("remote_id", _("Enter the ID of the image as the cloud's console shows it."))
        return cleaned

    def chosen(self) -> tuple[str, dict[str, Any] | None]:
        """The image's ID, and what ListImages said of it."""
        which = self.cleaned_data["which"]
        if which == OTHER:
            return self.cleaned_data["remote_id"], None
        one = self.listed[int(which)]
        return one["remote_id"], one


def listed(row: CloudWrite) -> list[dict[str, Any]]:
    """The images that the tries showed, each once, the latest first."""
    found: dict[tuple[str, str | None], dict[str, Any]] = {}
    for look in reversed(row.looks):
        for one in look["found"]:
            found.setdefault((one["remote_id"], one.get("version")), one)
    return list(found.values())


def evidence(row: CloudWrite) -> str:
    """What tells whether more is known than a person was shown."""
    return str(row.looks[-1]["at"]) if row.looks else "-"


def _words(one: dict[str, Any]) -> str:
    told = (one.get(name) for name in ("name", "version", "remote_id", "description"))
    return " · ".join(text[:100] for text in told if text)


class RemoveImageForm(ActionForm):
    """The name of the image, typed."""

    confirm = forms.CharField(widget=forms.TextInput(attrs=_PLAIN))

    def __init__(self, image: Image, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.word = word_of(image)
        by_name = self.word == _plain(image.name)
        self.fields["confirm"].label = (
            _("Type the name of the image to confirm") if by_name else _("Type the ID of the image to confirm")
        )

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"]
        if _plain(typed) != self.word:
            raise ValidationError(_("This is not what is asked for: copy it exactly."))
        return typed


def word_of(image: Image) -> str:
    """What is to be typed: its name, or its ID where the name is long or cannot be typed."""
    name = _plain(image.name)
    return name if name and len(name) <= LONGEST_NAME and name.isprintable() else image.remote_id


def _plain(text: str) -> str:
    return " ".join(text.split())
