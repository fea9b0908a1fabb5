"""The forms of saved views: a name, and for a new one whether it is the team's."""

from django import forms
from django.utils.translation import gettext_lazy as _

from catalog.actions.saved_views import LONGEST_NAME


class NameForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )


class NewForm(NameForm):
    shared = forms.BooleanField(label=_("Share with the team"), required=False)
