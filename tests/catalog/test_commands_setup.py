"""create_team, add_cloud_account and add_source: exit codes, one line on stderr, and nothing written by bad input."""

import json
import uuid

import pytest
from allauth.account.models import EmailAddress

from accounts.models import AuditEvent, CloudAccount, Membership, SealedSecret, Team, User
from accounts.secrets import open_secret
from catalog.connections import TABLE
from catalog.models import Source
from catalog.providers import PROVIDERS
from tests.clouds.credentials import ALIBABA, ALIBABA_STS, HUAWEI
from tests.conftest import PASSWORD
from tests.processes import answer, manage, refused
from tests.running import run_command

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(capsys, monkeypatch):
    monkeypatch.setenv("BOOTSHELF_PASSWORD", PASSWORD)
    return lambda *words, stdin="": run_command(capsys, monkeypatch, *words, stdin=stdin)


# create_team


def create_team(run, *words, slug="aero", name="Aero HPC", admin="alice@example.org"):
    return run("create_team", slug, "--name", name, "--admin", admin, *words)


def test_create_team_makes_a_team_and_a_verified_admin(run):
    told = answer(create_team(run, "--json", admin="Alice@Example.org"))
    team, user = Team.objects.get(), User.objects.get()
    assert told == {"team": str(team.id), "slug": "aero", "admin": "alice@example.org"}
    assert (team.name, user.check_password(PASSWORD)) == ("Aero HPC", True)
    assert Membership.objects.get(team=team, user=user).role == "admin"
    assert EmailAddress.objects.get(user=user).verified and EmailAddress.objects.get(user=user).primary
    row = AuditEvent.objects.get()
    assert (row.actor, row.action) == ("create_team", "team.created")
    assert row.changes == {"slug": "aero", "admin": user.email}


def test_create_team_says_what_it_did_in_words(run):
    done = create_team(run)
    assert done.returncode == 0 and "aero" in done.stdout and done.stderr == ""


def test_create_team_makes_a_known_person_admin_and_leaves_the_password(run, charlie):
    done = create_team(run, admin="CHARLIE@example.org")
    assert done.returncode == 0
    charlie.refresh_from_db()
    assert charlie.check_password(PASSWORD) and User.objects.count() == 1
    assert set(charlie.memberships.values_list("team__slug", "role")) == {("aero", "admin"), ("umbra", "admin")}


def test_create_team_asks_for_no_password_of_a_known_person(run, charlie, monkeypatch):
    monkeypatch.delenv("BOOTSHELF_PASSWORD")
    assert create_team(run, admin=charlie.email).returncode == 0


def test_create_team_without_a_password_and_a_terminal_says_how(run, monkeypatch):
    monkeypatch.delenv("BOOTSHELF_PASSWORD")
    assert "Set BOOTSHELF_PASSWORD" in refused(create_team(run))
    assert not Team.objects.exists() and not User.objects.exists()


def test_create_team_on_a_slug_that_is_taken_writes_nothing(run, team):
    assert refused(create_team(run)) == "There is a team aero already."
    assert Team.objects.count() == 1 and not User.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"slug": "a b"},
        {"slug": "x" * 41},
        {"slug": ""},
        {"name": " "},
        {"name": "x" * 101},
        {"admin": "alice"},
        {"admin": ""},
    ],
)
def test_create_team_refuses_bad_input_in_one_line(run, fields):
    refused(create_team(run, **fields))
    assert not Team.objects.exists() and not User.objects.exists() and not AuditEvent.objects.exists()


def test_create_team_refuses_somebody_who_is_switched_off(run, charlie):
    User.objects.update(is_active=False)
    assert "switched off" in refused(create_team(run, admin=charlie.email))


def test_create_team_warns_of_a_weak_password_of_the_operators_choice(run, monkeypatch):
    monkeypatch.setenv("BOOTSHELF_PASSWORD", "short")
    done = create_team(run)
    assert done.returncode == 0 and done.stderr.startswith("Warning: ") and len(done.stderr.splitlines()) == 1
    assert "short." in done.stderr or "too short" in done.stderr


# add_cloud_account


def add_account(run, *words, stdin=None, team="aero", vendor="alibaba", name="Production", file="-"):
    return run("add_cloud_account", team, vendor, name, "--credential", file, *words, stdin=stdin or ALIBABA.as_json())


def stored() -> dict[str, str]:
    account = CloudAccount.objects.get()
    return json.loads(open_secret(account.team_id, TABLE, account.id, "credential").reveal())


@pytest.mark.parametrize(
    ("vendor", "credential"),
    [
        ("alibaba", ALIBABA.as_json()),
        ("alibaba", ALIBABA_STS.as_json()),
        ("huawei", HUAWEI.as_json()),
        ("huawei", HUAWEI.as_json() | {"project_id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9"}),
    ],
)
def test_add_cloud_account_seals_the_credential(run, team, vendor, credential):
    told = answer(add_account(run, "--json", vendor=vendor, stdin=credential))
    account = CloudAccount.objects.get()
    assert told == {"account": str(account.id), "vendor": vendor, "name": "Production"}
    assert stored() == credential and not account.simulated


def test_add_cloud_account_reads_a_file_with_white_space_and_a_byte_order_mark(run, team, tmp_path):
    file = tmp_path / "key.json"
    file.write_bytes(b"\xef\xbb\xbf\n  " + json.dumps(ALIBABA.as_json(), indent=2).encode() + b"\r\n\n")
    assert add_account(run, file=str(file)).returncode == 0 and stored() == ALIBABA.as_json()


