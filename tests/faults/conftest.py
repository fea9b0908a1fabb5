"""Stages for faults: clouds so large that every listing has a first, a middle and a last page, and servers that may
fall.
"""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from catalog.models import Source
from config.celery import app
from tests.clouds.server import Simulator
from tests.faults.servers import OwnServer, in_use
from tests.processes import start_manage
from tests.workers import kill

pytest.register_assert_rewrite("tests.faults.runs", "tests.faults.stage")

from tests.faults.stage import Stage, set_up  # noqa: E402 - what it asserts is to be told

type Process = "subprocess.Popen[str]"

HUAWEI_IMAGES = 280  # a hundred a page; the others have fifty
BETWEEN = 52  # empty clusters after each with images but the last, so that every page of fifty has one with images


@pytest.fixture
def make_stage(
    settings: Any, simulated: Simulator, make_source: Callable[..., Source]
) -> Iterator[Callable[..., Stage]]:
    """`make_stage(kind)`: a source of this kind, synced once, and its cloud as it is since. One for each test.

    `many_clusters` are three pages of them.
    """
    with ExitStack() as clouds:

        def make(kind: str = "alibaba_ens_self", *, many_clusters: bool = False, **fields: Any) -> Stage:
            cloud = simulated
            if many_clusters:
                add_clusters(cloud, "cn-hangzhou")
            if kind == "huawei_workspace":
                cloud = clouds.enter_context(Simulator(images=HUAWEI_IMAGES, seed=1))
                settings.SIMULATOR_URL = cloud.url
            return set_up(cloud, make_source(kind, **fields))

        yield make


def add_clusters(cloud: Simulator, region: str) -> None:
    first, *others = cloud.inventory()["clusters"][region]
    listed = [first]
    for other in others:
        listed += [first | {"Id": f"{other['Id']}-{number}", "Name": "empty"} for number in range(BETWEEN)]
        listed.append(other)
    cloud.serve(listing="alibaba_ehpc_clusters", region=region, items=listed)


@pytest.fixture
def start_command(settings: Any, simulated: Simulator) -> Iterator[Callable[..., Process]]:
    """Starts `manage sync` for the team, in a process of its own without a broker; further words are its environment.
    Killed in the end."""
    started: list[Process] = []

    def start(**extra: str) -> Process:
        given = {"SIMULATOR_URL": settings.SIMULATOR_URL, "REDIS_URL": "unix:///nowhere"}
        process = start_manage("sync", "aero", **given, **extra)
        started.append(process)
        return process

    yield start
    for process in started:
        kill(process)
        process.communicate()


@pytest.fixture
def start_brisk_beat(start_beat: Any) -> Callable[..., Process]:
    """A beat that has what was lost looked for every three seconds, not thirty."""
    return partial(start_beat, DJANGO_SETTINGS_MODULE="tests.faults.brisk")


@pytest.fixture(scope="session")
def own_postgres(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any
) -> Iterator[OwnServer]:
    """Migrated and empty."""
    server = OwnServer(tmp_path_factory.mktemp("postgres"), "postgres")
    try:
        server.start()
        with django_db_blocker.unblock(), in_use(server):
            call_command("migrate", verbosity=0)
        yield server
    finally:
        server.remove()


@pytest.fixture
def database(transactional_db: None, own_postgres: OwnServer) -> Iterator[OwnServer]:
    """A PostgreSQL of the tests of this directory, up, and empty afterwards: everything here and every process that is
    started has it for its database. Before all rows are made: `@pytest.mark.usefixtures("database")`."""
    with in_use(own_postgres):
        yield own_postgres
        if not own_postgres.is_up:
            own_postgres.start()
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture
def broker(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnServer]:
    """A Valkey of this test's own, up: what is queued here goes there, and the workers started have it too."""
    server = OwnServer(tmp_path, "valkey")
    try:
        server.start()
        settings.REDIS_URL = server.url
        settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": server.url}}
        monkeypatch.setenv("REDIS_URL", server.url)
        monkeypatch.setitem(app.conf, "broker_url", server.url.replace("unix://", "redis+socket://", 1))
        monkeypatch.setattr(app.amqp, "_producer_pool", None)
        yield server
    finally:
        server.remove()
