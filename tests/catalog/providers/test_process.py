"""Traps of processes, memory and time, each by its name: PROVIDERS.md sections 1, 2a, 4 and 5."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.providers import PROVIDERS, list_pages
from catalog.providers.base import ProviderError, Target
from tests.catalog.providers.canned import Canned, Reply, as_json
from tests.catalog.providers.conftest import Naps, connection_for, connection_to, target_for
from tests.clouds.server import Simulator

SDKS = ("alibabacloud", "Tea", "darabonba", "huaweicloudsdk", "requests", "aiohttp")
SELF, HUAWEI, ENS = "alibaba_ens_self", "huawei_workspace", "alibaba_ens_public"


def run_python(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    start = "from django.conf import settings; settings.configure(USE_I18N=False)\n"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), **environ}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", start + code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_registry_forms_and_every_module_load_no_sdk() -> None:
    code = f"""
import importlib, sys
from catalog import providers
for kind in providers.PROVIDERS: importlib.import_module("catalog.providers." + kind)
for module in providers.VENDORS.values(): module.CredentialForm({{}}).is_valid()
print([name for name in sys.modules if name.startswith({SDKS!r})])
"""
    assert run_python(code).stdout.strip() == "[]"


# Prefork shares sockets


@pytest.mark.parametrize("kind", [SELF, HUAWEI])
def test_a_call_before_a_fork_does_no_harm_to_the_children(cloud: Simulator, kind: str) -> None:
    """An Alibaba call made before the fork gave children each other's answers, a Huawei client hung them for ever."""
    vendor = PROVIDERS[kind].vendor
    regions = ["cn-hangzhou", "cn-beijing"] if vendor == "alibaba" else ["cn-north-4", "cn-east-3"]
    regions = [region for region in regions if cloud.size(kind, region)]
    listing = f"""
import os, sys
from catalog.providers import list_pages
from catalog.providers.base import Target
from tests.catalog.providers.conftest import connection_to
def listed(region):
    found = list_pages({kind!r}, connection_to({cloud.url!r}, {vendor!r}), Target(region=region))
    return sorted(image.remote_id for page in found for image in page.images)
own = {{region: listed(region) for region in {regions!r}}}
half_way = list_pages({kind!r}, connection_to({cloud.url!r}, {vendor!r}), Target(region={regions[0]!r}))
next(half_way)
children = []
for number in range(6):
    region = {regions!r}[number % {len(regions)}]
    child = os.fork()
    if child == 0:
        os._exit(0 if all(listed(region) == own[region] for _ in range(5)) else 3)
    children.append(child)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
print(len(list(half_way)) > 0)
"""
    done = run_python(listing)
    assert done.stdout.split("\n")[:2] == ["[0, 0, 0, 0, 0, 0]", "True"], done.stderr


def test_threads_list_side_by_side_without_mixing_answers(cloud: Simulator) -> None:
    def listed(kind: str, region: str) -> list[str]:
        connection = connection_to(cloud.url, PROVIDERS[kind].vendor)
        found = list_pages(kind, connection, Target(region=region))
        return sorted(image.remote_id for page in found for image in page.images)

    places = [
        (SELF, "cn-hangzhou"),
        (ENS, "cn-hangzhou"),
        (HUAWEI, "cn-north-4"),
        ("alibaba_ehpc_custom", "cn-hangzhou"),
    ]
    alone = {place: listed(*place) for place in places}
    wrong: list[object] = []

    def work(place: tuple[str, str]) -> None:
        for _ in range(3):
            try:
                if listed(*place) != alone[place]:
                    wrong.append(place)
            except ProviderError as error:
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(place,)) for place in places * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


def test_a_listing_leaves_no_thread_and_no_connection_behind(cloud: Simulator) -> None:
    def listed() -> None:
        for kind, region in ((SELF, "cn-hangzhou"), (HUAWEI, "cn-north-4")):
            list(list_pages(kind, connection_to(cloud.url, PROVIDERS[kind].vendor), Target(region=region)))
            pages = list_pages(kind, connection_to(cloud.url, PROVIDERS[kind].vendor), Target(region=region))
            next(pages)
            pages.close()

    def resources() -> tuple[int, int]:
        return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    listed()
    until(lambda: resources()[0] <= 3)
    before = resources()
    for _ in range(5):
        listed()
    until(lambda: resources() <= before)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# Home


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null", ""])
def test_huaweis_sdk_works_without_a_writable_home(cloud: Simulator, home: str) -> None:
    code = f"""
from catalog.providers import check
from catalog.providers.base import Target
from tests.catalog.providers.conftest import connection_to
check("huawei_workspace", connection_to({cloud.url!r}, "huawei"), Target(region="cn-north-4"))
print("fine")
"""
    done = run_python(code, HOME=home)
    assert (done.stdout, done.stderr) == ("fine\n", "")