@pytest.mark.parametrize(
    "credential",
    [
        "not json",
        "[]",
        "null",
        '"s3cret"',
        '{"access_key_id": "s3cret"}',
        '{"access_key_id": "a", "access_key_secret": "s3cret", "huh": "s3cret"}',
        '{"access_key_id": "a", "access_key_secret": 7}',
        '{"access_key_id": "a", "access_key_secret": "s3cret',
        '{"access_key_id": "a", "access_key_secret": ""}',
        b"\xff\xfe s3cret",
        "[" * 100_000,
        "x" * (1024 * 1024 + 1),
    ],
)
def test_add_cloud_account_refuses_a_bad_credential_without_repeating_it(run, team, credential):
    assert "s3cret" not in refused(add_account(run, stdin=credential))
    assert (
        not CloudAccount.with_drafts.exists() and not SealedSecret.sealed.exists() and not AuditEvent.objects.exists()
    )


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"team": "nobody"}, "There is no team 'nobody'."),
        ({"team": "a\nb"}, "There is no team"),
        ({"vendor": "aws"}, "There is no vendor 'aws'."),
        ({"name": ""}, "needs a name"),
        ({"file": "/no/such/file"}, "cannot be read: No such file or directory."),
        ({"file": "/"}, "cannot be read: Is a directory."),
    ],
)
def test_add_cloud_account_refuses_bad_input_in_one_line(run, team, fields, why):
    assert why in refused(add_account(run, **fields))
    assert not CloudAccount.objects.exists()


def test_add_cloud_account_refuses_a_name_that_is_taken(run, team):
    add_account(run)
    assert refused(add_account(run)) == "This team already has a cloud account named Production."
    assert CloudAccount.objects.count() == SealedSecret.sealed.count() == 1


def test_add_cloud_account_without_a_keyset_writes_nothing(run, team, monkeypatch):
    monkeypatch.delenv("BOOTSHELF_KEYSET")
    assert refused(add_account(run)).startswith("BOOTSHELF_KEYSET is not set.")
    assert not CloudAccount.with_drafts.exists()


# add_source


@pytest.fixture
def accounts(make_account):
    return {vendor: make_account(vendor, name=vendor.title()) for vendor in ("alibaba", "huawei")}


def add_source(run, *words, team="aero", account="Alibaba", kind="alibaba_ehpc_custom", region="cn-hangzhou"):
    return run("add_source", team, account, kind, "--region", region, *words)


@pytest.mark.parametrize("kind", PROVIDERS)
def test_add_source_prints_the_id_of_the_new_source(run, accounts, kind):
    told = answer(add_source(run, account=kind.partition("_")[0].title(), kind=kind))
    source = Source.objects.get()
    assert told == {"source": str(source.id)} and (source.kind, source.region) == (kind, "cn-hangzhou")
    assert (source.every_minutes, source.cluster) == (60, "") and uuid.UUID(told["source"])


def test_add_source_takes_a_cluster_and_an_interval(run, accounts):
    answer(add_source(run, "--cluster", "ehpc-hz-1", "--every", "15", "--json", kind="alibaba_ehpc_container"))
    source = Source.objects.get()
    assert (source.cluster, source.every_minutes) == ("ehpc-hz-1", 15)


@pytest.mark.parametrize(
    ("words", "fields", "why"),
    [
        ((), {"team": "nobody"}, "There is no team 'nobody'."),
        ((), {"account": "Nobody"}, "no cloud account 'Nobody'"),
        ((), {"kind": "alibaba_oss"}, "There is no kind 'alibaba_oss'"),
        ((), {"kind": "huawei_workspace"}, "An account of alibaba has no huawei_workspace."),
        ((), {"region": "CN"}, "is not a region"),
        ((), {"region": "a" * 41}, "is not a region"),
        ((), {"region": ""}, "is not a region"),
        (("--every", "14"), {}, "every 15 to"),
        (("--every", "soon"), {}, "--every takes a whole number"),
        (("--every=-5",), {}, "--every takes a whole number"),
        (("--cluster", "c"), {"kind": "alibaba_ens_public"}, "takes no cluster"),
    ],
)
def test_add_source_refuses_bad_input_in_one_line(run, accounts, words, fields, why):
    assert why in refused(add_source(run, *words, **fields))
    assert not Source.objects.exists() and not AuditEvent.objects.exists()


def test_add_source_refuses_what_is_there_already(run, accounts):
    add_source(run)
    assert "is a source already" in refused(add_source(run))
    assert Source.objects.count() == 1


def test_add_source_does_not_reach_into_another_team(run, accounts, other_team):
    assert "no cloud account 'Alibaba'" in refused(add_source(run, team="umbra"))


# As processes


def test_a_team_is_set_up_by_commands_without_a_broker(db):
    """Nobody listens on port 9: the database is the truth, the broker only a hint, and a warning in the log."""
    broker = {"REDIS_URL": "redis://127.0.0.1:9/0"}
    words = ("create_team", "aero", "--name", "Aero", "--admin", "alice@example.org")
    assert manage(*words, BOOTSHELF_PASSWORD=PASSWORD, **broker).returncode == 0
    assert (
        manage("add_cloud_account", "aero", "alibaba", "P", "--credential", "-", stdin=ALIBABA.as_json()).returncode
        == 0
    )
    done = manage("add_source", "aero", "P", "alibaba_ens_public", "--region", "cn-hangzhou", **broker)
    assert answer(done) == {"source": str(Source.objects.get().id)}


def test_a_database_that_is_not_there_is_one_line(db):
    done = manage("add_source", "aero", "P", "k", "--region", "r", DATABASE_URL="postgresql:///x?host=/nowhere")
    assert refused(done) == "The database cannot be reached."


def test_a_missing_argument_ends_with_the_usage(db):
    done = manage("add_source", "aero")
    assert done.returncode == 2 and "usage:" in done.stderr and "Traceback" not in done.stderr
