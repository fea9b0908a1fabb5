"""What people and commands do: one function an action, one transaction each, with its audit row inside.

Work for the worker is queued by id when the transaction commits. What cannot be done raises ActionError, and nothing
is written. Permission was checked by the caller (accounts/access.py); rows given to an action belong to the team
given with them.
"""

from catalog.actions.base import ActionError, Actor
from catalog.actions.batches import (
    DraftOver,
    cancel_batch,
    confirm_batch,
    create_batch,
    draft_batch,
    purge_batch_drafts,
)
from catalog.actions.cloud_accounts import (
    create_cloud_account,
    delete_cloud_account,
    promote_draft,
    purge_drafts,
    replace_credential,
    request_test,
    update_cloud_account,
)
from catalog.actions.feeds import make_feed, revoke_feed
from catalog.actions.marks import (
    CountChanged,
    NoteConflict,
    add_labels,
    delete_label,
    remove_labels,
    rename_label,
    set_note,
    set_star,
)
from catalog.actions.outcomes import Settled, confirm_registration, deny_registration, look_again
from catalog.actions.overrides import correct_image, remove_override
from catalog.actions.registrations import AlreadyOnShelf, create_registration, keep_password, purge_passwords
from catalog.actions.removals import create_removal
from catalog.actions.requests import (
    NotWaiting,
    approve_request,
    decline_request,
    expire_requests,
    request_registration,
    withdraw_request,
)
from catalog.actions.saved_views import (
    ViewChanged,
    create_view,
    delete_view,
    rename_view,
    save_view,
    set_default,
    share_view,
)
from catalog.actions.sources import (
    add_sources,
    delete_source,
    finish_removals,
    pause_source,
    resume_source,
    update_source,
)
from catalog.actions.teams import delete_team, finish_teams

__all__ = [
    "ActionError",
    "Actor",
    "AlreadyOnShelf",
    "CountChanged",
    "DraftOver",
    "NotWaiting",
    "NoteConflict",
    "Settled",
    "ViewChanged",
    "add_labels",
    "add_sources",
    "approve_request",
    "cancel_batch",
    "confirm_batch",
    "confirm_registration",
    "correct_image",
    "create_batch",
    "create_cloud_account",
    "create_registration",
    "create_removal",
    "create_view",
    "decline_request",
    "delete_cloud_account",
    "delete_label",
    "delete_source",
    "delete_team",
    "delete_view",
    "deny_registration",
    "draft_batch",
    "expire_requests",
    "finish_removals",
    "finish_teams",
    "keep_password",
    "look_again",
    "make_feed",
    "pause_source",
    "promote_draft",
    "purge_batch_drafts",
    "purge_drafts",
    "purge_passwords",
    "remove_labels",
    "remove_override",
    "rename_label",
    "rename_view",
    "replace_credential",
    "request_registration",
    "request_test",
    "resume_source",
    "revoke_feed",
    "save_view",
    "set_default",
    "set_note",
    "set_star",
    "share_view",
    "update_cloud_account",
    "update_source",
    "withdraw_request",
]
