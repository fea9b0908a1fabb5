"""Random histories of clouds and faults, with the real sync on the real database, against a model of the shelf."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from accounts.models import User
from tests.catalog.histories.machine import History
from tests.catalog.histories.stage import Stage, small_scale
from tests.clouds.server import Simulator

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def play(alice: User, settings: Any) -> Iterator[Callable[[int], None]]:
    """Plays so many histories."""
    with Simulator(images=0) as simulator, small_scale():
        settings.SIMULATOR_URL = simulator.url

        def run(histories: int) -> None:
            kind = type("History", (History,), {"stage_of": staticmethod(lambda: Stage(simulator, alice))})
            run_state_machine_as_test(kind, settings=_settings(histories))

        yield run


def _settings(histories: int) -> settings:
    """Never the same histories again: where CI is set, Hypothesis would play the same ones in every part, each time."""
    return settings(
        max_examples=histories,
        derandomize=False,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


@pytest.mark.timeout(600)
def test_the_shelf_is_what_the_model_says_after_a_few_histories(play) -> None:
    play(6)


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(4))
def test_the_shelf_is_what_the_model_says_after_two_hundred_histories(play, part: int) -> None:
    play(50)


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("part", range(4))
def test_the_shelf_is_what_the_model_says_after_a_thousand_histories(play, part: int) -> None:
    play(250)


def test_each_part_plays_histories_of_its_own() -> None:
    """Under the settings that Hypothesis takes by itself where CI is set."""
    parts: list[list[int]] = []

    class Drawing(RuleBasedStateMachine):
        @rule(number=st.integers())
        def draw(self, number: int) -> None:
            parts[-1].append(number)

    before = settings.get_current_profile_name()
    settings.load_profile("ci")
    try:
        for _ in range(2):
            parts.append([])
            run_state_machine_as_test(Drawing, settings=_settings(5))
    finally:
        settings.load_profile(before)
    assert parts[0] and parts[1] and parts[0] != parts[1]
