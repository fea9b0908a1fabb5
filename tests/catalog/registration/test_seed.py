"""The AddImage seed: what the form sends, parameter by parameter, and each of its error codes on the page."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from django.utils.html import escape

from accounts.models import CloudAccount
from catalog import tasks
from catalog.errors import explain
from catalog.models import Registration
from tests.catalog.registration.asked import CONTAINER, REGION, VM, sent, settle_all

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulated")]

ADD = "/t/aero/registrations/add/"
# The seed's own examples, field by field of the form; the asterisks hide characters there.
SEED_VM = {
    "type": "vm",
    "region": REGION,
    "name": "app-image",
    "version": "V1.0",
    "description": "应用测试镜像。",
    "image_id": "m-bp1akkkr1rkxtb",
}
SEED_CONTAINER = {
    **{name: text for name, text in SEED_VM.items() if name != "image_id"},
    "type": "container",
    "registry_url": "registry-vpc.cn-hangzhou.aliyuncs.com/ehpc_open/nginx:latest",
    "registry": "enterprise",
    "registry_cri_id": "cri-xyz795ygf8k9",
    "registry_server": "registry-vpc.cn-hangzhou.aliyuncs.com",
    "registry_user": "username",
    "registry_password": "userpassword",
}
# Status, code and both texts of its error table; the form's field where the code is about one.
CODES = [
    (400, "InvalidParams", "The specified parameter %s is invalid.", "无效的参数：%s"),
    (400, "ImageAlreadyExists", "The image id already exists.", "镜像已存在"),
    (400, "InDebt", "Your account has overdue payments.", "您的账户已欠费"),
    (400, "NotEnabled", "You have not enabled this service.", "您的账户还未开通此服务"),
    (403, "ImageInUse", "Image is still used by jobs.", "镜像仍在使用中"),
    (404, "ImageNotFound", "The specified image does not exist.", "指定的镜像不存在"),
    (406, "EcsError", "An error occurred while calling the ECS API operation.", "ECS API调用出错"),
    (406, "AliyunError", "An Alibaba Cloud product error occurred.", "阿里云产品错误"),
    (406, "DbError", "A database error occurred.", "数据库错误"),
    (407, "NotAuthorized", "No authorization is granted.", "未授权"),
    (
        503,
        "ServiceUnavailable",
        "The request has failed due to a temporary failure of the server.",
        "请求失败，服务暂时不可用",
    ),
]


@pytest.fixture
def submit(admin: Client, account: CloudAccount) -> Callable[[dict[str, str]], Registration]:
    """From the form by its review to the end of the worker's task."""

    def through(form: dict[str, str]) -> Registration:
        review = admin.post(ADD, form | {"account": str(account.id), "step": "review"}).content.decode()
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', review)
        given = {name: value for name, value in hidden if name != "csrfmiddlewaretoken"}
        assert given, review
        assert admin.post(ADD, given | {"step": "send"}).status_code == 302
        made = Registration.objects.get()
        tasks.register_image(str(made.id))
        made.refresh_from_db()
        return made

    return through


def test_a_vm_image_of_the_form_is_sent_as_the_seed_has_it(submit: Any, cloud: Any) -> None:
    assert submit(SEED_VM).state == "succeeded"
    (call,) = sent(cloud)
    assert (call["operation"], call["version"], call["signature"]) == ("AddImage", "2023-07-01", "ok")
    assert call["parameters"] == {
        "ImageType": "VM",
        "Name": "app-image",
        "ImageVersion": "V1.0",
        "Description": "应用测试镜像。",
        "VMImageSpec": {"ImageId": "m-bp1akkkr1rkxtb"},
        "RegionId": REGION,  # the simulator's alone: it has one address for all regions
    }


def test_a_container_image_of_the_form_is_sent_as_the_seed_has_it(submit: Any, cloud: Any) -> None:
    assert submit(SEED_CONTAINER).state == "succeeded"
    (call,) = sent(cloud)
    assert call["parameters"] == {
        "ImageType": "Container",
        "Name": "app-image",
        "ImageVersion": "V1.0",
        "Description": "应用测试镜像。",
        "ContainerImageSpec": {
            "RegistryUrl": "registry-vpc.cn-hangzhou.aliyuncs.com/ehpc_open/nginx:latest",
            "IsACRRegistry": True,
            "IsACREnterprise": True,
            "RegistryCriId": "cri-xyz795ygf8k9",
            "RegistryCredential": {
                "Server": "registry-vpc.cn-hangzhou.aliyuncs.com",
                "UserName": "username",
                "Password": "sha256:" + hashlib.sha256(b"userpassword").hexdigest(),
            },
        },
        "RegionId": REGION,
    }


