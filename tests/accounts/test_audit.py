"""The audit trail: one row for each change, in its transaction, never changed, outliving what it names."""

import uuid

import pytest
from django.db import DatabaseError, connection, transaction

from accounts import audit
from accounts.models import AuditEvent, Team, User

pytestmark = pytest.mark.django_db


def test_a_row_says_who_did_what_to_what_in_words_of_its_own(team: Team, alice: User):
    row_id = uuid.uuid4()
    audit.record(
        team, alice, "source.paused", target="cn-hangzhou", target_id=row_id, changes={"every_minutes": [60, 15]}
    )
    row = AuditEvent.objects.get()
    assert (row.team, row.actor, row.action) == (team.id, "alice@example.org", "source.paused")
    assert (row.target, row.target_id, row.changes) == ("cn-hangzhou", row_id, {"every_minutes": [60, 15]})


def test_the_actor_may_be_a_command_and_the_team_none():
    audit.record(None, "create_team", "team.created")
    row = AuditEvent.objects.get()
    assert (row.team, row.actor) == (None, "create_team")


@pytest.mark.parametrize(
    "name",
    [
        "registry_password",
        "Password",
        "access_key_secret",
        "security_token",
        "credential",
        "KEYSET",
        "RegistryCredential.Password",
    ],
)
def test_a_value_named_like_a_secret_is_never_written_down(team, name):
    audit.record(team, "test", "thing.changed", changes={name: "hunter2", "plain": "kept"})
    assert AuditEvent.objects.get().changes == {name: "••••", "plain": "kept"}


@pytest.mark.parametrize("inner", [{"registry_password": "hunter2"}, [{"registry_password": "hunter2"}]])
def test_a_secret_deeper_down_is_not_written_either(team, inner):
    audit.record(team, "test", "thing.changed", changes={"spec": inner})
    with connection.cursor() as cursor:
        cursor.execute("SELECT changes::text FROM accounts_auditevent")
        assert "hunter2" not in cursor.fetchone()[0]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditevent SET actor = 'nobody'",
        "DELETE FROM accounts_auditevent",
        "TRUNCATE accounts_auditevent",
        "UPDATE accounts_auditevent SET actor = actor WHERE false",
    ],
)
def test_the_database_refuses_to_change_or_delete_a_row(team, statement):
    audit.record(team, "test", "thing.changed")
    with pytest.raises(DatabaseError, match="never changed or deleted"), transaction.atomic(), connection.cursor() as c:
        c.execute(statement)
    assert AuditEvent.objects.filter(actor="test").count() == 1


def test_django_cannot_change_or_delete_a_row_either(team):
    audit.record(team, "test", "thing.changed")
    row = AuditEvent.objects.get()
    for change in (row.delete, row.save, AuditEvent.objects.all().delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_a_deleted_team_and_user_keep_their_past(team, alice):
    audit.record(team, alice, "team.renamed", target=team.name)
    team_id = team.id
    team.delete()
    alice.delete()
    row = AuditEvent.objects.get()
    assert (row.team, row.actor, row.target) == (team_id, "alice@example.org", "Aero HPC")


def test_a_change_that_is_rolled_back_leaves_no_row(team):
    with pytest.raises(RuntimeError), transaction.atomic():
        audit.record(team, "test", "thing.changed")
        raise RuntimeError
    assert not AuditEvent.objects.exists()


def test_a_target_of_any_length_fits(team):
    audit.record(team, "test", "thing.changed", target="名" * 5000)
    assert len(AuditEvent.objects.get().target) == 300
