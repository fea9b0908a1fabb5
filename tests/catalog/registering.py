"""Going through the form of a registration as its pages lead: form, review, send."""

import re
from typing import Any

from django.test import Client

from accounts.models import CloudAccount
from catalog.models import Registration

LIST, ADD = "/t/aero/registrations/", "/t/aero/registrations/add/"
CANARY = "canary-registry-password"
REFERENCE = "registry-vpc.cn-hangzhou.aliyuncs.com/ehpc_open/nginx:latest"


def filled_in(account: CloudAccount) -> dict[str, Any]:
    """A container image of a private registry."""
    return {
        "type": "container",
        "account": account.id,
        "region": "cn-hangzhou",
        "name": "app-image",
        "version": "V1.0",
        "description": "应用测试镜像。",
        "registry_url": REFERENCE,
        "registry": "enterprise",
        "registry_cri_id": "cri-xyz795ygf8k9",
        "registry_user": "username",
        "registry_password": CANARY,
    }


def text(response: Any) -> str:
    return str(response.content.decode())


def fields_of(response: Any) -> dict[str, str]:
    """What the review page's form would send."""
    found = {}
    for tag in re.findall(r"<input[^>]*>", text(response)):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and 'type="hidden"' in tag and name[1] not in ("csrfmiddlewaretoken", "next"):
            found[name[1]] = value[1] if value else ""
    return found


def review(client: Client, form: dict[str, Any]) -> tuple[dict[str, str], str]:
    response = client.post(ADD, form | {"step": "review"})
    assert response.status_code == 200, text(response)
    return fields_of(response), text(response)


def send(client: Client, form: dict[str, Any]) -> Registration:
    """What came of it: a registration of an admin's, a request of an editor's."""
    kept, _shown = review(client, form)
    response = client.post(ADD, kept | {"step": "send"})
    assert response.status_code == 302, text(response)
    return Registration.objects.latest("created_at")
