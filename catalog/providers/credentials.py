"""A vendor's credential: what its JSON object may hold, and the form that asks for it. One rule serves both."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from catalog.providers.messages import in_words

# Keys, secrets and tokens go into HTTP headers: visible ASCII, nothing else.
_VISIBLE = re.compile(r"[!-~]{1,8192}")
# A key of the object is repeated in a message only if it cannot be a secret put in the wrong place.
_PLAIN_KEY = re.compile(r"[a-z_]{1,30}")


class CredentialError(ValueError):
    """One sentence about what is wrong with a credential. It never repeats a value."""


def check_credential(data: object, fields: Mapping[str, bool]) -> dict[str, str]:
    """The object itself, when it is one of `fields` (name: required) with visible text for each value.

    Strict, because a key that is misspelt would otherwise be left out in silence. Raises CredentialError.
    """
    takes = ", ".join(name if required else f"{name} (optional)" for name, required in fields.items())
    if not isinstance(data, dict):
        raise CredentialError(f"The credential is not a JSON object with {takes}.")
    for key in data:
        if key not in fields:
            shown = f"the unknown key {key}" if isinstance(key, str) and _PLAIN_KEY.fullmatch(key) else "an unknown key"
            raise CredentialError(f"The credential has {shown}; it takes {takes}.")
    for name, required in fields.items():
        if name not in data:
            if required:
                raise CredentialError(f"The credential lacks {name}.")
        else:
            _check_value(name, data[name])
    return dict(data)


def _check_value(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise CredentialError(f"{name} in the credential is not text.")
    if not value.strip():
        raise CredentialError(f"{name} in the credential is blank.")
    if not _VISIBLE.fullmatch(value):
        raise CredentialError(f"{name} in the credential has white space or characters that no key has.")


class CredentialForm(forms.Form):
    """What a vendor's credential form has in common. With `keep_stored` all fields left blank keep the stored
    credential; anything filled in replaces it whole. A secret once sent is never rendered again."""

    FIELDS: ClassVar[Mapping[str, bool]]

    def __init__(self, *args: Any, keep_stored: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keep_stored = keep_stored
        self._credential: dict[str, str] | None = None
        for name in self.FIELDS if keep_stored else ():
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        given = {name: cleaned[name] for name in self.FIELDS if cleaned.get(name)}
        if self.errors or (self.keep_stored and not given):
            return cleaned
        try:
            self._credential = check_credential(given, self.FIELDS)
        except CredentialError as error:
            raise ValidationError(in_words(str(error))) from None
        return cleaned

    def credential(self) -> dict[str, str] | None:
        """The credential to seal, or None to keep the stored one. Only after is_valid()."""
        return self._credential

    def expires_at(self) -> datetime | None:
        """When the token expires, where the person told."""
        value: datetime | None = self.cleaned_data.get("expires_at")
        return value


def secret_field(label: Any, **options: Any) -> forms.CharField:
    """A field whose value is masked, not remembered by the browser and never sent back."""
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"})
    return forms.CharField(label=label, max_length=8192, widget=widget, **options)


class _TypedOnce(forms.TextInput):
    """Shown while it is typed, and not sent back: of a key id, no page holds more than the end."""

    def format_value(self, value: object) -> None:
        return None


def key_field(label: Any) -> forms.CharField:
    """A key id. It is told by its last four characters, as CloudAccount.key_hint."""
    widget = _TypedOnce(attrs={"autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(label=label, max_length=8192, widget=widget)


def plain_field(label: Any, **options: Any) -> forms.CharField:
    """A field that is shown as it was typed, such as a project id."""
    widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(label=label, max_length=8192, widget=widget, **options)


def clean_expiry(value: datetime | None) -> datetime | None:
    """A token that is over cannot be stored."""
    if value is not None and value <= datetime.now(UTC):
        raise ValidationError(_("This token has already expired."))
    return value


def expiry_field() -> forms.DateTimeField:
    return forms.DateTimeField(
        label=_("Token expires at"),
        required=False,
        help_text=_("In UTC. Only for a temporary credential: Bootshelf warns before it is over."),
        # The one format that browsers take for such a field.
        widget=forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
    )
