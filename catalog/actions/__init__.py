"""What people and commands do: one function an action, one transaction each, with its audit row inside.

Work for the worker is queued by id when the transaction commits. What cannot be done raises ActionError, and nothing
is written. Permission was checked by the caller (accounts/access.py); rows given to an action belong to the team
given with them.
"""

from catalog.actions.base import ActionError, Actor
from catalog.actions.cloud_accounts import (
    create_cloud_account,
    delete_cloud_account,
    promote_draft,
    purge_drafts,
    replace_credential,
    request_test,
    update_cloud_account,
)
from catalog.actions.overrides import correct_image, remove_override
from catalog.actions.registrations import AlreadyOnShelf, create_registration, keep_password, purge_passwords
from catalog.actions.sources import (
    add_sources,
    delete_source,
    finish_removals,
    pause_source,
    resume_source,
    update_source,
)

__all__ = [
    "ActionError",
    "Actor",
    "AlreadyOnShelf",
    "add_sources",
    "correct_image",
    "create_cloud_account",
    "create_registration",
    "delete_cloud_account",
    "delete_source",
    "finish_removals",
    "keep_password",
    "pause_source",
    "promote_draft",
    "purge_drafts",
    "purge_passwords",
    "remove_override",
    "replace_credential",
    "request_test",
    "resume_source",
    "update_cloud_account",
    "update_source",
]