def test_what_the_seed_does_not_demand_is_left_out(submit: Any, cloud: Any) -> None:
    form = {"type": "container", "region": REGION, "name": "nginx", "registry_url": "docker.io/library/nginx:1"}
    assert submit(form).state == "succeeded"
    (call,) = sent(cloud)
    assert call["parameters"] == {
        "ImageType": "Container",
        "Name": "nginx",
        "ContainerImageSpec": {
            "RegistryUrl": "docker.io/library/nginx:1",
            "IsACRRegistry": False,
            "IsACREnterprise": False,
        },
        "RegionId": REGION,
    }


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize(("status", "code", "english", "chinese"), CODES, ids=[row[1] for row in CODES])
def test_each_error_code_says_its_cause_and_what_to_do(
    send: Any, cloud: Any, admin: Client, status: int, code: str, english: str, chinese: str, language: str
) -> None:
    message = english.replace("%s", "VMImageSpec.ImageId")
    cloud.fail(operation="AddImage", status=status, code=code, message=message)
    made = send(VM)
    page = admin.get(f"/t/aero/registrations/{made.id}/", headers={"Accept-Language": language}).content.decode()
    # A 503 may have come after the image was added (PROVIDERS.md section 5); all others are a refusal.
    is_unknown = code == "ServiceUnavailable"
    assert made.state == ("unknown" if is_unknown else "rejected") and len(sent(cloud)) == 1
    with translation.override(language):
        told = explain(made.error, retried=False)
    assert made.request_id and made.request_id in page and f"AddImage: {code}" in page
    shown = message if language == "en" else chinese.replace("%s", "VMImageSpec.ImageId")
    assert told.message.startswith(shown) and escape(told.message) in page
    assert is_unknown or (escape(told.title) in page and escape(told.advice) in page)
    assert told.title.isascii() == told.advice.isascii() == (language == "en")


def test_the_eleven_codes_are_those_of_the_seed() -> None:
    assert len({row[1] for row in CODES}) == 11


@pytest.mark.parametrize(
    ("document", "parameter", "field", "label"),
    [
        (VM, "VMImageSpec.ImageId", "image_id", "ECS image ID"),
        (VM, "Name", "name", "Name"),
        (VM, "ImageVersion", "version", "Version"),
        (CONTAINER, "ContainerImageSpec.RegistryUrl", "registry_url", "Image reference"),
        (CONTAINER, "RegistryCriId", "registry_cri_id", "Registry instance ID"),
        (CONTAINER, "ContainerImageSpec.IsACREnterprise", "registry", "Registry"),
        (CONTAINER, "ContainerImageSpec.RegistryCredential.Password", "registry_password", "Password"),
        (VM, "Whatever", "", ""),
    ],
)
def test_a_parameter_that_the_cloud_refuses_names_the_forms_field(
    send: Any, cloud: Any, admin: Client, document: dict[str, str], parameter: str, field: str, label: str
) -> None:
    message = f"The specified parameter {parameter} is invalid."
    cloud.fail(operation="AddImage", status=400, code="InvalidParams", message=message)
    made = send(document)
    page = admin.get(f"/t/aero/registrations/{made.id}/").content.decode()
    assert (f"?like={made.id}#id_{field}" in page) is bool(field)
    assert ("The field at fault:" in page) is bool(field) and (f"<b>{label}</b>" in page or not label)
    form = admin.get(f"{ADD}?like={made.id}").content.decode()
    assert not field or f'id="id_{field}"' in form


def test_trouble_of_a_503_is_looked_up_and_explained_once_an_admin_decides(
    send: Any, cloud: Any, admin: Client
) -> None:
    cloud.fail(operation="AddImage", status=503, code="ServiceUnavailable")
    made = settle_all(send(VM))
    page = admin.get(f"/t/aero/registrations/{made.id}/").content.decode()
    assert "An admin decides" in page and "ServiceUnavailable" in page and page.count("ListImages ImageType=VM") == 5
