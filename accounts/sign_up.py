"""Sign-up: whoever came by an invitation's link signs up with the address it was made for."""

from typing import Any

from allauth.account.forms import SignupForm
from allauth.core import context
from django.utils.translation import gettext as _

from accounts import invitations


class SignUpForm(SignupForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if invited := invitations.held(context.request):
            email = self.fields["email"]
            email.disabled, email.initial = True, invited.email  # whatever is sent instead
            email.help_text = _("The invitation is for this address.")
            self.initial["email"] = invited.email
