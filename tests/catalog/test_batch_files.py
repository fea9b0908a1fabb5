"""Files of registrations as people, spreadsheets and scripts write them, and as somebody hostile would."""

import json

import pytest

from catalog import batch_files
from catalog.batch_files import LARGEST, MOST_ROWS, NotReadable, as_yaml, read_file, read_text, without_passwords
from tests.catalog.registration.asked import CANARY

CSV = "type,name,version,image_id\nvm,cfd-base,1.10,m-1\nvm,solver,,m-2\n"
YAML = """
# what the solvers need
- type: vm
  name: cfd-base
  version: 1.10
  image_id: m-1
- {type: vm, name: "solver", version: ~, image_id: 'm-2'}
"""
TWO = [
    {"type": "vm", "name": "cfd-base", "version": "1.10", "image_id": "m-1"},
    {"type": "vm", "name": "solver", "version": None, "image_id": "m-2"},
]


def values(file) -> list[dict]:
    assert all(not row.errors for row in file.rows), file.rows
    return [row.values for row in file.rows]


@pytest.mark.parametrize(
    ("data", "name", "unit", "places"),
    [
        (CSV.encode(), "images.csv", "row", [2, 3]),
        (CSV.encode(), "", "row", [2, 3]),
        (b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode(), "images.csv", "row", [2, 3]),
        (CSV.replace(",", ";").encode(), "images.csv", "row", [2, 3]),
        (CSV.replace(",", ";").encode(), "", "row", [2, 3]),
        (CSV.replace(",", "\t").encode("utf-16"), "images.txt", "row", [2, 3]),
        (CSV.replace(",", "\t").encode(), "images.tsv", "row", [2, 3]),
        (CSV.replace("\n", "\n,,,\n\n").encode(), "images.csv", "row", [4, 7]),
        (CSV.replace("type,name", "Type , NAME").replace("image_id", "Image ID,").encode(), "a.csv", "row", [2, 3]),
        (YAML.encode(), "images.yaml", "line", [3, 7]),
        (YAML.encode(), "", "line", [3, 7]),
        (b"---\n" + YAML.encode() + b"\n...\n", "", "line", [4, 8]),
        (json.dumps(TWO).replace('"1.10"', "1.10").encode(), "", "entry", [1, 2]),
        (json.dumps(TWO, indent="\t").encode(), "images.json", "entry", [1, 2]),
        (b"\xef\xbb\xbf" + json.dumps(TWO).encode(), "", "entry", [1, 2]),
    ],
)
def test_it_reads_what_people_write(data, name, unit, places):
    file = read_file(data, name)
    assert (file.unit, [row.at for row in file.rows]) == (unit, places)
    assert [{name: one.get(name) for name in TWO[0]} for one in values(file)] == TWO


def test_one_mapping_is_a_list_of_one():
    assert values(read_text("type: vm\nname: a\n")) == values(read_text('{"type": "vm", "name": "a"}'))


def test_a_value_is_the_text_that_stands_there():
    """YAML and JSON would make numbers, dates and truths of these."""
    odd = ["1.10", "0755", "NO", "on", "2026-01-02", "1e3", "12:30:45", "true", "0x1F", ".5", "=1+1"]
    read = read_text("".join(f"- {{name: {text}}}\n" for text in odd))
    assert [row.values["name"] for row in read.rows] == odd
    assert values(read_text('[{"version": 1.10, "name": 12345678901234567890123}]')) == [
        {"version": "1.10", "name": "12345678901234567890123"}
    ]
    assert values(read_text("- {name: 'null', version: null}\n- {name: \"~\", version: }\n")) == [
        {"name": "null", "version": None},
        {"name": "~", "version": None},
    ]


def test_flags_may_be_written_as_spreadsheets_and_people_do():
    read = read_text("type,name,is_acr,is_acr_enterprise\nvm,a,TRUE,no\nvm,b,1,\nvm,c,maybe,0\n")
    assert [(one["is_acr"], one["is_acr_enterprise"]) for one in values(read)] == [
        (True, False), (True, None), ("maybe", False),
    ]  # fmt: skip
    assert values(read_text("- {is_acr: yes}"))[0]["is_acr"] is True
    assert values(read_text('[{"is_acr": false}]'))[0]["is_acr"] is False


