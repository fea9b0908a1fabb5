from django import forms
from django.utils.translation import gettext_lazy as _

from catalog.actions.requests import LONGEST_WORD
from catalog.forms import ActionForm


class DecisionForm(ActionForm):
    """What an admin says to who asked. Whether it is needed, the action knows."""

    word = forms.CharField(
        label=_("A word to who asked"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": LONGEST_WORD}),
        help_text=_("Needed to decline. It is shown on this page, and mailed where mail is set up."),
    )
