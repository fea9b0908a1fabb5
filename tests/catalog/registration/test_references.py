"""Container image references, as the container world reads them."""

import time

import pytest

from catalog.references import ContainerReference, NotAReference, parse_reference

SHA = "sha256:" + "0123456789abcdef" * 4


def read(text: str) -> tuple[str, str, str | None, str | None]:
    found = parse_reference(text)
    return found.registry, found.repository, found.tag, found.digest


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        # The AddImage seed's own example.
        (
            "registry-vpc.cn-hangzhou.aliyuncs.com/ehpc_open/nginx:latest",
            ("registry-vpc.cn-hangzhou.aliyuncs.com", "ehpc_open/nginx", "latest", None),
        ),
        ("nginx", ("docker.io", "library/nginx", None, None)),
        ("nginx:1.27", ("docker.io", "library/nginx", "1.27", None)),
        ("team/app", ("docker.io", "team/app", None, None)),
        ("localhost/app", ("localhost", "app", None, None)),
        ("registry.example.com:5000/a/b/c:v1_2.3-rc", ("registry.example.com:5000", "a/b/c", "v1_2.3-rc", None)),
        (f"quay.io/team/app@{SHA}", ("quay.io", "team/app", None, SHA)),
        (f"quay.io/team/app:1@{SHA}", ("quay.io", "team/app", "1", SHA)),
        ("10.0.0.1:5000/app:1", ("10.0.0.1:5000", "app", "1", None)),
    ],
)
def test_a_reference_falls_into_its_parts(text, parts):
    assert read(text) == parts


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no container image reference"),
        ("https://registry.example.com/app:1", "without https://"),
        ("docker://nginx", "without docker://"),
        ("registry.example.com/Team/app", "small letters"),
        ("app name", "white space"),
        ("nginx:latest\n", "white space"),
        ("app:", "no container image reference"),
        ("app@sha256:abc", "no container image reference"),
        ("app@md5:" + "0" * 32, "digest"),
        ("app@sha256:" + "G" * 64, "no container image reference"),
        ("registry.example.com//app", "no container image reference"),
        ("镜像/应用", "no container image reference"),
        ("a" * 64, "no container image reference"),
        ("registry.example.com/" + "a" * 300, "no container image reference"),
        ("a/" * 500_000, "shorter"),
        ("app:" + "t" * 129, "not a valid tag"),
        ("<script>alert(1)</script>", "no container image reference"),
        ("\0", "no container image reference"),
    ],
)
def test_what_is_no_reference_is_told_in_one_sentence(text, why):
    with pytest.raises(NotAReference) as caught:
        parse_reference(text)
    message = str(caught.value)
    assert why in message and message.endswith(".") and "\n" not in message and len(message) < 200


@pytest.mark.parametrize(
    ("host", "is_acr", "enterprise", "region"),
    [
        ("registry.cn-hangzhou.aliyuncs.com", True, False, "cn-hangzhou"),
        ("registry-vpc.cn-hangzhou.aliyuncs.com", True, False, "cn-hangzhou"),
        ("team-registry.cn-shanghai.cr.aliyuncs.com", True, True, "cn-shanghai"),
        ("my-team-registry-vpc.ap-southeast-1.cr.aliyuncs.com", True, True, "ap-southeast-1"),
        ("registry.example.com", False, False, None),
        ("registry.cn-hangzhou.aliyuncs.com.evil.example", False, False, None),
        ("evilregistry.cn-hangzhou.aliyuncs.com", False, False, None),
        ("cn-hangzhou.aliyuncs.com", False, False, None),
        ("docker.io", False, False, None),
    ],
)
def test_the_host_tells_an_acr_and_its_region(host, is_acr, enterprise, region):
    found = parse_reference(f"{host}/team/app:1")
    assert (found.is_acr, found.enterprise, found.region) == (is_acr, enterprise, region)


def test_people_call_an_image_by_its_last_part():
    assert parse_reference("quay.io/team/app:1").familiar_name == "app"


@pytest.mark.parametrize(
    "text", ["a-" * 299, "a/" * 299, "a." * 299 + "/", "a_" * 299, "a:" * 299, "9" * 599 + "/", "-" * 600]
)
def test_no_text_makes_the_parser_slow(text):
    started = time.perf_counter()
    with pytest.raises(NotAReference):
        parse_reference(text + "!")
    assert time.perf_counter() - started < 0.5


def test_a_reference_without_facts_has_none():
    found = ContainerReference(registry="r", repository="x", tag=None, digest=None)
    assert (found.is_acr, found.enterprise, found.region) == (False, False, None)
