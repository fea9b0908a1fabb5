"""What every provider promises, asked of all of them: the registry is the list of parameters."""

import json
import traceback
from dataclasses import fields

import pytest

from catalog.providers import PROVIDERS, VENDORS, check, is_region, kind_choices, list_pages
from catalog.providers.base import (
    ARCHITECTURES,
    FIELDS,
    STATES,
    SYSTEMS,
    TYPES,
    VISIBILITIES,
    Connection,
    Page,
    ProviderError,
    RemoteImage,
    Target,
)
from catalog.providers.shape import FORBIDDEN
from tests.catalog.providers.canned import CLOSE, HTML, RESET, Canned, Reply, as_json
from tests.catalog.providers.conftest import CREDENTIALS, REGIONS, Naps, connection_for, connection_to, target_for
from tests.clouds.server import Simulator

KINDS = sorted(PROVIDERS)
every_kind = pytest.mark.parametrize("kind", KINDS)
VOCABULARIES = {
    "type": TYPES,
    "visibility": VISIBILITIES,
    "os": SYSTEMS,
    "arch": ARCHITECTURES,
    "state": STATES,
}
TEXTS = (
    "name",
    "version",
    "distribution",
    "os_version",
    "disk_format",
    "status",
    "repository",
    "tag",
    "description",
    "region",
    "cluster",
)
NUMBERS = ("size_gib", "min_ram_mb", "min_disk_gb")


def listed(cloud: Simulator, kind: str) -> list[Page]:
    vendor = PROVIDERS[kind].vendor
    return list(list_pages(kind, connection_to(cloud.url, vendor), Target(region=REGIONS[vendor])))


def images_of(pages: list[Page]) -> list[RemoteImage]:
    return [image for page in pages for image in page.images]


@every_kind
def test_its_pages_count_what_they_bring(cloud: Simulator, kind: str) -> None:
    pages = listed(cloud, kind)
    scopes: dict[str, list[Page]] = {}
    for page in pages:
        scopes.setdefault(page.scope, []).append(page)
    for scope, of_scope in scopes.items():
        assert [page.number for page in of_scope] == list(range(1, len(of_scope) + 1)), scope
        keys = {image.key for image in images_of(of_scope)}
        totals = {page.total for page in of_scope}
        assert totals == ({len(keys)} if PROVIDERS[kind].paged else {None})
    assert len({image.key for image in images_of(pages)}) == 120


@every_kind
def test_its_images_hold_what_the_vocabulary_has(cloud: Simulator, kind: str) -> None:
    for image in images_of(listed(cloud, kind)):
        for name, vocabulary in VOCABULARIES.items():
            assert getattr(image, name) in vocabulary
        for name in TEXTS:
            value = getattr(image, name)
            assert value is None or (isinstance(value, str) and value.strip()), name
        for name in NUMBERS:
            value = getattr(image, name)
            assert value is None or (type(value) is int and value >= 0), name
        for moment in (image.remote_created_at, image.remote_updated_at):
            assert moment is None or moment.utcoffset() is not None
        assert image.name and image.remote_id and image.region


@every_kind
def test_its_provenance_tells_of_every_field(cloud: Simulator, kind: str) -> None:
    for image in images_of(listed(cloud, kind)):
        assert sorted(image.provenance) == sorted(FIELDS)
        for name in FIELDS:
            is_unknown = getattr(image, name) in (None, "unknown")
            # A word the vocabulary lacks is unknown too, though the cloud said one.
            assert (image.provenance[name] == "unknown") is is_unknown, name
            assert image.provenance[name] in ("reported", "derived", "unknown")


def test_provenance_speaks_of_fields_that_an_image_has() -> None:
    assert set(FIELDS) < {field.name for field in fields(RemoteImage)}


@every_kind
def test_its_keys_are_distinct_and_the_same_the_next_time(cloud: Simulator, kind: str) -> None:
    once, again = images_of(listed(cloud, kind)), images_of(listed(cloud, kind))
    assert once == again
    assert len({image.key for image in once}) == len(once)


@every_kind
def test_its_documents_are_json_without_what_must_never_be_stored(cloud: Simulator, kind: str) -> None:
    for image in images_of(listed(cloud, kind)):
        stored = json.dumps([image.document, dict(image.extra), dict(image.provenance)], allow_nan=False)
        assert "\\u0000" not in stored
        assert not FORBIDDEN & {key.lower() for key in _keys(image.document)}
        assert image.document


