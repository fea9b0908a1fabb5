"""From a RemoteImage to a row: the content hash, what PostgreSQL cannot hold, derived columns, search pieces."""

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

import pytest
from django.db import connection

from catalog import rows, search
from catalog.models import Image
from catalog.providers.base import Page, RemoteImage
from tests.catalog.test_sync import sync

IMAGE = RemoteImage(
    key="k",
    remote_id="m-1",
    name="CentOS 7.6 云计算",
    type="vm",
    region="cn-hangzhou",
    size_gib=40,
    distribution="CentOS",
    os_version="7.6",
    remote_created_at=datetime(2024, 1, 2, tzinfo=UTC),
    provenance={"name": "reported", "os": "derived"},
    document={"b": {"y": 1, "x": [1, None]}, "a": "text"},
)


def digest(image: RemoteImage) -> bytes:
    return rows.content_hash(image)[1]


def test_the_hash_is_sixteen_bytes_and_the_same_each_time():
    assert len(digest(IMAGE)) == 16 and digest(IMAGE) == digest(replace(IMAGE))


@pytest.mark.parametrize(
    "same",
    [
        {"document": {"a": "text", "b": {"x": [1, None], "y": 1}}},
        {"provenance": {"os": "derived", "name": "reported"}},
        {"provenance": MappingProxyType(dict(IMAGE.provenance))},
    ],
)
def test_the_hash_does_not_see_the_order_of_keys(same):
    assert digest(replace(IMAGE, **same)) == digest(IMAGE)


@pytest.mark.parametrize(
    "other",
    [
        {"name": "CentOS 7.7"},
        {"size_gib": 41},
        {"size_gib": None},
        {"remote_created_at": None},
        {"extra": {"bare_metal": True}},
        {"provenance": {}},
        {"document": {}},
        {"state": "failed"},
        {"cluster": "c"},
    ],
)
def test_the_hash_sees_every_field(other):
    assert digest(replace(IMAGE, **other)) != digest(IMAGE)


def test_the_hash_sees_another_mapping(monkeypatch):
    before = digest(IMAGE)
    monkeypatch.setattr(rows, "MAPPING", rows.MAPPING + 1)
    assert digest(IMAGE) != before


def nested(depth: int) -> dict:
    document: dict = {}
    for _ in range(depth):
        document = {"d": document}
    return document


HARMFUL = {
    "nul": {"name": "a\0b", "description": "\0", "document": {"k\0": "v\0"}},
    "surrogate": {"name": "a\ud800b", "document": {"k": ["\udfff"]}},
    "number": {"size_gib": 2**63, "min_ram_mb": -(2**70), "document": {"n": 2**80, "m": [2**64]}},
    "infinite": {"document": {"n": float("inf"), "m": float("nan")}},
    "deep": {"document": nested(500)},
    "long": {"region": "r" * 500, "cluster": "c" * 500, "key": "k" * 5_000, "name": "n" * 100_000},
    "long version": {"os_version": "9" * 1_000, "distribution": "d" * 5_000, "description": "词" * 300_000},
}


@pytest.mark.django_db
@pytest.mark.parametrize("harm", HARMFUL.values(), ids=HARMFUL)
def test_what_postgresql_cannot_hold_is_made_harmless(simulated, make_source, monkeypatch, harm):
    source = make_source("alibaba_ens_self")
    image = replace(IMAGE, **harm)
    monkeypatch.setattr("catalog.sync.list_pages", lambda *words: iter([Page(scope="", number=1, images=[image])]))
    run = sync(source)
    assert (run.state, run.listed, run.error) == ("complete", 1, None)
    assert sync(source).changed == 0
    row = Image.objects.get()
    found = rows.columns(image)
    assert {name: getattr(row, name) for name in found if name in rows.REPORTED_COLUMNS} == {
        name: value for name, value in found.items() if name in rows.REPORTED_COLUMNS
    }
    assert row.key == found["key"] and row.search_pieces == found["search_pieces"]


def test_nul_and_lone_surrogates_become_the_replacement_character():
    assert rows.columns(replace(IMAGE, name="a\0b\ud800c😀"))["name"] == "a�b�c😀"


def test_numbers_beyond_bigint_are_unknown():
    found = rows.columns(replace(IMAGE, size_gib=2**63, min_ram_mb=2**63 - 1, min_disk_gb=0))
    assert (found["size_gib"], found["min_ram_mb"], found["min_disk_gb"]) == (None, 2**63 - 1, 0)


def test_a_key_too_long_for_the_index_is_cut_and_told_apart():
    one, other = (rows.columns(replace(IMAGE, key="键" * 2_000 + end))["key"] for end in "ab")
    assert one != other and len(one.encode()) <= rows.KEY_BYTES


@pytest.mark.parametrize(
    ("distribution", "facet"),
    [
        ("CentOS", "CentOS"),
        ("Windows Server", "Windows Server"),
        ("Homemade 1", "other"),
        (None, "unknown"),
        ("", "unknown"),
    ],
)
def test_the_distribution_facet_is_a_known_name_other_or_unknown(distribution, facet):
    assert rows.distribution_facet(distribution) == facet


def test_the_version_facet_is_cut_and_never_empty():
    assert rows.os_version_facet("7.6") == "7.6" and rows.os_version_facet(None) == "unknown"
    assert rows.os_version_facet("") == "unknown" and len(rows.os_version_facet("9" * 100)) == 60


