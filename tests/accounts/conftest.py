"""Fixtures of the tests of people and their ways in."""

import pytest
from django.core.cache import cache

from tests.openid import provider  # noqa: F401 - a fixture


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    """allauth counts attempts in the cache, which outlives a test."""
    cache.clear()
