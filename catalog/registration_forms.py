"""The form of AddImage: every parameter of the seed, checked by catalog/registration_spec.py."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import CloudAccount
from accounts.secrets import Secret
from catalog.forms import ActionForm
from catalog.models import Registration
from catalog.providers import is_region
from catalog.references import NotAReference, parse_reference
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
    """What is registered, with which account and where. `spec` after is_valid(); the password apart, never rendered."""

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
    image_id = _text(_("ECS image ID"), "m-bp1akkkr1rkxtb", help_text=_("The custom image of this region in ECS."))
    registry_url = _text(_("Image reference"), "registry-vpc.cn-hangzhou.aliyuncs.com/team/image:1.0")
    registry = forms.ChoiceField(label=_("Registry"), choices=REGISTRY_CHOICES, required=False)
    registry_cri_id = _text(
        _("Registry instance ID"), "cri-xyz795ygf8k9", help_text=_("Only an Enterprise registry has one.")
    )
    registry_server = _text(_("Server to sign in to"), help_text=_("Left blank, the registry of the reference."))
    registry_user = _text(_("User name"))
    registry_password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, accounts: Sequence[CloudAccount], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
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
        if (document["registry_user"] or document[PASSWORD]) and not document["registry_server"]:
            document["registry_server"] = _host(document["registry_url"])
        for name in ONLY_CONTAINER if is_vm else ONLY_VM:
            document[name] = None
        return document


def _host(reference: str | None) -> str | None:
    try:
        return parse_reference(reference or "").registry
    except NotAReference:
        return None


def initial_like(registration: Registration) -> dict[str, Any]:
    """The form filled as an earlier registration was, without its password."""
    flags = (registration.is_acr, registration.is_acr_enterprise)
    return {
        "type": registration.type,
        "account": str(registration.cloud_account_id or ""),
        "region": registration.region,
        "name": registration.name,
        "version": registration.version,
        "description": registration.description,
        "image_id": registration.vm_image_id,
        "registry_url": registration.registry_url,
        "registry": next((choice for choice, meant in REGISTRIES.items() if meant == flags), ""),
        "registry_cri_id": registration.registry_cri_id,
        "registry_server": registration.registry_server,
        "registry_user": registration.registry_user,
    }
