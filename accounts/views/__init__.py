"""Pages of people and teams, and of what went wrong."""

from accounts.views.errors import bad_request, forbidden, not_found, server_error, too_many
from accounts.views.invitations import (
    invitation_accept,
    invitation_add,
    invitation_open,
    invitation_resend,
    invitation_revoke,
)
from accounts.views.members import member_edit, member_remove
from accounts.views.personal import home, keys_choose, language_choose, mails_choose, theme_choose
from accounts.views.security import second_factor_choose
from accounts.views.teams import team_add, team_detail, team_leave, team_rename, team_transfer

__all__ = [
    "bad_request",
    "forbidden",
    "home",
    "invitation_accept",
    "invitation_add",
    "invitation_open",
    "invitation_resend",
    "invitation_revoke",
    "keys_choose",
    "language_choose",
    "mails_choose",
    "member_edit",
    "member_remove",
    "not_found",
    "second_factor_choose",
    "server_error",
    "team_add",
    "team_detail",
    "team_leave",
    "team_rename",
    "team_transfer",
    "theme_choose",
    "too_many",
]
