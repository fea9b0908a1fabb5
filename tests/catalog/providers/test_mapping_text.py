"""Text, keys and documents that strangers wrote: PROVIDERS.md section 2a, "Text", and section 5."""

import json

import pytest

from catalog.providers import list_pages
from catalog.providers.base import ProviderError
from catalog.providers.shape import join_key
from tests.catalog.providers.canned import Canned, Reply
from tests.catalog.providers.conftest import connection_for, target_for
from tests.catalog.providers.items import CUSTOM, HUAWEI, REGISTERED, SELF, image, told


@pytest.mark.parametrize("kind", [CUSTOM, SELF, HUAWEI, REGISTERED])
def test_nul_and_lone_surrogates_become_the_replacement_character(kind: str) -> None:
    name = {CUSTOM: "ImageName", SELF: "ImageName", HUAWEI: "name", REGISTERED: "Name"}[kind]
    found = image(kind, **{name: "a\x00b\ud800c", "Extra\x00": [{"k\udfff": "\x00"}]})
    assert found.name == "a\ufffdb\ufffdc"
    stored = json.dumps(found.document, ensure_ascii=False)
    stored.encode()
    assert "\\u0000" not in stored and found.document["Extra\ufffd"] == [{"k\ufffd": "\ufffd"}]


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert image(CUSTOM, ImageName="disk \U0001f4bf").name == "disk \U0001f4bf"


def test_a_name_is_kept_whole_whatever_it_holds() -> None:
    name = '<img src=x hx-get="/x" onerror=alert(1)>\u202e=cmd|calc ' + "名" * 1_000_000
    assert image(CUSTOM, ImageName=name).name == name


def test_a_name_that_lacks_is_the_id() -> None:
    nameless: list[object] = [None, "", "  ", 17, {}]
    for name in nameless:
        assert told(image(CUSTOM, ImageName=name), "name") == [("id-0", "derived")]


def test_an_id_has_no_white_space_around_it() -> None:
    assert image(CUSTOM, ImageId=" m-1\n").remote_id == "m-1"


def test_a_very_long_key_becomes_its_digest_for_an_index_holds_no_more() -> None:
    long = [join_key("c", "r" * 5000, "t"), join_key("c", "r" * 5000, "u"), join_key("中" * 400)]
    assert len(set(long)) == 3 and all(len(key.encode()) <= 512 for key in long)
    assert join_key("a/b", "c") != join_key("a", "b/c") and join_key("a", None) != join_key("a")
    assert join_key("a%2Fb", "c") != join_key("a/b", "c")


def test_a_document_nested_without_end_is_of_no_documented_shape() -> None:
    deep = b'{"Images": {"ImageInfo": [{"ImageId": "m-1", "Deep": ' + b"[" * 200 + b"]" * 200 + b"}]}}"
    with Canned(Reply(deep)) as server, pytest.raises(ProviderError) as raised:
        list(list_pages(CUSTOM, connection_for(server.url, CUSTOM), target_for(CUSTOM)))
    assert raised.value.kind == "malformed"
