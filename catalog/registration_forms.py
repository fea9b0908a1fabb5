"""The form of AddImage: every parameter of the seed, checked by catalog/registration_spec.py."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import CloudAccount
from accounts.secrets import Secret
from catalog.forms import ActionForm
from catalog.providers import is_region
from catalog.references import ContainerReference, read_reference
from catalog.registration_spec import ONLY_CONTAINER, ONLY_VM, PASSWORD, Spec, validate_spec

# What the choice of a registry means for the two flags of the seed. "": told by the address, where it tells.
REGISTRIES: dict[str, tuple[bool | None, bool | None]] = {
    "": (None, None),
    "enterprise": (True, True),
    "acr": (True, False),
    "other": (False, False),
}
REGISTRY_CHOICES = [
    ("", _("As the address says")),
    ("enterprise", _("Alibaba Cloud ACR Enterprise")),
    ("acr", _("Alibaba Cloud ACR Personal")),
    ("other", _("Another registry")),
]
# The form's field for each of the spec's that has another name or none.
_FIELDS = {"is_acr": "registry", "is_acr_enterprise": "registry"}
_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


def _text(label: Any, placeholder: str = "", **options: Any) -> forms.CharField:
    options.setdefault("required", False)
    widget = forms.TextInput(attrs=_PLAIN | {"placeholder": placeholder})
    return forms.CharField(label=label, strip=True, widget=widget, **options)


class RegistrationForm(ActionForm):
    """What is registered, with which account and where. `spec` after is_valid(); the password apart, never rendered.
    `has_password` says that one typed before is kept, sealed.
    """

    type = forms.ChoiceField(
        label=_("Type"), choices=[("container", _("Container image")), ("vm", _("Virtual machine image"))]
    )
    account = forms.ChoiceField(label=_("Cloud account"))
    region = _text(_("Region"), "cn-hangzhou", required=True)
    name = _text(_("Name"), required=True, error_messages={"required": _("An image needs a name.")})
    version = _text(_("Version"))
    description = forms.CharField(
        label=_("Description"), required=False, strip=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    image_id = _text(
        _("ECS image ID"),
        help_text=_("Search the shelf by name or ID, or type the ID of any image of the region."),
    )
    registry_url = _text(_("Image reference"), "registry-vpc.cn-hangzhou.aliyuncs.com/team/image:1.0")
    registry = forms.ChoiceField(label=_("Registry"), choices=REGISTRY_CHOICES, required=False)
    registry_cri_id = _text(
        _("Registry instance ID"),
        "cri-xyz795ygf8k9",
        help_text=_("The ID of the ACR Enterprise instance, as its console shows it."),
    )
    registry_server = _text(
        _("Server to sign in to"),
        help_text=_("Left blank, the registry of the reference. Sent only with a user name or password."),
    )
    # What the page filled in as the server, by which it is told from what a person typed there.
    server_prefilled = forms.CharField(required=False, widget=forms.HiddenInput)
    registry_user = _text(_("User name"))
    registry_password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(
        self, accounts: Sequence[CloudAccount], *args: Any, has_password: bool = False, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.has_password = has_password
        self.accounts = {str(account.id): account for account in accounts}
        choices = self.fields["account"]
        assert isinstance(choices, forms.ChoiceField)
        choices.choices = [(account_id, account.name) for account_id, account in self.accounts.items()]
        self.spec: Spec | None = None

    def clean_region(self) -> str:
        region: str = self.cleaned_data["region"]
        if not is_region(region):
            raise forms.ValidationError(_("Small letters, digits and hyphens, as in cn-hangzhou."))
        return region

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self.spec, errors = validate_spec(self._document(cleaned))
        for name, message in errors.items():
            field = _FIELDS.get(name, name)
            if field not in self.errors:
                self.add_error(field if field in self.fields else None, message)
        return cleaned

    @property
    def password(self) -> Secret[str] | None:
        typed = self.cleaned_data.get("type") == "container" and self.cleaned_data.get(PASSWORD)
        return Secret(str(typed)) if typed else None

    def chosen_account(self) -> CloudAccount:
        return self.accounts[self.cleaned_data["account"]]

    @property
    def place(self) -> tuple[CloudAccount, str] | None:
        """The account and region, once both are chosen and are some."""
        account, region = self.cleaned_data.get("account"), self.cleaned_data.get("region")
        return (self.accounts[account], region) if account and region else None

    @property
    def reference(self) -> ContainerReference | None:
        """Of a container image, as far as it is filled in: what its address tells."""
        return read_reference(self.cleaned_data.get("registry_url")) if self.cleaned_data.get("type") != "vm" else None

    @property
    def server(self) -> str | None:
        """The server to show: the reference's registry, unless a person typed another; None: leave it as it is."""
        typed, ours = (self.cleaned_data.get(name) or "" for name in ("registry_server", "server_prefilled"))
        if typed not in ("", ours):
            return None
        return self.reference.registry if self.reference else ""

    def _document(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """The spec as registration_spec takes it. What belongs to the other type was hidden, and is left out."""
        is_vm = cleaned.get("type") == "vm"
        is_acr, is_enterprise = REGISTRIES[cleaned.get("registry") or ""]
        document: dict[str, Any] = {
            name: cleaned.get(name) or None
            for name in ("type", "name", "version", "description", *ONLY_VM, *ONLY_CONTAINER)
        }
        document |= {"is_acr": is_acr, "is_acr_enterprise": is_enterprise}
        if cleaned.get("registry") in ("acr", "other"):
            document["registry_cri_id"] = None  # the page hides it for these
        if (document["registry_server"] or "") in ("", cleaned.get("server_prefilled")):
            signs_in = document["registry_user"] or document[PASSWORD] or self.has_password
            reference = read_reference(document["registry_url"])
            document["registry_server"] = reference.registry if reference and signs_in else None
        for name in ONLY_CONTAINER if is_vm else ONLY_VM:
            document[name] = None
        return document
