"""Exports: exactly the view, whole or visibly not whole, safe in a spreadsheet, and never all threads."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Team, User
from catalog import export, fields, pages
from catalog.browse import SORTS
from catalog.columns import COLUMNS, DEFAULT
from catalog.models import SavedView, Source
from tests.catalog.shelf import put

pytestmark = pytest.mark.django_db

LIST = "/t/aero/images/"
DAY = datetime(2026, 5, 4, 3, 2, 1, 500000, tzinfo=UTC)


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    return make_source("alibaba_ehpc_container", cluster="ehpc-hz", last_complete_at=DAY)


@pytest.fixture
def viewer(bob: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(bob)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "BATCH", 10)


def body(answer: Any) -> bytes:
    assert answer.status_code == 200
    return b"".join(answer) if answer.streaming else answer.content


def records(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body(answer).decode(), newline="")))


def shelf(source: Source, other: Source) -> None:
    """Images that differ in every column that can be sorted by, with ties in each."""
    for n in range(35):
        put(
            [source, other][n % 2], f"image-{n % 12:02}", key=str(n), remote_id=f"m-{n}",
            size_gib=[None, 0, 40][n % 3], os=["linux", "windows", "unknown"][n % 3], arch=["x86_64", "arm64"][n % 2],
            distribution=[None, "Ubuntu"][n % 2], os_version=[None, "22.04", "20.04"][n % 3],
            type=["vm", "container"][n % 2], row={"changed_at": DAY},
        )  # fmt: skip


def pages_of(client: Client, query: str) -> list[str]:
    """The ids of all pages of the list, as its links lead from one to the next."""
    found: list[str] = []
    page = client.get(f"{LIST}?{query}&size=25", follow=True).context
    while True:
        found += [str(row.id) for row in page["rows"]]
        following = [query for kind, _words, query in page["pager"] if kind == "next"]
        if not following:
            return found
        page = client.get(f"{LIST}?{following[0]}").context


@pytest.mark.parametrize("sort", [f"{way}{column}" for column in SORTS for way in ("", "-")])
def test_it_has_the_images_of_all_pages_in_their_order(
    sort: str, source: Source, make_source: Callable[..., Source], viewer: Client, small_batches: None
) -> None:
    shelf(source, make_source("huawei_workspace"))
    query = f"sort={sort}&os=-windows"
    expected = pages_of(viewer, query)
    assert len(expected) == 23
    assert [row["id"] for row in records(viewer.get(f"{LIST}export.csv?{query}"))] == expected
    assert [row["id"] for row in json.loads(body(viewer.get(f"{LIST}export.json?{query}")))] == expected
    lines = body(viewer.get(f"{LIST}export.ndjson?{query}&page=whatever&size=25")).splitlines()
    assert [json.loads(line)["id"] for line in lines] == expected


def test_it_has_the_columns_the_person_sees(source: Source, bob: User, viewer: Client) -> None:
    put(source, "one", tag="2.1")
    bob.preferences = {"columns": ["name", "tag", "star"]}
    bob.save()
    (found,) = json.loads(body(viewer.get(f"{LIST}export.json")))
    assert list(found) == ["name", "remote_id", "starred", "tag", "id", "url"]
    assert (found["starred"], found["tag"]) == (False, "2.1")
    (row,) = records(viewer.get(f"{LIST}export.csv"))
    assert row["starred"] == "false"


def test_in_a_saved_view_it_has_the_views_columns(source: Source, team: Team, alice: User, viewer: Client) -> None:
    put(source, "one")
    made = {
        shared: SavedView.objects.create(team=team, owner=alice, name="Sizes", shared=shared, columns=["name", "size"])
        for shared in (True, False)
    }
    (found,) = json.loads(body(viewer.get(f"{LIST}export.json?view={str(made[True].id)[:8]}")))
    assert list(found) == ["name", "remote_id", "size_gib", "id", "url"]
    (found,) = json.loads(body(viewer.get(f"{LIST}export.json?view={str(made[False].id)[:8]}")))
    assert list(found) == list(fields.of_columns(DEFAULT)), "another person's own view is none"


def test_every_column_of_the_page_has_its_fields() -> None:
    assert set(fields.OF_COLUMN) == set(COLUMNS)
    assert set(fields.of_columns(COLUMNS)) == {*fields.FIELDS, *fields.DERIVED}


def test_its_fields_and_values_are_those_of_a_machine_in_any_language(source: Source, viewer: Client) -> None:
    image = put(
        source, "ai/torch:2.1", remote_id="img-1", type="container", os="linux", distribution="Ubuntu",
        os_version="14.04", arch="x86_64", size_gib=0, row={"changed_at": DAY, "first_seen_at": DAY},
    )  # fmt: skip
    viewer.cookies["django_language"] = "zh-hans"
    (found,) = json.loads(body(viewer.get(f"{LIST}export.json")))
    assert found == {
        "name": "ai/torch:2.1", "remote_id": "img-1", "os": "linux", "distribution": "Ubuntu", "os_version": "14.04",
        "support": "past", "arch": "x86_64", "type": "container", "visibility": None, "source": str(source.id),
        "kind": "alibaba_ehpc_container", "region": "cn-hangzhou", "size_gib": 0, "state": "available",
        "changed_at": "2026-05-04T03:02:01.500000Z", "id": str(image.id), "url": f"http://testserver{LIST}{image.id}/",
    }  # fmt: skip
    assert list(found) == list(fields.of_columns(DEFAULT))
    (row,) = records(viewer.get(f"{LIST}export.csv"))
    assert row == {key: "" if value is None else str(value) for key, value in found.items()}
    assert viewer.get(found["url"]).status_code == 200


def test_what_is_not_known_is_null_and_in_csv_empty(source: Source, viewer: Client) -> None:
    put(source, "bare", state="unknown")
    (found,) = json.loads(body(viewer.get(f"{LIST}export.json")))
    unknown = ["os", "distribution", "os_version", "support", "arch", "visibility", "size_gib", "state"]
    assert {key for key, value in found.items() if value is None} == set(unknown)
    (row,) = records(viewer.get(f"{LIST}export.csv"))
    assert {row[key] for key in unknown} == {""}


HOSTILE = [
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n\n=1", "\u3000=1", "\ufeff=1",
    "\u200b@a", "＝1+1", "＋1", "－1", "＠a", "a;=1+1", "a\n=1+1", "a;\u00a0@x", "\ttab", "\u202e=1", "﹦1", "−1",
]  # fmt: skip
HARMLESS = ["a=1", "ubuntu-22.04", "a@b", "1;2", "two\nlines", 'he said "no"', "镜像,二", "a,b", "'=1", "x;y=z", "#N/A"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_spreadsheet_makes_no_formula_of_it(text: str) -> None:
    (found,) = export.guarded([text])
    assert found is not None and found.replace("'", "") == text.replace("'", "")
    for cell in found.replace("\t", ";").replace("\n", ";").replace("\r", ";").split(";"):
        assert not cell.strip(" \u3000\ufeff\u200b\u202e\xa0").startswith(tuple("=+-@＝＋－＠﹦−")), repr(found)
    assert not found.startswith(("\t", "\r"))


def test_other_text_is_left_as_it_is() -> None:
    assert export.guarded([None, "", *HARMLESS]) == [None, "", *HARMLESS]
    assert export.guarded(["a", "-", None, "=b"]) == ["a", "'-", None, "'=b"], "one of many is found"


def test_hostile_text_is_guarded_in_csv_and_exact_in_json(source: Source, viewer: Client) -> None:
    texts = [*HOSTILE, *HARMLESS, "\x1b[31mred\u202e", "</script>"]
    for n, text in enumerate(texts):
        put(source, text, remote_id=text, key=str(n), size_gib=-5 if n == 0 else None)
    exact = json.loads(body(viewer.get(f"{LIST}export.json")))
    assert sorted(row["name"] for row in exact) == sorted(texts)
    found = {row["id"]: row for row in records(viewer.get(f"{LIST}export.csv"))}
    for row in exact:
        (name,) = export.guarded([row["name"]])
        assert found[row["id"]]["name"] == found[row["id"]]["remote_id"] == name
    assert [row["size_gib"] for row in found.values() if row["size_gib"]] == ["-5"], "a number stays a number"


def test_csv_is_of_rfc_4180_and_has_a_mark_for_excel_when_asked(source: Source, viewer: Client) -> None:
    put(source, 'two\nlines, "quoted" 镜像')
    plain = body(viewer.get(f"{LIST}export.csv"))
    assert plain.startswith(b"name,remote_id,") and plain.endswith(b"\r\n")
    assert '"two\nlines, ""quoted"" 镜像",'.encode() in plain
    assert body(viewer.get(f"{LIST}export.csv?bom=1")) == b"\xef\xbb\xbf" + plain
    assert not body(viewer.get(f"{LIST}export.json?bom=1")).startswith(b"\xef")


@pytest.mark.parametrize(
    ("form", "kind"), [("csv", "text/csv"), ("json", "application/json"), ("ndjson", "application/x-ndjson")]
)
def test_its_headers_say_what_it_is_and_that_nobody_keeps_it(
    form: str, kind: str, source: Source, viewer: Client
) -> None:
    put(source, "one")
    answer = viewer.get(f"{LIST}export.{form}")
    assert answer["Content-Type"].startswith(kind) and answer["Cache-Control"] == "no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"] == f'attachment; filename="aero-images-{datetime.now(UTC):%Y-%m-%d}.{form}"'
    assert int(answer["Content-Length"]) == len(answer.content), "a small one is sent whole"
    told = viewer.head(f"{LIST}export.{form}")
    assert told["Content-Type"] == answer["Content-Type"] and told.content == b""


@pytest.mark.parametrize("form", export.FORMATS)
@pytest.mark.parametrize("n", [0, 9, 10, 11, 20])
def test_a_file_of_any_number_of_batches_is_whole(
    n: int, form: str, source: Source, viewer: Client, small_batches: None
) -> None:
    for number in range(n):
        put(source, f"image-{number:02}", key=str(number))
    found = body(viewer.get(f"{LIST}export.{form}"))
    if form == "csv":
        assert len(list(csv.reader(io.StringIO(found.decode(), newline="")))) == n + 1
    else:
        assert len(json.loads(found if form == "json" else b"[" + b",".join(found.splitlines()) + b"]")) == n


@pytest.mark.parametrize("query", ["colour=red", "sort=colour", "q=" + "x" * 300, "os=linux&oss=linux"])
def test_a_filter_it_cannot_apply_is_refused_in_one_sentence(query: str, source: Source, viewer: Client) -> None:
    put(source, "one", os="linux")
    answer = viewer.get(f"{LIST}export.csv?{query}")
    assert answer.status_code == 400 and answer["Content-Type"].startswith("text/html")
    assert "Nothing was exported" in answer.content.decode() and "attachment" not in str(answer.headers)


def test_a_format_there_is_not_is_not_found(source: Source, viewer: Client) -> None:
    assert viewer.get(f"{LIST}export.xlsx").status_code == 404


def test_it_exports_only_the_team(
    source: Source, other_team: Team, charlie: User, as_user: Callable[..., Client]
) -> None:
    put(source, "one")
    outsider = as_user(charlie)
    assert outsider.get(f"{LIST}export.csv").status_code == 404
    assert json.loads(body(outsider.get(f"/t/umbra/images/export.json?source={source.id}"))) == []


def test_it_makes_one_query_a_batch(source: Source, viewer: Client, small_batches: None) -> None:
    for n in range(25):
        put(source, f"image-{n:02}", key=str(n))
    with CaptureQueriesContext(connection) as queries:
        assert len(records(viewer.get(f"{LIST}export.csv"))) == 25
    assert sum("LIMIT 10" in query["sql"] for query in queries) == 3


def test_nothing_is_written_by_reading(source: Source, viewer: Client) -> None:
    put(source, "one")
    with CaptureQueriesContext(connection) as queries:
        body(viewer.get(f"{LIST}export.csv"))
    written = ("INSERT", "UPDATE", "DELETE")
    assert [query["sql"] for query in queries if query["sql"].startswith(written)] == []


# More than one at a time, and what ends in the middle


def begun(viewer: Client, form: str = "csv") -> Any:
    """An export of three parts of which nothing has been sent yet."""
    answer = viewer.get(f"{LIST}export.{form}")
    assert answer.status_code == 200 and answer.streaming
    return answer


def leave(answer: Any) -> None:
    """As answer.close(), but for the signal by which Django would close the connection that holds the test."""
    for closer in answer._resource_closers:
        closer()


@pytest.fixture
def many(source: Source, small_batches: None) -> None:
    for n in range(25):
        put(source, f"image-{n:02}", key=str(n))


def test_a_second_export_of_a_person_waits_for_the_first(many: None, viewer: Client) -> None:
    first = begun(viewer)
    refused = viewer.get(f"{LIST}export.json")
    assert refused.status_code == 429 and int(refused["Retry-After"]) > 0
    assert "Another export of yours" in refused.content.decode()
    assert len(records(first)) == 25
    assert len(records(viewer.get(f"{LIST}export.csv"))) == 25, "and then there is a place again"


def test_exports_leave_threads_for_pages(
    many: None, alice: User, eve: User, bob: User, as_user: Callable[..., Client]
) -> None:
    going = [begun(as_user(user)) for user in (alice, eve)]
    assert len(going) == export.MOST_AT_ONCE < 4
    refused = as_user(bob).get(f"{LIST}export.csv")
    assert refused.status_code == 503 and "Others are exporting" in refused.content.decode()
    leave(going.pop())
    assert len(records(as_user(bob).get(f"{LIST}export.csv"))) == 25, "who goes away makes room"
    assert len(records(going.pop())) == 25


@pytest.mark.parametrize("asked", ["HEAD", "GET"])
def test_what_nobody_reads_gives_its_place_back(asked: str, many: None, viewer: Client) -> None:
    leave(viewer.generic(asked, f"{LIST}export.csv"))
    assert len(records(viewer.get(f"{LIST}export.csv"))) == 25


class Gone(Exception):
    """What a database that goes away looks like to the export."""


@pytest.fixture
def third_batch_fails(many: None, monkeypatch: pytest.MonkeyPatch) -> None:
    real = pages.select

    def select(*args: Any, position: Any = None, **options: Any) -> Any:
        found = real(*args, position=position, **options)
        if len(found) < 10:
            raise Gone
        return found

    monkeypatch.setattr(pages, "select", select)


@pytest.mark.parametrize("form", export.FORMATS)
def test_an_export_that_breaks_off_does_not_look_whole(form: str, third_batch_fails: None, viewer: Client) -> None:
    answer, found = begun(viewer, form), b""
    with pytest.raises(Gone):
        for part in answer:
            found += part
    assert found.count(b"image-19") >= 1, "what was read before it broke is there"
    if form == "csv":
        rows = list(csv.reader(io.StringIO(found.decode(), newline="")))
        assert len(rows[-1]) == 1 != len(rows[0]) and "INCOMPLETE" in rows[-1][0]
    else:
        with pytest.raises(json.JSONDecodeError):
            json.loads(found if form == "json" else found.splitlines()[-1])
    with pytest.raises(Gone):
        list(begun(viewer, form))  # its place was given back


def test_what_fails_at_once_is_a_page_and_no_file(many: None, viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def select(*args: Any, **options: Any) -> Any:
        raise Gone

    monkeypatch.setattr(pages, "select", select)
    viewer.raise_request_exception = False
    answer = viewer.get(f"{LIST}export.csv")
    assert answer.status_code == 500 and "Content-Disposition" not in answer
