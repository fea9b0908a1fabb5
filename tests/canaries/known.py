"""What there is to drive: every address, every command of ours, every task. Whoever adds one says here how."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from inspect import unwrap
from itertools import product
from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from django.core.management import get_commands
from django.urls import get_resolver, resolve, reverse
from django.utils import timezone

from accounts.models import CloudAccount, Invitation, Membership, Team, User
from catalog.models import Batch, ConnectionTest, Image, Registration, Removal, SavedView, Source, SyncRun
from tests.canaries.planted import Garden
from tests.test_access import ASKED_PAGES, OWN_PAGES, TEAM_PAGES, addresses

# The addresses that a secret is sent to, by the act that does it (tests/canaries/acts.py).
TAKE_SECRETS = {
    "catalog:cloud_account_add": "connect",
    "catalog:cloud_account_edit": "replace",
    "catalog:registration_add": "register",
    "catalog:batch_add": "batch",
    "catalog:batch_review": "confirm",
}
# The others that are sent something, and take none. What is only read is not here: it is visited all the same.
TAKE_NONE = {
    "catalog:batch_cancel", "catalog:change_feed", "catalog:changes_seen", "catalog:cloud_account_delete",
    "catalog:cloud_account_test", "catalog:display_choose", "catalog:image_bulk", "catalog:image_correct",
    "catalog:image_labels", "catalog:image_note", "catalog:image_remove", "catalog:image_star", "catalog:label_delete",
    "catalog:label_edit", "catalog:registration_absent", "catalog:registration_decide", "catalog:registration_found",
    "catalog:registration_look", "catalog:registration_withdraw", "catalog:removal_look", "catalog:run_accept",
    "catalog:run_keep", "catalog:saved_view_add", "catalog:saved_view_default", "catalog:saved_view_rename",
    "catalog:saved_view_save", "catalog:saved_view_share", "catalog:source_add", "catalog:source_delete",
    "catalog:source_edit", "catalog:source_pause", "catalog:source_resume", "catalog:source_sync",
    "catalog:source_retry", "catalog:team_delete", "invitation_add", "invitation_resend", "invitation_revoke",
    "member_edit", "member_remove", "second_factor_choose", "team_leave", "team_rename", "team_transfer",
    # Of no team.
    "catalog:change_atom", "health", "home", "invitation_accept", "invitation_open", "keys_choose", "language_choose",
    "mails_choose", "mfa_generate_recovery_codes", "openid_connect_callback", "openid_connect_login", "session_list",
    "team_add", "theme_choose", "your_account",
}  # fmt: skip

# What the parts of addresses are called by, and the rows there are now that they name.
ROWS: dict[str, Callable[[], Any]] = {
    "source": lambda: Source.objects.filter(archived_at=None).latest("created_at"),
    "account": lambda: CloudAccount.objects.filter(vendor="alibaba").latest("created_at"),
    "image": lambda: Image.objects.latest("first_seen_at"),
    "run": lambda: SyncRun.objects.latest("created_at"),
    "test": lambda: ConnectionTest.objects.filter(cloud_account__draft_until=None).latest("created_at"),
    "registration": lambda: Registration.objects.exclude(state="requested").latest("created_at"),
    "request": lambda: Registration.objects.filter(state="requested").latest("created_at"),
    "removal": lambda: Removal.objects.latest("created_at"),
    "batch": lambda: Batch.objects.exclude(confirmed_at=None).latest("confirmed_at"),
    "view": lambda: SavedView.objects.latest("id"),
    "member": lambda: Membership.objects.filter(role="editor").latest("id"),
    "invitation": lambda: Invitation.objects.latest("sent_at"),
}


def _id(row: Callable[[], Any]) -> list[Any]:
    return [row().id]


PARTS: dict[str, Callable[[], list[Any]]] = {
    "slug": lambda: ["aero"],
    "form": lambda: ["csv", "json"],
    "token": lambda: ["x-x"],
    "provider_id": lambda: ["x"],
    "registration_id": lambda: [ROWS["registration"]().id, ROWS["request"]().id],
    **{f"{name}_id": partial(_id, row) for name, row in ROWS.items() if name != "registration"},
}


def make_rows(team: Team, user: User, control: str) -> None:
    """What a hunt has no other way to."""
    SavedView.objects.create(team=team, owner=user, name=f"View {control}", shared=True)
    Invitation.objects.create(
        team=team, email=f"{control}@example.net", role="viewer", digest=b"d" * 32, invited_by=user.email,
        inviter=user.memberships.get(), expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip


def every_visit() -> list[tuple[str, str]]:
    """(method, path) of every address that the resolver knows, with the rows that are there now."""
    paths: list[str] = []
    for name, pattern in addresses(get_resolver()):
        parts = parts_of(pattern)
        values = [PARTS[part]() if part in PARTS else ["1"] for part in parts]
        paths += [reverse(name, kwargs=dict(zip(parts, chosen, strict=True))) for chosen in product(*values)]
    return [(method, path) for path in paths for method in ("GET", "POST")]


def parts_of(pattern: Any) -> list[str]:
    regex = getattr(pattern.pattern, "regex", None)
    return list(pattern.pattern.converters or (regex.groupindex if regex else ()))


def is_ours(view: Any) -> bool:
    return unwrap(view).__module__.partition(".")[0] in ("accounts", "catalog", "config")


def unknown_parts() -> set[str]:
    """Parts of our addresses that nobody said the meaning of."""
    ours = [pattern for _name, pattern in addresses(get_resolver()) if is_ours(pattern.callback)]
    return {part for pattern in ours for part in parts_of(pattern)} - PARTS.keys()


def unknown_addresses() -> set[str]:
    """Our addresses that are sent something, and nobody said whether it is a secret."""
    rules = [*TEAM_PAGES, *OWN_PAGES, *ASKED_PAGES]
    ours = {name for name, pattern in addresses(get_resolver()) if is_ours(pattern.callback)}
    sent = {rule.name for rule in rules if "POST" in rule.methods} | (ours - {rule.name for rule in rules})
    return sent - TAKE_SECRETS.keys() - TAKE_NONE


def asks_for_a_secret(pages: Iterable[bytes]) -> set[str]:
    """Which of our addresses show a field for one, of these answers as tests/canaries/browser.py keeps them. Whoever
    is not signed in may meet the sign-in page at any.
    """
    asking = [page for page in pages if b'type="password"' in page and b'name="login"' not in page]
    matches = [resolve(urlsplit(page.split(b"\n", 1)[0].split()[1].decode()).path) for page in asking]
    return {match.view_name for match in matches if is_ours(match.func)}


# The commands of ours, each with the words and the stdin of every run.
type Run = tuple[list[str], Any]


def commands(garden: Garden, source: str = "", image: str = "", called: str = "") -> dict[str, list[Run]]:
    from tests.canaries.acts import batch_file, container

    control, spec = garden.control.text, container(garden)
    account = f"Production {control}"
    place = ["aero", account, "--region", "cn-hangzhou", "--spec", "-"]
    return {
        "add_cloud_account": [
            (["aero", "alibaba", f"By command {control}", "--credential", "-", "--json"], garden.alibaba),
            (["aero", "alibaba", account, "--credential", "-"], garden.alibaba),
            (["aero", "huawei", f"Wrong {control}", "--credential", "-", "--traceback"], garden.alibaba),
            (["aero", "alibaba", f"Broken {control}", "--credential", "-"], f"{garden.alibaba}"),
        ],
        "add_source": [(["aero", account, "alibaba_ens_self", "--region", "cn-shanghai"], "")],
        "create_team": [([control, "--name", control, "--admin", "alice@example.org", "--json"], "")],
        "facets_verify": [(["--json"], "")],
        "images": [(["aero", "--json"], ""), (["aero", control], "")],
        "keyset": [(["show", "--json"], ""), (["add"], ""), (["promote", "1", "--traceback"], "")],
        "load_demo": [([], "")],
        "new_keyset": [([], "")],
        "remove_image": [
            (["aero", "m-nobody", "--confirm", control], ""),
            (["aero", image, "--confirm", called, "--traceback"], ""),
        ],
        "register_image": [
            (place, spec),
            ([*place, "--traceback"], spec | {"registry_cri": garden.password.text}),
            (place, batch_file(garden, 3)),
            ([*place[:-1], "nowhere.json"], ""),
        ],
        "second_factor_remove": [([f"{control}@example.org"], "")],
        "secrets_doctor": [(["--json"], ""), (["--traceback"], "")],
        "secrets_rotate": [(["--json"], ""), (["--traceback"], "")],
        "sessions_end": [([f"{control}@example.org"], ""), (["--json"], "")],
        "simulate_clouds": [(["--port", "-1"], "")],
        "sync": [(["aero", source, "--json"], ""), (["aero"], "")],
        "user_disable": [([f"{control}@example.org"], "")],
        "user_enable": [([f"{control}@example.org"], "")],
    }


def unknown_commands(garden: Garden) -> set[str]:
    ours = {name for name, app in get_commands().items() if str(app) in ("accounts", "catalog", "config")}
    return ours - commands(garden).keys()


# The tasks, each with the arguments of a message.
TASKS: dict[str, Callable[[], list[str]]] = {
    "catalog.tasks.sync_source": lambda: [str(ROWS["run"]().id)],
    "catalog.tasks.queue_due_sources": list,
    "catalog.tasks.reconcile": list,
    "catalog.tasks.register_image": lambda: [str(ROWS["registration"]().id)],
    "catalog.tasks.register_batch": lambda: [str(ROWS["batch"]().id)],
    "catalog.tasks.remove_image": lambda: [str(ROWS["removal"]().id)],
    "catalog.tasks.settle_registrations": list,
    "catalog.tasks.mail_requests": list,
    "catalog.tasks.test_connection": lambda: [str(ROWS["test"]().id)],
    "catalog.tasks.finish_removals": list,
    "catalog.tasks.retire": list,
    "catalog.tasks.tidy": list,
}


def unknown_tasks(app: Celery) -> set[str]:
    app.loader.import_default_modules()
    return {name for name in app.tasks if not name.startswith("celery.")} ^ TASKS.keys()
