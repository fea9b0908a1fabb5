"""Pytest fixtures of the simulated clouds; tests/conftest.py names this module in `pytest_plugins`."""

from collections.abc import Iterator

import pytest

from tests.clouds.server import Simulator


@pytest.fixture
def cloud() -> Iterator[Simulator]:
    """Fresh clouds of 120 images a listing for one test, on a port of their own."""
    with Simulator(images=120, seed=1) as simulator:
        yield simulator
