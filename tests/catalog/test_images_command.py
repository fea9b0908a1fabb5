"""`manage images`: what the page would list, for people and for machines."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Team
from catalog import pages
from catalog.models import Source
from tests.catalog.shelf import put

KEYS = [
    "id", "source", "kind", "remote_id", "name", "version", "type", "visibility", "os", "distribution", "os_version",
    "arch", "size_gib", "min_ram_mb", "min_disk_gb", "disk_format", "status", "state", "repository", "tag",
    "description", "region", "cluster", "labels", "starred", "note", "first_seen_at", "last_seen_at", "missing_since",
    "provenance",
]  # fmt: skip
SYNCED = datetime(2026, 5, 4, 3, 2, 1, 500000, tzinfo=UTC)


def images(query: str = "", team: str = "aero") -> list[dict]:
    out = StringIO()
    call_command("images", team, *([query] if query else []), "--json", stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    return make_source("alibaba_ehpc_container", cluster="ehpc-hz", last_complete_at=SYNCED)


def test_it_gives_exactly_the_documented_keys(source: Source) -> None:
    first = datetime(2026, 1, 2, tzinfo=UTC)
    origin = {"name": "derived", "tag": "reported", "os": "unknown"}
    image = put(
        source, "ai/torch:2.1", remote_id="img-1", type="container", visibility="private", repository="ai/torch",
        tag="2.1", cluster="ehpc-hz", size_gib=0, status="Available", provenance=origin,
        row={"first_seen_at": first, "labels": ["gold", "gpu"], "starred": True, "note": "read me"},
    )  # fmt: skip
    (found,) = images()
    assert list(found) == KEYS
    assert found == {
        "id": str(image.id), "source": str(source.id), "kind": "alibaba_ehpc_container", "remote_id": "img-1",
        "name": "ai/torch:2.1", "version": None, "type": "container", "visibility": "private", "os": "unknown",
        "distribution": None, "os_version": None, "arch": "unknown", "size_gib": 0, "min_ram_mb": None,
        "min_disk_gb": None, "disk_format": None, "status": "Available", "state": "available",
        "repository": "ai/torch", "tag": "2.1", "description": None, "region": "cn-hangzhou", "cluster": "ehpc-hz",
        "labels": ["gold", "gpu"], "starred": True, "note": "read me",
        "first_seen_at": "2026-01-02T00:00:00Z", "last_seen_at": "2026-05-04T03:02:01.500000Z",
        "missing_since": None, "provenance": origin,
    }  # fmt: skip


def test_a_missing_image_is_listed_with_when_it_was_last_seen(source: Source) -> None:
    gone = datetime(2026, 3, 1, tzinfo=UTC)
    put(source, "gone", state="missing", row={"missing_since": gone, "last_seen_at": gone, "first_seen_at": gone})
    (found,) = images()
    assert found["last_seen_at"] == found["missing_since"] == "2026-03-01T00:00:00Z" and found["state"] == "missing"
    assert found["last_seen_at"] == gone.isoformat().replace("+00:00", "Z")


def test_last_seen_is_what_the_page_says(source: Source) -> None:
    for name, row in {"new": {}, "old": {"first_seen_at": SYNCED}}.items():
        image = put(source, name, row=row)
        image.refresh_from_db()
        (found,) = images(f"q={name}")
        assert datetime.fromisoformat(found["last_seen_at"]) == image.seen_at(source)


def test_it_takes_the_pages_own_query(source: Source, make_source: Callable[..., Source]) -> None:
    put(source, "one", os="linux", arch="arm64", distribution="Ubuntu")
    put(source, "two", os="linux", arch="x86_64", distribution="CentOS")
    put(source, "three", os="windows", arch="x86_64")
    put(source, "four", state="archived", os="linux")
    other = put(make_source("huawei_workspace"), "five", os="linux")

    def names(query: str) -> list[str]:
        return [image["name"] for image in images(query)]

    assert names("") == ["five", "one", "three", "two"], "archived ones only when they are asked for"
    assert names("state=archived") == ["four"] and names("os=linux&arch=x86_64,arm64") == ["one", "two"]
    assert names("?os=linux&arch=-x86_64&sort=-name") == ["one", "five"]
    assert names("distribution=UBUNTU") == ["one"] and names("q=t") == ["three", "two"]
    assert names(f"source={other.source_id}") == names("region=cn-north-4") == ["five"]
    assert names("arch=sparc") == [] and names("source=nonsense") == []


@pytest.mark.parametrize(
    "query", ["oss=linux", "os=linux&colour=red", "os=-", "page=2", "sort=colour", "&".join(["os=linux"] * 2000)]
)
def test_a_filter_it_does_not_know_is_never_an_unfiltered_list(source: Source, query: str) -> None:
    put(source, "one", os="linux")
    out = StringIO()
    with pytest.raises(CommandError) as refused:
        call_command("images", "aero", query, "--json", stdout=out)
    assert out.getvalue() == "" and "\n" not in str(refused.value)


def test_an_unknown_team_is_one_line(source: Source) -> None:
    with pytest.raises(CommandError, match="no team 'nobody'"):
        call_command("images", "nobody")


def test_it_lists_only_the_team(source: Source, other_team: Team) -> None:
    put(source, "one")
    assert images(team="umbra") == [] and images(f"source={source.id}", team="umbra") == []


def test_it_reads_a_batch_at_a_time(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages.stream, "__kwdefaults__", {"batch": 10})
    for n in range(25):
        put(source, f"image-{n:02}", key=str(n))
    with CaptureQueriesContext(connection) as queries:
        found = images("sort=-name")
    assert [image["name"] for image in found] == [f"image-{n:02}" for n in range(24, -1, -1)]
    assert sum("LIMIT 10" in query["sql"] for query in queries) == 3


def test_strange_text_survives_as_data_and_cannot_steer_a_terminal(source: Source) -> None:
    name = "\x1b[31mred\nline\u202e=cmd|' /C calc'!A0 镜像"
    put(source, name, description="d" * 1_000_000)
    (found,) = images()
    assert found["name"] == name and len(found["description"]) == 1_000_000
    out = StringIO()
    call_command("images", "aero", stdout=out)
    head, line = out.getvalue().splitlines()
    assert head.startswith("NAME") and "�[31mred�line�=cmd" in line and "\x1b" not in line and "镜像" in line


def test_a_table_keeps_its_columns_with_wide_letters(source: Source) -> None:
    put(source, "镜像" * 40, remote_id="a")
    put(source, "short", remote_id="b", os="linux", distribution="Ubuntu", os_version="22.04")
    out = StringIO()
    call_command("images", "aero", stdout=out)
    head, short, wide = out.getvalue().splitlines()
    assert short.index("b  ") == head.index("REMOTE ID") and "Ubuntu 22.04" in short
    assert len(wide.partition("  ")[0]) == 22, "43 columns in letters of two, with the sign that more was there"


def test_it_takes_what_the_search_box_takes(source: Source) -> None:
    put(source, "one", arch="arm64", distribution="Ubuntu", description="cuda")
    put(source, "two", arch="i386", distribution="Ubuntu", description="cuda")
    put(source, "three", arch="arm64", distribution="CentOS", description="cuda a=b")
    assert [image["name"] for image in images("distribution:ubuntu -arch:i386 cuda")] == ["one"]
    out = StringIO()
    call_command("images", "aero", "--json", "--", "-arch:i386", 'distribution:"centos"', "cuda", stdout=out)
    assert json.loads(out.getvalue())["name"] == "three"
    assert [image["name"] for image in images("cuda a=b")] == ["three"]
    told = StringIO()
    call_command("images", "aero", "arch:sparc cuda", "--json", stdout=out, stderr=told)
    assert "no value of “arch”" in told.getvalue()
