"""Two images side by side."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from catalog.compare import compare_documents, compare_facts, merged
from catalog.facts import MOST_LINES
from catalog.models import Image, Source
from tests.catalog.shelf import put

HERE = "/t/aero/images/compare/"


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    return make_source("alibaba_ehpc_custom")


@pytest.fixture
def pair(source: Source) -> tuple[Image, Image]:
    base = {"os": "linux", "distribution": "Ubuntu", "os_version": "22.04", "visibility": "private"}
    return (
        put(source, "one", **base, arch="x86_64", size_gib=40, document={"A": {"x": 1, "y": [1, 2]}, "B": None}),
        put(source, "two", **base, arch="arm64", document={"A": {"x": 1, "y": [1, 3]}, "C": "c"}),
    )


@pytest.fixture
def client(bob: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(bob)


def text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def pairs(part: Any) -> dict[str, tuple[str | None, str | None, bool]]:
    return {
        str(p.label): (p.left.value if p.left else None, p.right.value if p.right else None, p.differs)
        for p in part.pairs
    }


def test_facts_are_compared_with_where_they_come_from(pair: tuple[Image, Image]) -> None:
    part = compare_facts(*pair, only_differing=False)
    found = pairs(part)
    assert found["Architecture"] == ("x86_64", "arm64", True)
    assert found["Distribution"] == ("Ubuntu", "Ubuntu", False)
    assert found["Size"] == ("40 GiB", "Unknown", True)
    assert found["ID"] == ("m-one", "m-two", True)
    assert part.total == len(found) and part.differing == sum(row[2] for row in found.values())
    arch = next(p for p in part.pairs if str(p.label) == "Architecture")
    assert arch.left and arch.left.origin == "reported"


def test_documents_are_compared_by_path(pair: tuple[Image, Image]) -> None:
    assert pairs(compare_documents(*pair, only_differing=False)) == {
        "A.x": ("1", "1", False),
        "A.y[0]": ("1", "1", False),
        "A.y[1]": ("2", "3", True),
        "B": ("null", None, True),
        "C": (None, "c", True),
    }
    assert list(pairs(compare_documents(*pair, only_differing=True))) == ["A.y[1]", "C", "B"]


def test_a_difference_behind_what_is_shown_is_one(source: Source) -> None:
    one, two = (put(source, n, description="d" * 5_000 + n, document={"D": "d" * 5_000 + n}) for n in ("a", "b"))
    assert pairs(compare_facts(one, two, only_differing=True))["Description"][2]
    (found,) = pairs(compare_documents(one, two, only_differing=True)).values()
    assert found[2] and found[0] == found[1] and len(found[0] or "") < 2_100


def test_a_document_of_many_values_is_cut_and_says_so(source: Source, client: Client) -> None:
    one, two = (put(source, n, document={"list": list(range(20_000))}) for n in ("a", "b"))
    part = compare_documents(one, two, only_differing=False)
    assert len(part.pairs) == MOST_LINES and part.left_out == 5_000 - MOST_LINES
    assert "4,400 more lines were left out." in text(client.get(f"{HERE}?a={one.id}&b={two.id}"))


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        ("abc", "abc", "abc"),
        ("abc", "axbc", "axbc"),
        ("abc", "xab", "xabc"),
        ("ab", "cd", "cdab"),
        ("", "ab", "ab"),
        ("ab", "", "ab"),
        ("abc", "cxba", "abcx"),
    ],
)
def test_keys_stand_in_the_order_of_both(left: str, right: str, order: str) -> None:
    assert "".join(merged(dict.fromkeys(left), dict.fromkeys(right))) == order


def test_the_page_keeps_its_sides_and_marks_what_differs_in_words(client: Client, pair: tuple[Image, Image]) -> None:
    one, two = pair
    answer = client.get(f"{HERE}?a={two.id}&b={one.id}")
    words, html = text(answer), answer.content.decode()
    assert words.index("two E-HPC custom") < words.index("one E-HPC custom")
    assert "≠ differs: Architecture arm64 reported x86_64 reported" in words
    assert "differs: Distribution" not in words and "3 of 5 differ" in words
    assert f"?a={one.id}&amp;b={two.id}" in html, "sides can be swapped"
    for image in pair:
        assert f'href="/t/aero/images/{image.id}/"' in html


def test_only_differences_is_a_link_that_keeps_the_rest(client: Client, pair: tuple[Image, Image]) -> None:
    here = f"{HERE}?a={pair[0].id}&b={pair[1].id}"
    html = client.get(f"{here}&filter=os%3Dlinux%26q%3Done").content.decode()
    assert f"?a={pair[0].id}&amp;b={pair[1].id}&amp;only=differences&amp;filter=os%3Dlinux%26q%3Done" in html
    assert 'href="/t/aero/images/?os=linux&amp;q=one"' in html, "the way back"
    words = text(client.get(f"{here}&only=differences"))
    assert "Architecture" in words and "Distribution" not in words and "Show everything" in words
    twin = put(pair[0].source, "three", remote_id="m-one", row={"key": "3"}, document={})
    put_back = {name: getattr(pair[0], name) for name in ("os", "distribution", "os_version", "arch", "size_gib")}
    Image.objects.filter(id=twin.id).update(**put_back, visibility="private", first_seen_at=pair[0].first_seen_at)
    answer = text(client.get(f"{HERE}?a={pair[0].id}&b={twin.id}&only=differences"))
    assert "Nothing differs." in answer and "0 of" in answer


def test_a_selection_of_two_is_led_to_its_address(client: Client, pair: tuple[Image, Image]) -> None:
    one, two = pair
    answer = client.get(f"{HERE}?filter=q%3Dx&image={one.id}&image={two.id}")
    assert answer.status_code == 302 and answer["Location"] == f"{HERE}?a={one.id}&b={two.id}&filter=q%3Dx"


@pytest.mark.parametrize(
    "query", ["", "?a={a}", "?b={a}", "?a={a}&b={a}", "?image={a}", "?image={a}&image={b}&image={a}"]
)
def test_what_are_not_two_images_is_told_in_a_sentence(client: Client, pair: tuple[Image, Image], query: str) -> None:
    answer = client.get(HERE + query.format(a=pair[0].id, b=pair[1].id))
    assert answer.status_code == 422 and "hoose " in text(answer) and "To the images" in text(answer)


@pytest.mark.parametrize("other", ["x", "%00", "' OR 1=1 --", "a" * 10_000, "0b5a2f6e-7c59-4a80-8f7b-4d0c0de7a001"])
def test_what_is_no_image_is_not_found(client: Client, pair: tuple[Image, Image], other: str) -> None:
    for query in (f"?a={pair[0].id}&b={other}", f"?a={other}&b={pair[0].id}"):
        assert client.get(HERE + query).status_code == 404


def test_it_hides_other_teams_images(
    client: Client,
    pair: tuple[Image, Image],
    make_account: Any,
    make_source: Any,
    other_team: Any,
    charlie: User,
    as_user: Any,
) -> None:
    theirs = put(make_source("alibaba_ens_self", make_account("alibaba", team=other_team)), "theirs")
    assert client.get(f"{HERE}?a={pair[0].id}&b={theirs.id}").status_code == 404
    assert as_user(charlie).get(f"/t/umbra/images/compare/?a={pair[0].id}&b={theirs.id}").status_code == 404


def test_a_container_and_a_machine_are_compared_too(client: Client, source: Source, pair: tuple[Image, Image]) -> None:
    box = put(source, "box", type="container", repository="ai/torch", tag="2.1", cluster="c")
    Image.objects.filter(id=box.id).update(labels=["gold"], starred=True, note="ours")
    words = text(client.get(f"{HERE}?a={pair[0].id}&b={box.id}"))
    assert "differs: Repository — ai/torch reported" in words
    for own in ("Labels — gold", "Star — Yes", "Note — ours"):
        assert own in words


def test_a_correction_is_told_as_one(client: Client, pair: tuple[Image, Image], team: Any, alice: User) -> None:
    from catalog import actions

    actions.correct_image(team, alice, pair[0], {"arch": "arm64"}, {"arch": "x86_64"})
    words = text(client.get(f"{HERE}?a={pair[0].id}&b={pair[1].id}"))
    assert re.search(r"Architecture arm64 set by an admin: alice@example.org, .*; the cloud says x86_64 arm64", words)


def test_it_costs_few_queries(client: Client, pair: tuple[Image, Image], django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(8):
        client.get(f"{HERE}?a={pair[0].id}&b={pair[1].id}")


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "<b hx-post=/x hx-trigger=load>", '" onclick="x'])
def test_strangers_text_stays_text(client: Client, source: Source, pair: tuple[Image, Image], hostile: str) -> None:
    odd = put(source, hostile, remote_id=hostile, distribution=hostile, document={hostile: {hostile: hostile}})
    html = client.get(f"{HERE}?a={odd.id}&b={pair[0].id}&filter={hostile}").content.decode()
    assert hostile not in html
