"""Pages of people and teams, and of what went wrong."""

from accounts.views.errors import bad_request, forbidden, not_found, server_error, too_many
from accounts.views.personal import home, keys_choose, language_choose, mails_choose, theme_choose
from accounts.views.security import second_factor_choose
from accounts.views.teams import team_detail

__all__ = [
    "bad_request",
    "forbidden",
    "home",
    "keys_choose",
    "language_choose",
    "mails_choose",
    "not_found",
    "second_factor_choose",
    "server_error",
    "team_detail",
    "theme_choose",
    "too_many",
]
