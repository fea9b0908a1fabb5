"""Fixtures of the tests of people and their ways in."""

from tests.openid import provider  # noqa: F401 - a fixture