def test_nothing_is_written_to_the_standard_streams(cloud: Simulator, capfd: pytest.CaptureFixture[str]) -> None:
    for kind in (SELF, HUAWEI):
        vendor = PROVIDERS[kind].vendor
        list(list_pages(kind, connection_to(cloud.url, vendor), target_for(kind)))
        with pytest.raises(ProviderError):
            list(list_pages(kind, connection_for("http://127.0.0.1:9", kind), target_for(kind)))
    assert capfd.readouterr() == ("", "")


def test_a_debugging_environment_does_not_make_the_sdk_talk(
    cloud: Simulator, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEBUG", "sdk")
    list(list_pages(SELF, connection_to(cloud.url, "alibaba"), target_for(SELF)))
    assert capfd.readouterr() == ("", "")


# Size and time


@pytest.mark.parametrize("kind", [ENS, HUAWEI])
def test_an_answer_is_cut_off_at_the_limit_while_it_is_read(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from catalog.providers import wire

    monkeypatch.setattr(wire, "MAX_ANSWER", 1024 * 1024)
    body = b'{"a": "' + b"x" * (2 * 1024 * 1024)
    told = {"Transfer-Encoding": "chunked", "Content-Length": ""}
    chunked = b"".join(
        b"%x\r\n%b\r\n" % (len(body[n : n + 65536]), body[n : n + 65536]) for n in range(0, len(body), 65536)
    )
    for reply in (Reply(body), Reply(chunked, headers=told), packed(body)):
        with Canned(reply) as server, pytest.raises(ProviderError) as raised:
            list(list_pages(kind, connection_for(server.url, kind), target_for(kind)))
        assert (raised.value.kind, raised.value.code) == ("too_large", "AnswerTooLarge")


def packed(body: bytes) -> Reply:
    import gzip

    return Reply(gzip.compress(body), headers={"Content-Encoding": "gzip"})


def test_an_answer_of_just_under_64_mib_is_read() -> None:
    image = b'{"ImageId": "m-1", "Description": "' + b"x" * (63 * 1024 * 1024) + b'"}'
    with Canned(Reply(b'{"Images": {"Image": [' + image + b"]}}")) as server:
        (page,) = list_pages(ENS, connection_for(server.url, ENS), target_for(ENS))
    assert len(page.images[0].description or "") == 63 * 1024 * 1024


def test_a_packed_answer_is_unpacked() -> None:
    with Canned(packed(b'{"Images": {"Image": [{"ImageId": "m-1"}]}}')) as server:
        (page,) = list_pages(ENS, connection_for(server.url, ENS), target_for(ENS))
    assert page.images[0].remote_id == "m-1"


@pytest.mark.parametrize("kind", [ENS, HUAWEI])
def test_a_cloud_that_does_not_answer_is_not_waited_for_for_ever(
    kind: str, naps: Naps, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.providers import wire

    monkeypatch.setattr(wire, "READ_SECONDS", 0.1)
    with Canned(Reply(b"{}", delay=0.5)) as server, pytest.raises(ProviderError) as raised:
        list(list_pages(kind, connection_for(server.url, kind, naps=naps), target_for(kind)))
    assert (raised.value.code, raised.value.kind, len(naps)) == ("ReadTimeout", "unreachable", 3)


def test_a_cloud_that_drips_is_not_waited_for_for_ever(naps: Naps, monkeypatch: pytest.MonkeyPatch) -> None:
    from catalog.providers import wire

    monkeypatch.setattr(wire, "ANSWER_SECONDS", 0.2)
    with Canned(Reply(b" " * 200, then="drip")) as server, pytest.raises(ProviderError) as raised:
        list(list_pages(ENS, connection_for(server.url, ENS, naps=naps), target_for(ENS)))
    assert (raised.value.code, len(naps)) == ("ReadTimeout", 3)


def test_the_waits_of_a_run_stay_within_its_patience() -> None:
    naps = Naps()
    busy = as_json({"Code": "ServiceUnavailable", "Message": "?"}, 503, **{"x-acs-retry-after": "700"})
    with Canned(busy) as server, pytest.raises(ProviderError):
        list(list_pages(ENS, connection_for(server.url, ENS, naps=naps, seconds=1.5), target_for(ENS)))
    assert naps == [0.7, 0.7]
