from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import CloudAccount
from catalog import actions, tasks
from catalog.models import Image, Registration, Removal
from catalog.registration_spec import validate_spec
from catalog.sync import sync_now
from tests.catalog.registration.asked import LISTING, REGION, VM


@pytest.fixture
def account(make_account) -> CloudAccount:
    return make_account("alibaba", name="prod")


@pytest.fixture
def ask(account, alice) -> Callable[..., Registration]:
    """A pending registration, which nobody was told of."""

    def make(document: dict[str, Any] = VM, **fields: Any) -> Registration:
        spec, errors = validate_spec(document | fields)
        assert spec, errors
        password = (document | fields).get("registry_password")
        return actions.create_registration(account.team, alice, account, REGION, spec, password, queue=False)

    return make


@pytest.fixture
def send(ask) -> Callable[..., Registration]:
    """A registration that the worker's task has taken to its end."""

    def make(document: dict[str, Any] = VM, **fields: Any) -> Registration:
        made = ask(document, **fields)
        tasks.register_image(str(made.id))
        made.refresh_from_db()
        return made

    return make


@pytest.fixture
def admin(as_user, alice) -> Client:
    return as_user(alice)


@pytest.fixture
def image(send, cloud) -> Image:
    """Registered, and listed: the only one there is."""
    cloud.serve(listing=LISTING, region=REGION, items=[])
    made = send(VM)
    assert sync_now(made.image.source, "test", 10).state == "complete"
    return Image.objects.select_related("source__cloud_account").get(id=made.image_id)


@pytest.fixture
def remove(image, alice) -> Callable[[], Removal]:
    """Its removal, which the worker's task has taken to its end."""

    def through() -> Removal:
        made = actions.create_removal(image.team, alice, image, queue=False)
        tasks.remove_image(str(made.id))
        made.refresh_from_db()
        return made

    return through
