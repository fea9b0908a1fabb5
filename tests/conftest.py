"""The cast: Alice is admin, Eve editor and Bob viewer of Aero; Charlie is admin of another team."""

import functools
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import hypothesis
import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management.commands import flush
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client
from django.utils import timezone, translation

from accounts.models import CloudAccount, Membership, Team, User
from catalog.connections import seal_credential
from catalog.models import RUNNING, Image, ImageDocument, Source, SyncRun
from catalog.providers.base import RemoteImage
from catalog.rows import columns, content_hash
from tests.clouds.fixtures import cloud  # noqa: F401 - a fixture
from tests.mails import mail_server  # noqa: F401 - a fixture
from tests.workers import start_beat, start_process, start_worker  # noqa: F401 - fixtures

PASSWORD = "correct-horse-battery"

# A busy machine is no failure: no example is timed.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_configure() -> None:
    """Static files as they lie in the repository: nothing was collected, so there is no manifest of hashed names."""
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"


# Below it, what a test has left is deleted faster than every table and index is made anew: 5 ms and not 100.
FEW_BYTES = 2 * 1024 * 1024


@pytest.fixture(autouse=True, scope="session")
def tables_are_emptied_quickly() -> Iterator[None]:
    """After a test with real transactions. The audit trail's own trigger would refuse it. Django's content types and
    permissions, which nobody asks for, are not written again.
    """
    made = DatabaseOperations.sql_flush

    def sql_flush(self: DatabaseOperations, style: Any, tables: list[str], **options: Any) -> list[str]:
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT usesuper AND %s > (SELECT sum(pg_relation_size(quote_ident(t)::regclass))"
                " FROM unnest(%s::text[]) t) FROM pg_user WHERE usename = current_user",
                [FEW_BYTES, list(tables)],
            )
            (deletes,) = cursor.fetchone()
        if deletes:
            names = [self.quote_name(table) for table in tables]
            # What others have begun is waited for, as by TRUNCATE.
            begin = ["SET LOCAL session_replication_role = replica", f"LOCK {', '.join(names)}"]
            return ["; ".join([*begin, *(f"DELETE FROM {name}" for name in names)])]
        switch = "ALTER TABLE accounts_auditevent {} TRIGGER accounts_auditevent_append_only"
        found = made(self, style, tables, **options)
        return [switch.format("DISABLE"), *found, switch.format("ENABLE")] if found else found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_: None)
        yield


@pytest.fixture(autouse=True)
def each_test_begins_in_english() -> Iterator[None]:
    """The language of the last request stays with its thread."""
    yield
    translation.deactivate()


@functools.cache
def _hashed() -> str:
    """Argon2 is slow by intent: once is enough for a whole cast."""
    return make_password(PASSWORD)


def make_user(email: str, name: str) -> User:
    user = User.objects.create(email=email, name=name, password=_hashed())
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(slug="aero", name="Aero HPC")


@pytest.fixture
def other_team(db: None) -> Team:
    return Team.objects.create(slug="umbra", name="Umbra Labs")


@pytest.fixture
def alice(team: Team) -> User:
    user = make_user("alice@example.org", "Alice Liddell")
    Membership.objects.create(team=team, user=user, role="admin")
    return user


@pytest.fixture
def eve(team: Team) -> User:
    user = make_user("eve@example.org", "Eve Editor")
    Membership.objects.create(team=team, user=user, role="editor")
    return user


@pytest.fixture
def bob(team: Team) -> User:
    user = make_user("bob@example.org", "Bob Viewer")
    Membership.objects.create(team=team, user=user, role="viewer")
    return user


@pytest.fixture
def charlie(other_team: Team) -> User:
    user = make_user("charlie@example.org", "Charlie Outsider")
    Membership.objects.create(team=other_team, user=user, role="admin")
    return user


@pytest.fixture
def as_user() -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def make_account(team: Team) -> Callable[..., CloudAccount]:
    """A simulated account with a credential the simulator knows, or the given `credential`."""
    from tests.clouds import credentials

    def make(vendor: str = "alibaba", credential: dict[str, str] | None = None, **fields: Any) -> CloudAccount:
        fields.setdefault("team", team)
        fields.setdefault("name", f"{vendor} account {CloudAccount.objects.count() + 1}")
        fields.setdefault("simulated", True)
        account = CloudAccount.objects.create(vendor=vendor, **fields)
        seal_credential(account.team_id, account.id, credential or credentials.DEFAULT[vendor])
        return account

    return make


@pytest.fixture
def make_source(make_account: Callable[..., CloudAccount]) -> Callable[..., Source]:
    """A source of `kind` on an account of its vendor, in the region the simulator lists it in."""

    def make(kind: str, account: CloudAccount | None = None, **fields: Any) -> Source:
        vendor = kind.partition("_")[0]
        account = account or make_account(vendor)
        fields.setdefault("region", "cn-north-4" if vendor == "huawei" else "cn-hangzhou")
        return Source.objects.create(
            team_id=account.team_id,
            cloud_account=account,
            account_name=account.name,
            simulated=account.simulated,
            kind=kind,
            **fields,
        )

    return make


@pytest.fixture
def make_image() -> Callable[..., Image]:
    """An image on the shelf of a source, as its last listing had it; the fields are those of RemoteImage."""

    def make(source: Source, **fields: Any) -> Image:
        number = Image.objects.filter(source=source).count() + 1
        given = {"remote_id": f"m-{number}", "name": f"image-{number}", "type": "vm", "region": source.region} | fields
        remote = RemoteImage(**{"key": given["remote_id"], **given})
        digest = content_hash(remote)[1]
        image = Image.objects.create(team_id=source.team_id, source=source, content_hash=digest, **columns(remote))
        ImageDocument.objects.create(team_id=source.team_id, image=image, document=dict(remote.document))
        return image

    return make


@pytest.fixture
def make_run() -> Callable[..., SyncRun]:
    """A run of a source as it ended, or goes on, `minutes_ago`."""

    def make(source: Source, state: str = "complete", minutes_ago: int = 10, **fields: Any) -> SyncRun:
        at = timezone.now() - timedelta(minutes=minutes_ago)
        ended = {} if state in RUNNING else {"finished_at": at + timedelta(seconds=2)}
        row = {"state": state, "created_at": at, "started_at": at, **ended, **fields}
        return SyncRun.objects.create(team_id=source.team_id, source=source, **row)

    return make


@pytest.fixture
def simulated(settings: Any, cloud: Any) -> Iterator[Any]:  # noqa: F811
    """The simulator, known to the product as the one that simulated accounts talk to."""
    settings.SIMULATOR_URL = cloud.url
    yield cloud
