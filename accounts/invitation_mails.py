"""The mail with an invitation's link. It is sent at once: the link is kept nowhere that it could be sent from later."""

import logging
import smtplib

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.actions import find_user
from accounts.models import Invitation, User

logger = logging.getLogger(__name__)


def link_of(token: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse('invitation_open', args=[token])}"


def send(invitation: Invitation, token: str, inviter: User) -> bool:
    """Whether the server took it. In the language of who is invited where that is known, else of who invites."""
    known = find_user(invitation.email)
    with translation.override((known and known.language) or translation.get_language()):
        words = {"who": str(inviter), "team": invitation.team.name}
        subject = settings.EMAIL_SUBJECT_PREFIX + _("%(who)s invites you to %(team)s") % words
        context = {"invitation": invitation, **words, "url": link_of(token)}
        text = render_to_string("accounts/mail/invitation.txt", context)
    headers = {"Auto-Submitted": "auto-generated"}
    mail = EmailMessage(" ".join(subject.split()), text, to=[invitation.email], headers=headers)
    try:
        mail.send()
    except (OSError, smtplib.SMTPException) as error:
        logger.warning("The mail of invitation %s was not sent: %s", invitation.id, type(error).__name__)
        return False
    return True
