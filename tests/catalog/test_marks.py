"""Labels, stars and notes: what each may be, who writes them, and that search, facets and the audit trail know them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import AuditEvent, Team, User
from catalog import actions
from catalog.actions import ActionError, CountChanged, NoteConflict
from catalog.browse import parse
from catalog.counts import count
from catalog.locks import LOCK_SQL, lock_name
from catalog.marks import MOST_OF_IMAGE, MOST_OF_TEAM, label_names, label_of, note_digest, split_labels, team_labels
from catalog.models import FacetCount, Image, Source
from catalog.search import own_text, search_pieces, search_text
from catalog.selection import Condition, matching
from tests.catalog.shelf import put
from tests.catalog.test_facets import counted, kept
from tests.waiting import at_once


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    return make_source("alibaba_ehpc_custom")


def events(action: str = "") -> list[tuple]:
    found = AuditEvent.objects.filter(action__startswith=action or "image.").order_by("id")
    return list(found.values_list("actor", "action", "target", "target_id", "changes"))


def found(team: Team, query: str) -> list[str]:
    where = matching(parse(query, team.id, []))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT i.name FROM catalog_image i WHERE {where.sql} ORDER BY 1", where.params)
        return [name for (name,) in cursor.fetchall()]


def facet(team: Team, dimension: str) -> dict[str, int]:
    return count(parse("", team.id, [])).facets[dimension]


def fresh(image: Image) -> tuple[str, list[str]]:
    """What is to be searched of an image, computed anew."""
    text = search_text(image.name, image.remote_id, image.repository, image.tag, image.description)
    text += own_text(image.labels, image.note)
    return text, search_pieces(text)


def check_search() -> None:
    for image in Image.objects.all():
        assert (image.search_text, image.search_pieces) == fresh(image)
        assert image.own_text == own_text(image.labels, image.note)


# What a mark may be


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("Gold", "gold"),
        ("  team\t blue ", "team blue"),
        ("Cafe\u0301", "café"),
        ("黄金镜像", "黄金镜像"),
        ("İ" * 20, "i̇" * 20),
    ],
)
def test_a_label_has_one_spelling(typed: str, label: str) -> None:
    assert label_of(typed) == label == label_of(label)


@pytest.mark.parametrize(
    "typed",
    ["", " \n", "a,b", "a\uff0cb", "x" * 41, "İ" * 21, "Unknown", "a\0b", "a\x1b[31m", "\u202egpj", "\u200b", "\ud800"],
)
def test_what_is_no_label_is_refused_in_one_sentence(team: Team, source: Source, alice: User, typed: str) -> None:
    image = put(source, "one")
    with pytest.raises(ActionError) as refusal:
        actions.add_labels(team, alice, [image.id], [typed])
    assert refusal.value.field == "label" and str(refusal.value).count(".") == 1
    assert not Image.objects.exclude(labels=[]).exists() and events() == []


def test_labels_are_typed_with_commas_between_them() -> None:
    assert split_labels("Gold, team blue\uff0ccuda,, ") == ["Gold", " team blue", "cuda"]


def test_an_image_has_ten_labels_at_most(team: Team, source: Source, eve: User) -> None:
    full, other = put(source, "full"), put(source, "other")
    actions.add_labels(team, eve, [full.id], [f"l{n}" for n in range(MOST_OF_IMAGE)])
    assert actions.add_labels(team, eve, [full.id], ["L3"]) == 0, "it has that one"
    with pytest.raises(ActionError, match="at most 10 labels"):
        actions.add_labels(team, eve, [full.id], ["l10"])
    with pytest.raises(ActionError, match="1 of these would have more"):
        actions.add_labels(team, eve, [full.id, other.id], ["l10"])
    other.refresh_from_db()
    assert other.labels == [] and len(events()) == 1


def test_a_team_has_two_hundred_labels_at_most(team: Team, source: Source, eve: User) -> None:
    images = [put(source, f"i{n}") for n in range(21)]
    for n in range(20):
        actions.add_labels(team, eve, [images[n].id], [f"l{n}-{m}" for m in range(10)])
    assert len(team_labels(team.id)) == MOST_OF_TEAM
    with pytest.raises(ActionError, match="at most 200 different labels"):
        actions.add_labels(team, eve, [images[20].id], ["one more"])
    assert actions.add_labels(team, eve, [images[20].id], ["l0-0"]) == 1, "one that is there"
    actions.delete_label(team, eve, "l19-9")
    assert actions.add_labels(team, eve, [images[20].id], ["one more"]) == 1


# Writing them


def test_labels_are_facets_and_search_words_and_audited(team: Team, source: Source, eve: User) -> None:
    one, two = put(source, "alpha"), put(source, "beta", description="gold mine")
    assert actions.add_labels(team, eve, [one.id, two.id], ["Gold", "重要"]) == 2
    one.refresh_from_db()
    assert one.labels == ["gold", "重要"]
    assert facet(team, "label") == {"gold": 2, "重要": 2}
    assert (
        found(team, "q=gold")
        == found(team, "q=重要")
        == found(team, "q=go")
        == found(team, "label=gold")
        == ["alpha", "beta"]
    )
    assert actions.remove_labels(team, eve, [one.id, two.id], ["gold"]) == 2
    assert found(team, "q=gold") == found(team, "q=go") == ["beta"], "whose description has the word"
    assert facet(team, "label") == {"重要": 2}
    ids = {str(one.id), str(two.id)}
    (first, second) = events()
    assert first[:4] == ("eve@example.org", "image.labelled", "", None) and second[1] == "image.unlabelled"
    assert first[4].pop("ids") and first[4] == {"labels": ["gold", "重要"], "images": 2}
    assert set(second[4]["ids"]) == ids
    check_search()
    assert kept() == counted()


def test_a_star_is_a_facet_and_audited_once(team: Team, source: Source, eve: User) -> None:
    image, _other = put(source, "alpha"), put(source, "beta")
    assert actions.set_star(team, eve, [image.id], True) == 1
    assert actions.set_star(team, eve, [image.id], True) == 0
    assert facet(team, "star") == {"yes": 1, "no": 1} and found(team, "star=yes") == ["alpha"]
    assert actions.set_star(team, eve, [image.id], False) == 1
    assert events() == [
        ("eve@example.org", "image.starred", "alpha", image.id, {}),
        ("eve@example.org", "image.unstarred", "alpha", image.id, {}),
    ]
    assert kept() == counted()


def test_a_note_is_searched_and_audited(team: Team, source: Source, eve: User) -> None:
    image = put(source, "alpha")
    assert actions.set_note(team, eve, image, " Do NOT use\r\nbroken 驱动 ")
    image.refresh_from_db()
    assert image.note == "Do NOT use\nbroken 驱动"
    assert found(team, "q=broken") == found(team, "q=驱动") == found(team, "q=驱") == ["alpha"]
    assert not actions.set_note(team, eve, image, image.note)
    assert actions.set_note(team, eve, image, "fine", seen=note_digest(image.note))
    assert found(team, "q=broken") == found(team, "q=驱") == [] and found(team, "q=fine") == ["alpha"]
    assert [row[4] for row in events("image.noted")] == [
        {"note": ["", "Do NOT use\nbroken 驱动"]},
        {"note": ["Do NOT use\nbroken 驱动", "fine"]},
    ]
    check_search()


@pytest.mark.parametrize("note", ["x" * 4001, "a\0b", "\x1b[31m", "\ud800"])
def test_what_is_no_note_is_refused(team: Team, source: Source, eve: User, note: str) -> None:
    image = put(source, "alpha")
    with pytest.raises(ActionError) as refusal:
        actions.set_note(team, eve, image, note)
    assert refusal.value.field == "note" and events() == []


def test_who_did_not_see_the_others_note_is_told(team: Team, source: Source, eve: User, alice: User) -> None:
    image = put(source, "alpha")
    shown = note_digest(image.note)
    actions.set_note(team, eve, image, "hers", seen=shown)
    with pytest.raises(NoteConflict) as conflict:
        actions.set_note(team, alice, image, "mine", seen=shown)
    assert conflict.value.note == "hers"
    image.refresh_from_db()
    assert image.note == "hers" and len(events("image.noted")) == 1
    assert actions.set_note(team, alice, image, "mine", seen=note_digest("hers"))


def test_one_transaction_marks_what_a_filter_selects(team: Team, source: Source, eve: User) -> None:
    for n in range(25):
        put(source, f"i{n}", arch="arm64" if n % 5 == 0 else "x86_64")
    asked = parse("arch=arm64", team.id, [])
    with pytest.raises(CountChanged) as changed:
        actions.add_labels(team, eve, matching(asked), ["edge"], query=asked.query(), expected=4)
    assert changed.value.now == 5 and events() == []
    assert actions.add_labels(team, eve, matching(asked), ["edge"], query=asked.query(), expected=5) == 5
    ((actor, action, *_rest, told),) = events()
    ids = {str(one) for one in Image.objects.filter(arch="arm64").values_list("id", flat=True)}
    assert (actor, action, set(told.pop("ids"))) == ("eve@example.org", "image.labelled", ids)
    assert told == {"labels": ["edge"], "images": 5, "query": "arch=arm64"}
    assert actions.set_star(team, eve, matching(asked), True, query=asked.query()) == 5
    assert facet(team, "label") == {"edge": 5, "unknown": 20}


def test_more_than_ten_thousand_images_are_refused(
    team: Team, source: Source, eve: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.actions.marks.MOST_AT_ONCE", 3)
    images = [put(source, f"i{n}") for n in range(4)]
    with pytest.raises(ActionError, match="more than 3 images"):
        actions.set_star(team, eve, Condition("true", []), True)
    assert actions.set_star(team, eve, [image.id for image in images[:3]], True) == 3


def test_another_teams_images_are_out_of_reach(
    team: Team, source: Source, eve: User, other_team: Team, make_account: Any, make_source: Any
) -> None:
    theirs = put(make_source("alibaba_ehpc_custom", make_account(team=other_team)), "theirs")
    assert actions.add_labels(team, eve, [theirs.id], ["gold"]) == 0
    assert actions.set_star(team, eve, Condition("true", []), True) == 0
    with pytest.raises(ActionError, match="no longer there"):
        actions.set_note(team, eve, theirs, "mine")
    theirs.refresh_from_db()
    assert (theirs.labels, theirs.starred, theirs.note) == ([], False, "") and events() == []


@pytest.mark.django_db(transaction=True)
def test_it_says_so_while_a_sync_is_being_applied(team: Team, source: Source, eve: User) -> None:
    image = put(source, "alpha")
    other = connections["default"].copy()
    try:
        with transaction.atomic(), other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(LOCK_SQL, [lock_name(source.id)])
        with pytest.raises(ActionError, match="A sync is being applied"):
            actions.add_labels(team, eve, [image.id], ["gold"])
    finally:
        other.close()
    assert actions.add_labels(team, eve, [image.id], ["gold"]) == 1


@pytest.mark.django_db(transaction=True)
def test_many_editors_at_once_lose_nothing(team: Team, eve: User, make_source: Any) -> None:
    sources = [make_source("alibaba_ehpc_custom", region=f"cn-{n}") for n in range(3)]
    ids = [put(source, f"i{n}").id for source in sources for n in range(5)]
    forwards, backwards = ids, ids[::-1]
    at_once(
        lambda: actions.add_labels(team, eve, forwards, ["one"]),
        lambda: actions.add_labels(team, eve, backwards, ["two"]),
        lambda: actions.set_star(team, eve, backwards, True),
        lambda: actions.add_labels(team, eve, forwards, ["three"]),
    )
    assert all(image.labels == ["one", "three", "two"] and image.starred for image in Image.objects.all())
    check_search()
    assert kept() == counted()


# A label of the whole team


def test_a_label_is_renamed_everywhere(team: Team, source: Source, eve: User) -> None:
    one, both = put(source, "one"), put(source, "both")
    put(source, "none")
    actions.add_labels(team, eve, [one.id, both.id], ["glod"])
    actions.add_labels(team, eve, [both.id], ["gold"])
    assert actions.rename_label(team, eve, "glod", " Gold ") == (2, 0)
    assert {image.name: image.labels for image in Image.objects.all()} == {
        "one": ["gold"],
        "both": ["gold"],
        "none": [],
    }
    assert found(team, "q=glod") == [] and found(team, "q=gold") == ["both", "one"]
    ((*said, told),) = events("label.")
    assert said == ["eve@example.org", "label.renamed", "glod", None] and len(told.pop("ids")) == 2
    assert told == {"to": "gold", "images": 2}
    assert actions.rename_label(team, eve, "glod", "x") == (0, 0) and len(events("label.")) == 1


def test_a_label_is_deleted_everywhere_a_part_at_a_time(
    team: Team, source: Source, eve: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.actions.marks.MOST_AT_ONCE", 2)
    for n in range(5):
        image = put(source, f"i{n}", row={"state": "archived"} if n == 4 else {})
        actions.add_labels(team, eve, [image.id], ["old", "kept"])
    assert (team_labels(team.id)["old"].shelf, team_labels(team.id)["old"].archived) == (4, 1)
    assert label_names(team.id) == list(team_labels(team.id)) == ["kept", "old"]
    assert [actions.delete_label(team, eve, "old") for _ in range(4)] == [(2, 3), (2, 1), (1, 0), (0, 0)]
    assert label_names(team.id) == list(team_labels(team.id)) == ["kept"]
    assert [{name: n for name, n in row[4].items() if name != "ids"} for row in events("label.deleted")] == [
        {"images": 2, "left": 3},
        {"images": 2, "left": 1},
        {"images": 1},
    ]
    check_search()


# Any history

WORDS = ["gold", "Team Blue", "重要", "x", "ab_cd", "ﬁne", "ñandú", "gpu-a100", "машина", "ab"]
marks_made = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "star", "note", "rename", "delete"]),
        st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=marks_made)
def test_search_and_counts_equal_a_fresh_computation_after_any_history(
    team: Team, source: Source, eve: User, history: list[tuple[str, list[int], list[str]]]
) -> None:
    with transaction.atomic():
        images = [
            put(source, "gold rush"), put(source, "重要镜像", description="x 驱动"), put(source, "ab"),
            put(source, "abc_de", tag="ﬁne"),
        ]  # fmt: skip
        for what, places, words in history:
            chosen = [images[place].id for place in places]
            if what == "add":
                actions.add_labels(team, eve, chosen, words)
            elif what == "remove":
                actions.remove_labels(team, eve, chosen, words)
            elif what == "star":
                actions.set_star(team, eve, chosen, len(words) > 1)
            elif what == "note":
                actions.set_note(team, eve, images[places[0]], " ".join(words[1:]))
            elif what == "rename":
                actions.rename_label(team, eve, words[0], words[-1])
            else:
                actions.delete_label(team, eve, words[0])
            check_search()
            assert kept() == counted(), (what, places, words)
        assert FacetCount.objects.exists()
        transaction.set_rollback(True)
