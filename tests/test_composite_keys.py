"""The database itself refuses a row that points into another team, for every pair of tenant rows."""

import uuid
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone

from accounts.models import CloudAccount, Invitation, Membership, Team, User
from catalog import models as catalog

pytestmark = [pytest.mark.access, pytest.mark.django_db]

KEYS_OF_CONSTRAINTS = """
    SELECT c.conrelid::regclass::text, c.confrelid::regclass::text,
        (SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY AS k (num, n)
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num),
        (SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(c.confkey) WITH ORDINALITY AS k (num, n)
            JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.num),
        c.convalidated
    FROM pg_constraint c WHERE c.contype = 'f'"""


def tenant_models() -> list[type[models.Model]]:
    """Every model of ours with a team, and so a row that belongs to one."""
    return [
        model
        for app in ("accounts", "catalog")
        for model in apps.get_app_config(app).get_models()
        if any(field.name == "team" and field.related_model is Team for field in model._meta.fields)
    ]


def pairs() -> list[tuple[str, str, str]]:
    """(table, column, target table) for every foreign key from one tenant row to another, by Django's own account."""
    tenants = tenant_models()
    return sorted(
        (model._meta.db_table, field.column, field.related_model._meta.db_table)
        for model in tenants
        for field in model._meta.fields
        if isinstance(field, models.ForeignKey) and field.related_model in tenants
    )


def constraints() -> set[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    with connection.cursor() as cursor:
        cursor.execute(KEYS_OF_CONSTRAINTS)
        return {
            (table, to, tuple(ours), tuple(theirs)) for table, to, ours, theirs, valid in cursor.fetchall() if valid
        }


def test_there_are_pairs_to_look_at() -> None:
    assert len(pairs()) >= 11
    assert ("catalog_image", "source_id", "catalog_source") in pairs()


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: ".".join(pair[:2]))
def test_every_pair_of_tenant_rows_has_a_composite_key(pair: tuple[str, str, str]) -> None:
    table, column, target = pair
    assert (table, target, ("team_id", column), ("team_id", "id")) in constraints()


def test_no_tenant_row_points_at_another_by_its_id_alone() -> None:
    tables = {model._meta.db_table for model in tenant_models()}
    alone = [row for row in constraints() if row[0] in tables and row[1] in tables and "team_id" not in row[2]]
    assert alone == []


@pytest.mark.parametrize("model", tenant_models(), ids=lambda model: model.__name__)
def test_every_tenant_row_goes_with_its_team(model: type[models.Model], rows: dict[str, dict[str, Any]]) -> None:
    Team.objects.all().delete()
    assert not model._base_manager.exists()


@pytest.fixture
def rows(team: Team, other_team: Team) -> dict[str, dict[str, Any]]:
    """A row of every table of the pairs, by table; and, by team, rows to point at that nothing points at yet."""
    spares = {owner.slug: make_targets(owner, "spare") for owner in (team, other_team)}
    catalog.FacetStamp.objects.all().delete()
    account, source, run, image, membership, batch, asked = make_targets(team, "used").values()
    both: dict[str, Any] = {"team": team, "source": source}
    made = [
        *(account, source, run, image, membership, batch, asked),
        Invitation.objects.create(team=team, inviter=membership, role="viewer", digest=b"d", expires_at=timezone.now()),
        catalog.ImageDocument.objects.create(team=team, image=image, document={}),
        catalog.ImageChange.objects.create(**both, run=run, image=image, kind="added"),
        catalog.FacetCount.objects.get(**both),
        catalog.FacetStamp.objects.get(**both),
        catalog.RequestMail.objects.create(team=team, registration=asked, membership=membership, kind="asked"),
        catalog.Removal.objects.create(team=team, cloud_account=account, image=image),
        catalog.ConnectionTest.objects.create(team=team, cloud_account=account),
        catalog.ChangeVisit.objects.create(team=team, membership=membership),
        catalog.ChangeFeed.objects.create(team=team, membership=membership, digest=b"d"),
        catalog.Breaker.objects.create(team=team, cloud_account=account, product="ENS", region="cn-hangzhou"),
    ]
    targets = {slug: {table: row.pk for table, row in found.items()} for slug, found in spares.items()}
    return {"rows": {row._meta.db_table: row.pk for row in made}, **targets}


def make_targets(team: Team, name: str) -> dict[str, Any]:
    """A row of every table that others point at."""
    account = CloudAccount.objects.create(team=team, vendor="alibaba", name=name)
    source = catalog.Source.objects.create(team=team, cloud_account=account, account_name="a", kind="k", region=name)
    run = catalog.SyncRun.objects.create(team=team, source=source, state="complete")
    image = catalog.Image.objects.create(
        team=team, source=source, key=name, type=name, content_hash=b"", search_pieces=[]
    )
    user = User.objects.create(email=f"{name}@{team.slug}.example.org")
    membership = Membership.objects.create(team=team, user=user, role="viewer")
    batch = catalog.Batch.objects.create(team=team, cloud_account=account)
    asked = catalog.Registration.objects.create(team=team, cloud_account=account, image=image, batch=batch)
    return {row._meta.db_table: row for row in (account, source, run, image, membership, batch, asked)}


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: ".".join(pair[:2]))
def test_the_database_refuses_a_row_that_points_into_another_team(
    pair: tuple[str, str, str], rows: dict[str, dict[str, Any]]
) -> None:
    table, column, target = pair
    model = next(model for model in tenant_models() if model._meta.db_table == table)
    assert table in rows["rows"], f"the fixture makes no row of {table}"
    row, ours, theirs = rows["rows"][table], rows["aero"][target], rows["umbra"][target]
    point = f"UPDATE {table} SET {column} = %s WHERE {model._meta.pk.column} = %s"
    with connection.cursor() as cursor:
        with pytest.raises(IntegrityError, match="violates foreign key constraint"), transaction.atomic():
            cursor.execute(point, [theirs, row])
        with pytest.raises(IntegrityError, match="violates foreign key constraint"), transaction.atomic():
            cursor.execute(point, [uuid.uuid4(), row])
        cursor.execute(point, [ours, row])
