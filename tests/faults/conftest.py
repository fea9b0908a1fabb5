"""Stages for faults: clouds so large that every listing has a first, a middle and a last page."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from catalog.models import Source
from tests.clouds.server import Simulator
from tests.processes import start_manage
from tests.workers import kill

pytest.register_assert_rewrite("tests.faults.runs", "tests.faults.stage")

from tests.faults.stage import Stage, set_up  # noqa: E402 - what it asserts is to be told

type Process = "subprocess.Popen[str]"

HUAWEI_IMAGES = 280  # a hundred a page; the others have fifty


@pytest.fixture
def make_stage(
    settings: Any, simulated: Simulator, make_source: Callable[..., Source]
) -> Iterator[Callable[..., Stage]]:
    """`make_stage(kind)`: a source of this kind, synced once, and its cloud as it is since. One for each test."""
    with ExitStack() as clouds:

        def make(kind: str = "alibaba_ens_self", **fields: Any) -> Stage:
            cloud = simulated
            if kind == "huawei_workspace":
                cloud = clouds.enter_context(Simulator(images=HUAWEI_IMAGES, seed=1))
                settings.SIMULATOR_URL = cloud.url
            return set_up(cloud, make_source(kind, **fields))

        yield make


@pytest.fixture
def start_command(settings: Any, simulated: Simulator) -> Iterator[Callable[[], Process]]:
    """Starts `manage sync` for the team, in a process of its own without a broker; killed in the end."""
    started: list[Process] = []

    def start() -> Process:
        process = start_manage("sync", "aero", SIMULATOR_URL=settings.SIMULATOR_URL, REDIS_URL="unix:///nowhere")
        started.append(process)
        return process

    yield start
    for process in started:
        kill(process)
        process.communicate()