def _keys(value: object) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(key for inner in value.values() for key in _keys(inner))]
    return [key for inner in value for key in _keys(inner)] if isinstance(value, list) else []


@every_kind
def test_a_connection_is_tested_with_one_cheap_call_of_each_operation(cloud: Simulator, kind: str) -> None:
    vendor = PROVIDERS[kind].vendor
    check(kind, connection_to(cloud.url, vendor), Target(region=REGIONS[vendor]))
    operations = [request["operation"] for request in cloud.requests()]
    assert sorted(operations) == sorted(set(operations))
    named = {"ListProjects": "KeystoneListProjects"}
    assert {named.get(operation, operation) for operation in operations} == set(PROVIDERS[kind].operations)
    sizes = {
        request["parameters"].get("PageSize") or request["parameters"].get("limit") for request in cloud.requests()
    }
    assert sizes <= {None, "1"}


@every_kind
def test_every_request_is_signed_and_names_the_region(cloud: Simulator, kind: str) -> None:
    listed(cloud, kind)
    for request in cloud.requests():
        assert request["signature"] == "ok"
        assert request["region"] == REGIONS[PROVIDERS[kind].vendor]


@every_kind
def test_it_lists_an_empty_cloud_as_empty(kind: str) -> None:
    empty = {
        "alibaba_ehpc_custom": {"Images": {"ImageInfo": []}},
        "alibaba_ehpc_container": {"Images": {"Images": []}, "TotalCount": 0},
        "alibaba_ehpc_registered": {"Images": [], "TotalCount": 0},
        "alibaba_ens_public": {"Images": {"Image": []}, "Code": 0},
        "alibaba_ens_self": {"Images": {"Image": []}, "TotalCount": "0", "Code": 0},
        "huawei_workspace": {"images": [], "total_count": 0},
    }[kind]
    with Canned(as_json(empty)) as server:
        pages = list(list_pages(kind, connection_for(server.url, kind), target_for(kind)))
    assert pages and not images_of(pages)


# The rows of PROVIDERS.md section 4 and their neighbours: (answer, kind of error, code, tries it is worth).
FAULTS = {
    "reset": (RESET, "unreachable", "ConnectionReset", 4),
    "closed without an answer": (CLOSE, "unreachable", "ConnectionReset", 4),
    "truncated body": (Reply(b'{"Images": {"Ima', then="cut"), "unreachable", "AnswerCut", 4),
    "malformed JSON": (Reply(b'{"Images": ['), "malformed", "MalformedAnswer", 2),
    "empty body": (Reply(b""), "malformed", "MalformedAnswer", 2),
    "blank body": (Reply(b" \n"), "malformed", "MalformedAnswer", 2),
    "HTML in a 200": (HTML, "malformed", "MalformedAnswer", 2),
    "HTML in a 502": (Reply(HTML.body, 502), "unavailable", "HTTP502", 4),
    "HTML in a 404": (Reply(HTML.body, 404), "malformed", "MalformedAnswer", 2),
    "null": (Reply(b"null"), "malformed", "MalformedAnswer", 2),
    "a list for an object": (Reply(b"[]"), "malformed", "MalformedAnswer", 2),
    "a string for an object": (Reply(b'"ok"'), "malformed", "MalformedAnswer", 2),
    "an object without the list": (Reply(b"{}"), "malformed", "MalformedAnswer", 2),
    "NaN": (Reply(b'{"Images": NaN}'), "malformed", "MalformedAnswer", 2),
    "a number beyond all bounds": (Reply(b'{"Images": 1e999}'), "malformed", "MalformedAnswer", 2),
    "nesting without end": (Reply(b"[" * 100_000), "malformed", "MalformedAnswer", 2),
    "text that is no UTF-8": (Reply(b'{"Images": "\xff"}'), "malformed", "MalformedAnswer", 2),
    "a redirect": (Reply(b"", 302, {"Location": "/elsewhere"}), "malformed", "Redirected", 2),
    "a bad gzip": (Reply(b"{}", headers={"Content-Encoding": "gzip"}), "malformed", "MalformedAnswer", 2),
    "too large": (Reply(b"{", headers={"Content-Length": str(65 * 1024 * 1024)}), "too_large", "AnswerTooLarge", 1),
}


