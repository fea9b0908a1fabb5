"""What the tests of registrations ask for, and how they look at what became of it."""

from typing import Any

from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from catalog import tasks
from catalog.models import Image, Registration, Removal

CANARY = "c4nary/registry+p@ssword %&=?#\"'中"
VM = {"type": "vm", "name": "cfd-base", "version": "V1.0", "description": "for CFD", "image_id": "m-bp1akkkr1rkxtb"}
CONTAINER = {
    "type": "container",
    "name": "trainer",
    "version": "2.1",
    "registry_url": "team-registry-vpc.cn-hangzhou.cr.aliyuncs.com/ml/trainer:2.1",
    "registry_cri_id": "cri-xyz795ygf8k9",
    "registry_server": "team-registry-vpc.cn-hangzhou.cr.aliyuncs.com",
    "registry_user": "robot",
    "registry_password": CANARY,
}
REGION, LISTING = "cn-hangzhou", "alibaba_ehpc_registered"

# Every way an answer can be lost after the call was sent, as the simulator is told of it.
CUT_OFF = {
    "reset": {"reset": True},
    "closed": {"close": True},
    "truncated": {"truncate": True},
    "reset in the body": {"reset_body": True},
    "html": {"html": True},
    "html with 502": {"html": True, "status": 502},
    "empty": {"empty": True},
    "null": {"null": True},
    "list": {"list": True},
    "malformed": {"malformed": True},
    "500": {"status": 500, "code": "UnknownError"},
    "503": {"status": 503, "code": "ServiceUnavailable"},
    "redirect": {"redirect": True},
    "no id": {"body": {"RequestId": "R-1", "Success": True}, "status": 200},
}


def sent(cloud) -> list[dict[str, Any]]:
    return cloud.requests("AddImage")


def listed(cloud) -> int:
    """How many images the cloud has."""
    return cloud.size(LISTING, REGION)


def image_page(client: Client, image: Image, name: str = "", **options: Any) -> str:
    return client.get(f"/t/aero/images/{image.id}/{name}", **options).content.decode()


def age(made: Registration | Removal, column: str, seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {made._meta.db_table} SET {column} = {column} - %s * interval '1 second' WHERE id = %s",
            [seconds, made.id],
        )


def settle[R: (Registration, Removal)](made: R) -> R:
    """The beat's look, at the time it is due."""
    type(made).objects.filter(id=made.id, next_lookup_at__isnull=False).update(next_lookup_at=Now())
    tasks.settle_registrations()
    made.refresh_from_db()
    return made


def settle_all[R: (Registration, Removal)](made: R) -> R:
    """Every look that is planned, each at its time."""
    while settle(made).next_lookup_at:
        pass
    return made
