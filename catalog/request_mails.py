"""Mails about requests: to the admins that one waits, to who asked how it was decided. Where a mail server is set.

Each is a row (RequestMail) written with what it tells, which goes once it was sent: a broker or a mail server that is
down delays it, and nothing else. A mail holds no secret; it leads to the page that has the rest.
"""

import logging
import smtplib
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import Membership
from catalog import registration
from catalog.models import Registration, RequestMail
from catalog.queueing import send_on_commit
from catalog.requests import outcome, waits_until

logger = logging.getLogger(__name__)

TASK = "catalog.tasks.mail_requests"
# Before each try after the first one.
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 120)]
AT_ONCE = 50
LONGEST_NAME = 80  # of an image, in a subject


def tell_who_decides(asked: Registration) -> None:
    """Within the transaction that writes the request: a mail to each admin who wants any."""
    admins = Membership.objects.filter(team=asked.team_id, role="admin").exclude(user=asked.requester_id)
    _keep(asked, "asked", list(admins.select_related("user")))


def tell_who_asked(asked: Registration) -> None:
    """Within the transaction that decides: a mail to who asked, if they are still on the team and want any."""
    members = Membership.objects.filter(team=asked.team_id, user=asked.requester_id)
    _keep(asked, "decided", list(members.select_related("user")))


def send_due() -> None:
    """By the task that was queued with them, and by beat: send those whose time has come, each at least once. A server
    that fails is left alone until the next time.
    """
    due = RequestMail.objects.filter(next_at__lte=Now())
    for mail in due.select_related("registration__team", "membership__user").order_by("next_at")[:AT_ONCE]:
        wait = WAITS[mail.tries] if mail.tries < len(WAITS) else timedelta(days=1)
        if not due.filter(id=mail.id, tries=mail.tries).update(tries=F("tries") + 1, next_at=Now() + wait):
            continue  # another worker has it
        if mail.tries > len(WAITS) or _is_moot(mail):
            mail.delete()
        elif not _sent(mail):
            return


def _keep(asked: Registration, kind: str, members: list[Membership]) -> None:
    wanted = [one for one in members if one.user.is_active and one.user.preferences.get("mails") != "off"]
    if not settings.MAIL_IS_SET or not wanted:
        return
    rows = [RequestMail(team_id=asked.team_id, registration=asked, membership=one, kind=kind) for one in wanted]
    RequestMail.objects.bulk_create(rows)
    send_on_commit(TASK)


def _is_moot(mail: RequestMail) -> bool:
    """Decided meanwhile, or no longer theirs to decide."""
    if not mail.membership.user.is_active:
        return True
    return mail.kind == "asked" and (mail.registration.state != "requested" or not mail.membership.allows("admin"))


def _sent(mail: RequestMail) -> bool:
    try:
        _message(mail).send()
    except (OSError, smtplib.SMTPException) as error:
        tries, last = mail.tries + 1, mail.tries == len(WAITS)
        logger.warning(
            "The mail about registration %s was not sent, try %d%s: %s",
            mail.registration_id, tries, ", the last one" if last else "", type(error).__name__,
        )  # fmt: skip
        if last:
            mail.delete()
        return False
    mail.delete()
    return True


def _message(mail: RequestMail) -> EmailMessage:
    """In the recipient's language, where that is known."""
    user, asked = mail.membership.user, mail.registration
    with translation.override(user.language or settings.LANGUAGE_CODE):
        subject = f"{settings.EMAIL_SUBJECT_PREFIX}{_subject(mail.kind, asked)}"
        text = render_to_string(f"catalog/mail/request_{mail.kind}.txt", _context(asked))
    headers = {"Auto-Submitted": "auto-generated"}
    return EmailMessage(" ".join(subject.split()), text, to=[user.email], headers=headers)


def _subject(kind: str, asked: Registration) -> str:
    words = {"name": asked.name[:LONGEST_NAME], "team": asked.team.name, "who": asked.requested_by}
    if kind == "asked":
        return _("%(who)s asks to register %(name)s in %(team)s") % words
    if asked.decision == "approved":
        return _("Approved: %(name)s is being registered in %(team)s") % words
    if asked.decision in ("expired", "dropped"):
        return _("Nobody decided: %(name)s is not registered in %(team)s") % words
    return _("Declined: %(name)s is not registered in %(team)s") % words


def _context(asked: Registration) -> dict[str, Any]:
    return {
        "asked": asked,
        "team": asked.team,
        "made_from": registration.spec_of(asked).registry_url or asked.vm_image_id,
        "until": waits_until(asked),
        "outcome": outcome(asked),
        "word": "\n".join(f"> {line}" for line in asked.decision_word.splitlines()),
        "url": _link("catalog:registration_detail", asked.team.slug, asked.id),
        "again": f"{_link('catalog:registration_add', asked.team.slug)}?like={asked.id}",
        "settings_url": f"{_link('team_detail', asked.team.slug)}#mails",
    }


def _link(name: str, *ids: Any) -> str:
    return f"{settings.PUBLIC_URL}{reverse(name, args=ids)}"
