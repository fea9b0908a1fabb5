"""`manage facets_verify`: the kept counts against the images, whatever happened to either."""

import json
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from accounts.models import AuditEvent, Team
from catalog.models import FacetCount, Image, Source
from catalog.recount import repair, verify
from tests.canaries.faults import database_refuses
from tests.catalog.shelf import put
from tests.catalog.test_facets import counted, kept
from tests.catalog.test_sync_runs import at_once


def run(*words: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("facets_verify", *words, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    made = make_source("alibaba_ehpc_custom")
    for n in range(5):
        put(made, f"image-{n}", arch="arm64" if n % 2 else "x86_64", row={"labels": ["gold"] * (n // 4)})
    return made


def test_it_finds_no_difference(source: Source) -> None:
    assert run() == (0, "3 combinations, 5 images: no difference\n", "")
    assert run("--team", "aero")[1] == "3 combinations, 5 images: no difference\n"
    Image.objects.filter(name="image-4").delete()
    assert run()[1] == "2 combinations, 4 images: no difference\n", "a count of none is no combination"


def test_a_count_that_is_wrong_is_told_with_its_values(source: Source) -> None:
    FacetCount.objects.filter(arch="arm64").update(n=7)
    code, told, _ = run()
    assert code == 1 and told.endswith("3 combinations, 5 images: 1 differ\n")
    assert f"kept 7, counted 2: source_id={source.id} type=vm" in told and "arch=arm64" in told


def test_what_is_counted_and_not_there_or_there_and_not_counted_is_told(source: Source) -> None:
    FacetCount.objects.filter(arch="arm64").update(arch="i386")
    code, told, _ = run("--json")
    found = json.loads(told)
    assert code == 1 and {(one["values"]["arch"], one["kept"], one["counted"]) for one in found["differences"]} == {
        ("arm64", 0, 2), ("i386", 2, 0),
    }  # fmt: skip


def test_it_looks_at_one_team_where_it_is_told_to(source: Source, other_team: Team) -> None:
    FacetCount.objects.update(n=9)
    assert run("--team", "umbra") == (0, "0 combinations, 0 images: no difference\n", "")
    assert run("--team", "aero")[0] == run()[0] == 1
    with pytest.raises(CommandError, match="no team 'nobody'"):
        call_command("facets_verify", "--team", "nobody")


def test_it_counts_anew_when_asked_to(source: Source) -> None:
    FacetCount.objects.filter(arch="arm64").delete()
    FacetCount.objects.update(n=9)
    code, told, was = run("--repair")
    assert (code, told) == (0, "3 combinations, 5 images: no difference\n")
    assert was.count("was: kept") == 3 and kept() == counted()
    assert run("--repair") == (0, told, "")


@pytest.mark.django_db(transaction=True)
def test_it_repairs_while_others_write(make_source: Callable[..., Source]) -> None:
    """Writers of a source wait for each other by its lock; nobody's images are counted twice or lost."""
    from django.db import transaction

    from catalog.locks import lock_source

    sources = [make_source("alibaba_ens_self", region=f"cn-{n}") for n in range(3)]

    def write(source: Source) -> None:
        for n in range(10):
            with transaction.atomic():
                lock_source(source.id)
                put(source, f"image-{n}")

    team = sources[0].team_id
    for source in sources:
        put(source, "first")
    FacetCount.objects.update(n=50)
    repairs = [lambda: repair([team], "test", None)] * 2
    at_once(*[lambda source=source: write(source) for source in sources], *repairs)
    assert Image.objects.count() == 33 and kept() == counted() and not verify([team]).differences
    row = AuditEvent.objects.get()
    assert row.action == "counts.repaired" and row.changes == {"differences": 3, "sources": 3}


@pytest.mark.django_db(transaction=True)
def test_a_repair_that_is_broken_off_has_mended_nothing_and_tells_nothing(make_source: Callable[..., Source]) -> None:
    sources = sorted((make_source("alibaba_ens_self", region=f"cn-{n}") for n in range(2)), key=lambda one: one.id)
    for source in sources:
        put(source, "first")
    FacetCount.objects.update(n=50)
    team = sources[0].team_id
    with database_refuses("catalog_facetcount", f"NEW.source_id = '{sources[1].id}'"), pytest.raises(DatabaseError):
        repair([team], "test", None)
    assert len(verify([team]).differences) == 2 and not AuditEvent.objects.exists()
    repair([team], "test", None)
    repair([team], "test", None)
    assert not verify([team]).differences
    assert [row.changes for row in AuditEvent.objects.all()] == [{"differences": 2, "sources": 2}]


def test_a_source_that_counts_right_is_left_alone(source: Source, make_source: Callable[..., Source]) -> None:
    other = make_source("alibaba_ens_self")
    put(other, "first")
    FacetCount.objects.filter(source=source, arch="arm64").update(n=7)
    before = set(FacetCount.objects.filter(source=other).values_list("pk", flat=True))
    assert run("--repair")[0] == 0
    assert set(FacetCount.objects.filter(source=other).values_list("pk", flat=True)) == before
    assert AuditEvent.objects.get().changes == {"differences": 1, "sources": 1}


def test_the_numbers_of_combinations_are_those_of_their_images(source: Source) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT facets FROM catalog_image EXCEPT SELECT facets FROM catalog_facetcount WHERE n > 0")
        assert cursor.fetchall() == []
    assert Image.objects.values("facets").distinct().count() == 3
