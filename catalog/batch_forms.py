"""The form that takes a file of registrations, or its text."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import CloudAccount
from catalog import batch_files, batches
from catalog.batch_files import NotReadable
from catalog.forms import ActionForm
from catalog.providers import is_region

LONGEST_KEPT = 45_000  # characters of a file, and bytes: what is longer is chosen again
SHORTENED, LOST = "shortened", "lost"  # what kept_text says beside the text, or instead of it


def kept_text(request: HttpRequest) -> dict[str, str]:
    """What of a posted file, or of the box, may be kept over a sign-in: its text without passwords, as "text"."""
    file = request.FILES.get("file")
    try:
        text = batch_files.decoded(file.read(LONGEST_KEPT)) if file else request.POST.get("text", "")
    except NotReadable:
        text = ""
    if not file and not text.strip():
        return {}
    shown = ""
    if len(text) <= LONGEST_KEPT and not (file and (file.size or 0) > LONGEST_KEPT):
        shown = _without_passwords(text, str(file.name) if file else "")
    if not shown or len(shown) > LONGEST_KEPT:
        return {LOST: "file" if file else "text"}
    return {"text": shown} | ({SHORTENED: "1"} if shown != text else {})


def _without_passwords(text: str, name: str) -> str:
    try:
        rows = batch_files.read_text(text, name).rows
    except NotReadable:
        rows = []
    return batch_files.without_passwords(text, rows)


class UnshownText(forms.Textarea):
    """Its text may hold passwords, and goes back only as the page writes it: without them."""

    def format_value(self, value: Any) -> str:
        return ""


class BatchForm(ActionForm):
    """`check` after is_valid(), which a file with errors passes too; `text_again` is what the page shows again."""

    account = forms.ChoiceField(label=gettext_lazy("Cloud account"))
    region = forms.CharField(
        label=gettext_lazy("Region"),
        required=False,
        help_text=gettext_lazy("Of the images for which the file names none."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "cn-hangzhou"}),
    )
    file = forms.FileField(
        label=gettext_lazy("File"),
        required=False,
        allow_empty_file=True,
        max_length=200,
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.yaml,.yml,.json,text/csv,application/yaml"}),
        help_text=gettext_lazy("CSV, YAML or JSON, up to 500 images and 512 KB."),
    )
    text = forms.CharField(
        label=gettext_lazy("Or paste it"),
        required=False,
        strip=False,
        widget=UnshownText(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off", "class": "mono"}),
    )

    def __init__(self, accounts: Sequence[CloudAccount], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.accounts = {str(account.id): account for account in accounts}
        choices = self.fields["account"]
        assert isinstance(choices, forms.ChoiceField)
        choices.choices = [(account_id, account.name) for account_id, account in self.accounts.items()]
        self.check: batches.Check | None = None
        self.lost_passwords = SHORTENED in self.initial
        self.text_again = "" if self.is_bound else str(self.initial.get("text", ""))

    def clean_region(self) -> str:
        region: str = self.cleaned_data["region"]
        if region and not is_region(region):
            raise forms.ValidationError(_("Small letters, digits and hyphens, as in cn-hangzhou."))
        return region

    def clean(self) -> dict[str, Any]:
        """Read the file: what it held leaves this function as specs, and its passwords shut."""
        cleaned = super().clean() or {}
        file, text = cleaned.get("file"), cleaned.pop("text", "")
        if file is not None and text.strip():
            self.add_error("file", _("Either a file or a pasted text, not both."))
        elif file is None and not text.strip() and not self.errors.get("file"):
            self.add_error("file", _("Choose a file, or paste its text."))
        else:
            self._read(None if file is None else file.read(batch_files.LARGEST + 1), text)
        return cleaned

    def chosen_account(self) -> CloudAccount:
        return self.accounts[self.cleaned_data["account"]]

    @property
    def title(self) -> str:
        file = self.cleaned_data.get("file")
        return str(file.name) if file else ""

    def _read(self, data: bytes | None, text: str) -> None:
        rows: list[batch_files.FileRow] = []
        try:
            read = batch_files.read_text(text) if data is None else batch_files.read_file(data, self.title)
            rows = read.rows
            self.check = batches.check_file(read, self.cleaned_data.get("region") or "")
        except NotReadable as error:
            self.add_error("file" if data is not None else "text", str(error))
        if data is None:
            self.text_again = batch_files.without_passwords(text, rows)
            self.lost_passwords = self.text_again != text