@pytest.mark.parametrize("letter", ["İ", "A", "ﬃ"])
def test_the_name_key_fits_its_column_whatever_folding_does(letter):
    assert len(rows.name_key(letter * 500)) == 200 and rows.name_key("ABC") == "abc"


def test_the_search_text_has_each_part_once_a_line_folded():
    text = search.search_text("Nginx:1.25", "m-ABC", "nginx", "1.25", "Ｗｅｂ server\nof ours")
    assert text == "nginx:1.25\nm-abc\nnginx\n1.25\nweb server\nof ours"
    assert search.search_text("same", "same", None, "", None) == "same"


def test_a_long_description_is_searched_in_its_beginning():
    text = search.search_text("n", "i", None, None, "x" * 1_000_000)
    assert len(text) < 10_000


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("ubuntu 22.04", ["2", "22", "0", "04", "u", "ub"]),
        ("m-bp1", ["m", "b", "bp"]),
        ("云计算", ["云", "计", "算", "云计", "计算"]),
        ("a股票2", ["a", "股", "票", "股票", "2"]),
        ("cuda_12", ["c", "cu", "1", "12"]),
        ("дом", ["д", "до"]),
        ("かな", ["か", "な", "かな"]),
        ("", []),
        ("--- ¿", []),
    ],
)
def test_pieces_are_cjk_characters_and_pairs_and_the_starts_of_words(text, pieces):
    assert search.search_pieces(text) == sorted(pieces)


@pytest.mark.parametrize(
    ("word", "pieces"),
    [("云", ["云"]), ("计算", ["计算"]), ("a股", ["a", "股"]), ("ub", ["ub"]), ("u", ["u"]), ("--", [])],
)
def test_a_short_word_is_looked_up_by_its_pieces(word, pieces):
    assert search.query_pieces(word) == pieces


@pytest.mark.parametrize(
    ("word", "has_trigrams", "is_piece", "is_at_starts"),
    [
        ("cuda", True, True, False),
        ("7.9", True, False, False),
        ("-a", True, False, False),
        ("ab-", True, False, False),
        ("ab", False, True, True),
        ("c++", False, False, True),
        ("a股", False, False, True),
        ("股a", False, False, False),
        ("境-", False, False, False),
        ("计算", False, True, False),
        ("---", False, False, False),
    ],
)
def test_which_index_a_word_is_looked_up_in(word, has_trigrams, is_piece, is_at_starts):
    assert (search.has_trigrams(word), search.is_piece(word), search.is_at_starts(word)) == (
        has_trigrams, is_piece, is_at_starts)  # fmt: skip


@pytest.mark.parametrize(
    ("word", "patterns"),
    [
        ("ubuntu", ["%ubu%ntu%"]),
        ("gromacs", ["%gro%mac%", "%acs%"]),
        ("linux", ["%lin%", "%nux%"]),
        ("windows", ["%win%dow%", "%ows%"]),
        ("分子动力学", ["%分子动%", "%动力学%"]),
        ("cuda", []),
        ("centos-7", []),
        ("a_b_c_d", []),
    ],
)
def test_an_index_is_asked_for_as_few_trigrams_as_hold_every_letter(word, patterns):
    assert search.covering_patterns(word) == patterns


@pytest.mark.django_db
@pytest.mark.parametrize("word", ["ubuntu", "gromacs", "linux", "分子动力学模拟", "überall", "ﬁle7e9"])
def test_whatever_has_a_word_answers_the_patterns_of_it(word):
    word = search.fold(word)
    with connection.cursor() as cursor:
        for text in (word, f"my-{word}", f"{word}{word}", f"x{word}y\nz"):
            for pattern in search.covering_patterns(word):
                cursor.execute("SELECT %s LIKE %s", [text, pattern])
                assert cursor.fetchone() == (True,), (text, pattern)


@pytest.mark.django_db
@pytest.mark.parametrize("word", ["cuda", "7.9", "-a-", "ab-", "_a_", ".计.", "v1.", "дом", "计算机"])
def test_the_database_knows_trigrams_where_we_say_so(word):
    """Of a pattern without any it reads the whole index."""
    pattern = f"%{word}%".replace("_", r"\_")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE texts AS SELECT n::text AS t FROM generate_series(1, 1000) AS n")
        cursor.execute("CREATE INDEX ON texts USING gin (t gin_trgm_ops)")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) SELECT 1 FROM texts WHERE t LIKE %s", [pattern])
        plan = cursor.fetchone()[0][0]["Plan"]
    assert search.has_trigrams(word) and plan["Plans"][0]["Actual Rows"] < 1000, plan


def test_pieces_of_ascii_are_the_same_on_the_short_way():
    text = "Ubuntu_22.04 m-bp1 x86_64 -- a b2 CUDA".lower()
    assert search.search_pieces(text) == search.search_pieces(text + " \u00a0")


def test_every_piece_of_a_query_is_a_piece_of_the_text_it_is_in():
    text = search.fold("气象预报-生产 Ubuntu 22.04 GPU云")
    for start in range(len(text)):
        for word in (text[start : start + 1], text[start : start + 2]):
            at_word_start = start == 0 or not text[start - 1].isascii() or not text[start - 1].isalnum()
            if at_word_start or not word[0].isascii():
                assert set(search.query_pieces(word)) <= set(search.search_pieces(text)), word
