import pytest
from django.utils import translation

from catalog.errors import explain, is_explained
from catalog.providers.base import ProviderError

# The error tables of the documents, code by code.
LIST_CUSTOM_IMAGES = ["ImageNotFound", "EcsError", "DbError", "NotAuthorized", "UnknownError", "ServiceUnavailable"]
LIST_CONTAINER_IMAGES = [
    "InvalidParams", "InvalidContainerType", "LoginNotFound", "AliyunError", "DbError", "ExecFail", "AgentError",
    "NotAuthorized", "UnknownError", "ServiceUnavailable",
]  # fmt: skip
DESCRIBE_IMAGE_INFOS = [
    "MissingParameter", "InstanceIdNotFound", "NoPermission", "CallInterface", "InvalidParameter.RegionId",
]  # fmt: skip
ADD_IMAGE = [
    "InvalidParams", "ImageAlreadyExists", "InDebt", "NotEnabled", "ImageInUse", "ImageNotFound", "EcsError",
    "AliyunError", "DbError", "NotAuthorized", "ServiceUnavailable",
]  # fmt: skip
HUAWEI_STATUS = ["400", "401", "403", "404", "405", "500", "503"]
KINDS = [
    "authentication", "permission", "billing", "not_enabled", "not_found", "invalid", "conflict", "throttled",
    "unavailable", "unreachable", "malformed", "incomplete", "too_large",
]  # fmt: skip


@pytest.mark.parametrize(
    "code", sorted({*LIST_CUSTOM_IMAGES, *LIST_CONTAINER_IMAGES, *DESCRIBE_IMAGE_INFOS, *ADD_IMAGE, *HUAWEI_STATUS})
)
def test_it_has_words_of_its_own_for_every_documented_code(code):
    assert is_explained(code)
    found = explain({"operation": "ListCustomImages", "code": code, "message": "m", "request_id": "r"})
    assert found.label and found.title.endswith(".") and found.advice.endswith(".")
    assert code not in found.title
    assert (found.code, found.message, found.request_id) == (code, "m", "r")


@pytest.mark.parametrize(
    "code",
    [
        "InvalidAccessKeyId.NotFound",
        "InvalidAccessKeyId.Inactive",
        "SignatureDoesNotMatch",
        "InvalidSecurityToken.Expired",
    ],
)
def test_it_tells_a_wrong_key_from_a_missing_permission(code):
    found = explain({"operation": "ListCustomImages", "code": code, "kind": "authentication"})
    assert "Replace the credential" in found.advice or "Enter the key" in found.advice
    assert found.grant == ""


@pytest.mark.parametrize(
    ("vendor", "operation", "action"),
    [
        ("alibaba", "ListCustomImages", "ehpc:ListCustomImages"),
        ("alibaba", "ListContainerImages", "ehpc:ListContainerImages"),
        ("alibaba", "ListImages", "ehpc:ListImages"),
        ("alibaba", "AddImage", "ehpc:AddImage"),
        ("alibaba", "DescribeImageInfos", "ens:DescribeImageInfos"),
        ("huawei", "ListImages", "workspace:images:list"),
    ],
)
def test_a_missing_permission_names_the_action_to_grant(vendor, operation, action):
    found = explain({"operation": operation, "code": "NotAuthorized", "kind": "permission"}, vendor=vendor)
    assert found.grant == action


def test_a_clock_that_is_off_is_told_from_a_wrong_key_that_has_the_same_code():
    stale, wrong = (
        {"operation": "ListImages", "code": "APIGW.0301", "kind": kind} for kind in ("invalid", "authentication")
    )
    assert explain(stale, vendor="huawei").title == explain({"code": "InvalidTimeStamp.Expired"}).title
    assert explain(wrong, vendor="huawei").title == explain({"kind": "authentication"}).title


@pytest.mark.parametrize("kind", KINDS)
def test_a_code_it_does_not_know_is_explained_by_its_kind(kind):
    found = explain(ProviderError("ListImages", "Brand.New", "New words.", kind=kind))
    assert found.title and found.title != explain({"code": "Brand.New"}).title
    assert found.code == "Brand.New"


def test_an_error_without_code_or_kind_still_says_what_to_do():
    found = explain({"operation": None, "code": None, "message": None, "request_id": None})
    assert found.title and found.advice
    assert (found.code, found.message, found.request_id) == ("", "", "")


def test_trouble_of_a_listing_is_retried_and_that_of_a_write_never():
    listing = explain({"operation": "ListImages", "code": "ServiceUnavailable"})
    write = explain({"operation": "AddImage", "code": "ServiceUnavailable"})
    tested = explain({"operation": "ListImages", "code": "ServiceUnavailable"}, retried=False)
    assert "tries again by itself" in listing.advice
    assert "by itself" not in write.advice + tested.advice


def test_it_explains_in_the_language_of_the_reader():
    with translation.override("zh-hans"):
        assert isinstance(explain({"code": "InDebt"}).title, str)