@every_kind
@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_is_taken_for_a_listing(kind: str, fault: str, naps: Naps) -> None:
    reply, error_kind, code, tries = FAULTS[fault]
    with Canned(reply) as server:
        error = failure_of(kind, connection_for(server.url, kind, naps=naps))
        assert (error.kind, error.code) == (error_kind, code)
        assert len(server.received) == tries
    assert error.operation in PROVIDERS[kind].operations
    assert error.outcome_known
    assert len(naps) == tries - 1


@every_kind
def test_a_refused_connection_is_told_as_such(kind: str, naps: Naps) -> None:
    with Canned(HTML) as server:
        pass
    error = failure_of(kind, connection_for(server.url, kind, naps=naps))
    assert (error.kind, error.code, error.retryable) == ("unreachable", "ConnectionRefused", True)


def failure_of(kind: str, connection: Connection) -> ProviderError:
    """The error of a listing, which shows nothing of what caused it nor of the credential."""
    with pytest.raises(ProviderError) as raised:
        list(list_pages(kind, connection, target_for(kind)))
    error = raised.value
    assert error.__cause__ is None and error.__context__ is None
    told = "".join([str(error), repr(error), *map(str, error.args), str(error.as_dict())])
    told += "".join(traceback.format_exception(error)) + repr(connection)
    for secret in CREDENTIALS[PROVIDERS[kind].vendor].values():
        assert secret not in told
    assert len(error.message) <= 500 and error.message == error.message.strip() != ""
    return error


@every_kind
def test_an_item_that_is_none_fails_the_page(cloud: Simulator, kind: str) -> None:
    vendor = PROVIDERS[kind].vendor
    listing = next(
        operation
        for operation in PROVIDERS[kind].operations
        if operation not in ("ListClusters", "KeystoneListProjects")
    )
    for bad in ("null", "string", "number", "list", "no_id", "wrong_type"):
        cloud.heal()
        cloud.fail(operation=listing, vendor=vendor, bad_item=bad, times=0)
        with pytest.raises(ProviderError) as raised:
            listed(cloud, kind)
        assert (raised.value.kind, raised.value.request_id is not None) == ("malformed", True), bad


@every_kind
def test_a_wrong_key_is_an_authentication_error(cloud: Simulator, kind: str) -> None:
    vendor = PROVIDERS[kind].vendor
    secret = {"alibaba": "access_key_secret", "huawei": "secret_key"}[vendor]
    connection = connection_to(cloud.url, vendor, **{secret: "no-such-secret-Zq81"})
    with pytest.raises(ProviderError) as raised:
        list(list_pages(kind, connection, Target(region=REGIONS[vendor])))
    assert (raised.value.kind, raised.value.retryable) == ("authentication", False)
    assert raised.value.request_id and "no-such-secret-Zq81" not in str(raised.value)


@every_kind
def test_a_throttled_read_waits_as_long_as_it_is_told(cloud: Simulator, kind: str, naps: Naps) -> None:
    vendor = PROVIDERS[kind].vendor
    cloud.fail(vendor=vendor, throttle={"alibaba": 2500, "huawei": 3}[vendor], operation=PROVIDERS[kind].operations[0])
    connection = connection_to(cloud.url, vendor, naps=naps)
    images = images_of(list(list_pages(kind, connection, Target(region=REGIONS[vendor]))))
    assert len({image.key for image in images}) == 120
    assert naps == [{"alibaba": 2.5, "huawei": 3.0}[vendor]]


@every_kind
def test_a_region_that_is_none_is_refused_before_anything_is_sent(kind: str) -> None:
    for region in ("", "x", "CN-HANGZHOU", "cn hangzhou", "cn-hangzhou.evil.example", "a" * 41):
        assert not is_region(region)
        with pytest.raises(ProviderError) as raised:
            list_pages(kind, connection_for("http://127.0.0.1:9", kind), Target(region=region))
        assert (raised.value.kind, raised.value.code) == ("invalid", "InvalidRegion")


def test_a_kind_that_is_none_is_refused() -> None:
    with pytest.raises(ProviderError) as raised:
        list_pages("gcp_images", connection_to("http://127.0.0.1:9", "alibaba"), Target(region="cn-hangzhou"))
    assert raised.value.code == "UnknownKind"


def test_choices_derive_from_the_registry() -> None:
    assert [kind for kind, _ in kind_choices()] == list(PROVIDERS)
    assert [kind for kind, _ in kind_choices("huawei")] == ["huawei_workspace"]
    for kind, provider in PROVIDERS.items():
        assert kind == provider.kind and kind.startswith(f"{provider.vendor}_") and provider.vendor in VENDORS
