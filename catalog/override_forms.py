"""The form by which an admin corrects an image's system."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from catalog.actions.overrides import LONGEST, REASON_LENGTH, shown_value
from catalog.facts import LABELS, ORIGINS, origin_words
from catalog.forms import ActionForm
from catalog.labels import VALUES
from catalog.models import Image
from catalog.overrides import CORRECTABLE
from catalog.providers.base import ARCHITECTURES, SYSTEMS
from catalog.providers.systems import KNOWN_DISTRIBUTIONS


class CorrectionForm(ActionForm):
    """The four fields as they stand. What was shown goes along hidden, so that only what the person changed is
    written, and what somebody else changed meanwhile is noticed.
    """

    def __init__(self, image: Image, data: QueryDict | None = None, focus: str = "") -> None:
        super().__init__(data, initial={field: shown_value(field, getattr(image, field)) for field in CORRECTABLE})
        self.image = image
        self.fields |= {
            "os": self._choice("os", SYSTEMS),
            "distribution": self._text("distribution", list="distributions"),
            "os_version": self._text("os_version"),
            "arch": self._choice("arch", ARCHITECTURES),
            "reason": forms.CharField(
                label=_("Why"),
                required=False,
                widget=forms.TextInput(attrs={"maxlength": REASON_LENGTH, "autocomplete": "off"}),
                help_text=_("Shown beside the corrected facts."),
            ),
        }
        if focus in CORRECTABLE:
            self.fields[focus].widget.attrs["autofocus"] = True

    distributions = KNOWN_DISTRIBUTIONS

    @property
    def wanted(self) -> dict[str, str]:
        """What the person changed, by field."""
        return {field: self.cleaned_data[field] for field in CORRECTABLE if field in self.changed_data}

    @property
    def seen(self) -> dict[str, str]:
        return {field: " ".join(self.data.get(self.add_initial_prefix(field), "").split()) for field in CORRECTABLE}

    def look_again(self, field: str, now: str) -> None:
        """Keep what was entered, and take it that the person has seen what the field is now."""
        self.data = {**dict(self.data.items()), self.add_initial_prefix(field): now}

    def rows(self) -> list[tuple[forms.BoundField, str, bool]]:
        """Each field of the image with what is to be said of it and whether its correction can be taken back."""
        return [(self[field], self._said(field), field in self.image.overrides) for field in CORRECTABLE]

    def _said(self, field: str) -> str:
        origin, words = origin_words(self.image, field)
        return f"{ORIGINS.get(origin, origin)}: {words}" if words else str(ORIGINS.get(origin, origin))

    @staticmethod
    def _choice(field: str, values: tuple[str, ...]) -> forms.ChoiceField:
        choices = [(value, VALUES[field].get(value, value)) for value in values]
        return forms.ChoiceField(label=str(LABELS[field]), choices=choices, show_hidden_initial=True)

    @staticmethod
    def _text(field: str, **attrs: Any) -> forms.CharField:
        attrs |= {"maxlength": LONGEST[field], "autocomplete": "off", "spellcheck": "false", "dir": "auto"}
        widget = forms.TextInput(attrs=attrs)
        return forms.CharField(label=str(LABELS[field]), required=False, show_hidden_initial=True, widget=widget)