def test_text_with_every_kind_of_mark_survives_both_ways():
    nasty = 'a,b;c\t"d"\n第二行 ‮rtl {x}: #no & *no !no'
    quoted = '"' + nasty.replace('"', '""') + '"'
    assert values(read_text(f"type,name,description\nvm,a,{quoted}\n"))[0]["description"] == nasty
    image = {"type": "vm", "name": "a", "description": nasty, "version": "1.10", "is_acr": True, "region": "NO"}
    assert values(read_text(as_yaml([image]), "x.yaml")) == [image]


HOSTILE = {
    "nothing": (b"", "", "nothing in it"),
    "white space": (b" \n\t\n", "", "nothing in it"),
    "only a header": (b"type,name\n", "", "no image in it"),
    "an empty list": (b"[]", "", "no image in it"),
    "an empty list in YAML": (b"- \n", "a.yaml", None),
    "a comment": (b"# later\n", "a.yaml", "no image in it"),
    "null": (b"null", "a.json", "no list of images"),
    "NUL": (b"type,name\nvm,a\0b\n", "a.csv", "not text in UTF-8"),
    "UTF-16 without a mark": (CSV.encode("utf-16-le"), "a.csv", "not text in UTF-8"),
    "half of UTF-16": (b"\xff\xfe" + CSV.encode("utf-16-le")[:-1], "a.csv", "not text in UTF-8"),
    "GBK": ("type,name\nvm,镜像\n".encode("gbk"), "a.csv", "not text in UTF-8"),
    "a spreadsheet": (b"PK\x03\x04\x14\x00\x06\x00", "a.xlsx", "not text in UTF-8"),
    "no header": (b"vm,cfd-base,1.10,m-1\n", "a.csv", "The first row names the columns"),
    "an unknown column": (b"type,name,colour\nvm,a,red\n", "", "no column \u201ccolour\u201d"),
    "a column twice": (b"type,name,Name\nvm,a,b\n", "", "\u201cname\u201d is there twice"),
    "no name": (b"type,image_id\nvm,m-1\n", "", "\u201cname\u201d is missing"),
    "an open quote": (b'type,name\nvm,"a\n', "", "Row 2 is not CSV"),
    "a quote in the middle": (b'type,name\nvm,"a"b\n', "", "Row 2 is not CSV"),
    "a cell of 200 KB": (b"type,name\nvm," + b"x" * 200_000, "", "Row 2 has a cell that is much too long"),
    "a cell of 1 MB": (b"type,name\nvm," + b"x" * 1_000_000, "", "larger than 512 KB"),
    "one too many": (b"type,name\n" + b"vm,a\n" * (MOST_ROWS + 1), "", "more than 500 images"),
    "one too many in YAML": (b"- {name: a}\n" * (MOST_ROWS + 1), "", "more than 500 images"),
    "an alias": (b"- &a {name: x}\n- *a\n", "", "Line 1: put a value that begins with &, * or !"),
    "a merge": (b"- name: x\n  <<: *base\n", "", "Line 2: put a value"),
    "a Python object": (b"- !!python/object/apply:os.system ['id']\n", "a.yml", "Line 1: put a value"),
    "a password that begins like a tag": (b"- name: x\n  registry_password: !secret\n", "", "Line 2: put a value"),
    "a scalar": (b"register everything", "", "no list of images"),
    "two documents": (b"- name: x\n---\n- name: y\n", "", "after --- another begins"),
    "bad indentation": (b"- name: x\n version: 1\n", "", "Line 2 is not YAML"),
    "tabs": (b"- name: x\n\tversion: 1\n", "", "Line 2 is not YAML"),
    "an open bracket": (b"- name: [x\n", "a.yaml", "is not YAML"),
    "control characters": (b"- name: a\x07b\n", "a.yaml", "characters that no text has"),
    "broken JSON": (b'[{"name": "a",\n}]', "", "is not JSON"),
    "deep JSON": (b"[" * 100_000, "", "not JSON"),
    "deep YAML": (b"[" * 100_000, "a.yaml", "no list of images"),
    "JSON's own scalar": (b'"x"', "a.json", "no list of images"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_cannot_be_read_is_refused_in_one_sentence(case):
    data, name, why = HOSTILE[case]
    if why is None:
        assert [row.errors for row in read_file(data, name).rows] != [{}]
        return
    with pytest.raises(NotReadable) as refusal:
        read_file(data, name)
    assert why in str(refusal.value) and len(str(refusal.value)) < 400


def test_a_bomb_of_aliases_is_refused_at_its_first():
    bomb = "a: &a [lol,lol]\n" + "".join(f"b{n}: &b{n} [{'*a,' * 9}*a]\n" for n in range(30))
    with pytest.raises(NotReadable, match="Line 1"):
        read_text(bomb, "a.yaml")


def test_a_sentence_repeats_no_value():
    for text in (f"- {{name: x, registry_password: {CANARY}", f"vm,x,{CANARY}\n", f'[{{"registry_password": "{CANARY}'):
        with pytest.raises(NotReadable) as refusal:
            read_text(text)
        assert "c4nary" not in str(refusal.value)


@pytest.mark.parametrize(
    "text", ["- [vm, a]\n- {name: b}\n", '[["vm"], {"name": "b"}]', "- vm\n- name: b\n", "[1, {}]"]
)
def test_an_entry_that_is_no_image_is_an_error_of_its_row(text):
    first, second = read_text(text).rows
    assert "needs at least type: and name:" in first.errors[""] and not second.errors


def test_a_name_that_is_given_twice_is_an_error():
    for text in ("- {name: a, name: b}", '[{"name": "a", "name": "b"}]'):
        assert "given twice" in read_text(text).rows[0].errors["name"]


def test_half_a_character_is_an_error_and_goes_no_further():
    (row,) = read_text(r'[{"type": "vm", "name": "a\ud800", "\udc00": "x"}]').rows
    assert row.values == {"type": "vm", "name": "a?", "?": "x"} and "no text has" in row.errors["name"]


def test_a_row_with_more_cells_than_columns_is_an_error():
    good, bad = read_text("type,name\nvm,a,,\nvm,b,,c\n").rows
    assert not good.errors and "more cells" in bad.errors[""]


def test_what_is_nested_stands_for_nothing():
    (row,) = read_text("- name: [a, {b: [c]}]\n  version: {x: y}\n  ? [k]\n  : v\n  image_id: m-1\n").rows
    assert row.values == {"name": [], "version": [], "": "v", "image_id": "m-1"}


def test_a_large_file_is_read_soon():
    text = "".join(f"- type: vm\n  name: image-{n}\n  description: {'d' * 900}\n" for n in range(MOST_ROWS))
    assert len(text) < LARGEST and len(read_text(text).rows) == MOST_ROWS


def test_both_parsers_of_yaml_read_the_same(monkeypatch):
    fast = read_text(YAML).rows
    monkeypatch.setattr(batch_files, "_LOADER", batch_files.yaml.BaseLoader)
    assert read_text(YAML).rows == fast
    for case in (
        "an alias",
        "a merge",
        "bad indentation",
        "tabs",
        "an open bracket",
        "deep YAML",
        "control characters",
    ):
        with pytest.raises(NotReadable):
            read_file(HOSTILE[case][0], "a.yaml")


@pytest.mark.parametrize(
    "text",
    [
        f"type,name,registry_password\ncontainer,a,{CANARY.replace('"', '')}\n",
        f"- {{name: a, registry_password: {json.dumps(CANARY)}}}",
        json.dumps([{"name": "a", "registry_password": CANARY}]),
        json.dumps([{"name": "a", "Registry password": CANARY}]),
        f"- {{name: a, passwd: {json.dumps(CANARY)}}}",
    ],
)
def test_a_text_is_shown_again_without_its_passwords(text):
    again = without_passwords(text, read_text(text).rows)
    assert "c4nary" not in again and read_text(again).rows[0].values["name"] == "a"


def test_a_text_without_passwords_is_shown_again_as_it_was():
    assert without_passwords(YAML, read_text(YAML).rows) == YAML
    assert without_passwords("- name: [x\n", []) == "- name: [x\n"


@pytest.mark.parametrize(
    "text", ["container,x,hunter2\n", "- name: [x\n  registry_password: y", "Registry Password;name"]
)
def test_a_text_that_was_not_read_and_may_hold_a_password_is_not_shown_again(text):
    assert without_passwords(text, []) == ""
