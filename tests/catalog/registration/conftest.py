from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import CloudAccount
from catalog import actions, tasks
from catalog.models import Registration
from catalog.registration_spec import validate_spec
from tests.catalog.registration.asked import REGION, VM


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
