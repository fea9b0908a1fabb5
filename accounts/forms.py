"""Forms of teams and members, and what every form of an action has."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actions import ActionError
from accounts.models import Membership, Role

LONGEST_NAME = 100


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form is bound to: what was sent, be it nothing at all; None for a page that is only looked at."""
    return request.POST if request.method == "POST" else None


class ActionForm(forms.Form):
    def blame(self, error: ActionError) -> None:
        """Put what an action refused at the field it names, or above all of them."""
        self.add_error(error.field if error.field in self.fields else None, error.message)


class TypedNameForm(ActionForm):
    """Whoever does harm types the name of what they harm."""

    confirm = forms.CharField(
        label=gettext_lazy("Type its name to confirm"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, name: str, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.name = name

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"]
        if typed.split() != self.name.split():  # a page shows several spaces as one
            raise ValidationError(_("This is not its name."))
        return typed


class TeamNameForm(ActionForm):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "organization", "dir": "auto"}),
    )


class NewTeamForm(TeamNameForm):
    slug = forms.SlugField(
        label=gettext_lazy("Address"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("Stands in the team's links and stays. Left blank, it is made of the name."),
        error_messages={"invalid": gettext_lazy("Letters, digits, hyphens and underscores only.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "aero-hpc"}),
    )


def role_field() -> forms.ChoiceField:
    return forms.ChoiceField(label=gettext_lazy("Role"), choices=Role.choices)


class RoleForm(ActionForm):
    role = role_field()


class InvitationForm(ActionForm):
    email = forms.EmailField(
        label=gettext_lazy("Email address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "dir": "ltr"}),
    )
    role = role_field()


class TransferForm(ActionForm):
    """To whom the team goes, and what becomes of who gives it away."""

    after = forms.ChoiceField(
        label=gettext_lazy("And you"),
        choices=[
            ("editor", gettext_lazy("become an editor")),
            ("viewer", gettext_lazy("become a viewer")),
            ("leave", gettext_lazy("leave the team")),
        ],
    )

    def __init__(self, others: list[Membership], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [(str(one.id), _named(one)) for one in others]
        self.fields["member"] = forms.ChoiceField(label=_("New admin"), choices=[("", _("Choose a member")), *choices])
        self.order_fields(["member", "after"])


def _named(member: Membership) -> str:
    user = member.user
    return f"{user.name} ({user.email})" if user.name else user.email
