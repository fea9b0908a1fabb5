"""How often a cloud is asked: the bucket in Valkey, in the server's own time, and what happens without it."""

import itertools
import logging
import os
import threading
from collections.abc import Iterator

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from catalog import actions, pace, tasks
from catalog.connections import connect
from catalog.leases import Heartbeat, RunLost, take
from catalog.models import SyncRun
from catalog.pace import take_turn
from catalog.providers import list_pages
from catalog.providers.base import Connection, Patience, ProviderError, Target
from catalog.registration import register
from catalog.registration_spec import Spec
from catalog.runs import start_run
from tests.catalog.providers.conftest import Naps, connection_to
from tests.catalog.test_sync import sync
from tests.waiting import wait_until
from tests.workers import worker

RATE = 20
INTERVAL = 1 / RATE


@pytest.fixture
def valkey() -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        yield client


@pytest.fixture
def key(valkey) -> str:
    valkey.delete("pace:of:a:test")
    return "pace:of:a:test"


@pytest.fixture
def no_valkey(settings, monkeypatch) -> Iterator[None]:
    """Nobody listens where Valkey should be."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(pace, "_away_until", 0.0)
    pace._alone.clear()
    pace._script.cache_clear()
    yield
    pace._script.cache_clear()


def now(valkey) -> float:
    seconds, micros = valkey.time()
    return seconds + micros / 1_000_000


def buckets(valkey) -> list[str]:
    return [name.decode() for name in valkey.keys("pace:*")]


def test_a_seconds_worth_goes_at_once_and_the_rest_at_the_pace(valkey, key):
    began = now(valkey)
    turns = []
    for number in range(3 * RATE):
        wait = take_turn(key, RATE, 60)
        assert wait == 0 or number >= RATE
        turns.append(now(valkey) + wait)
    for number, turn in enumerate(turns):
        assert turn >= began + (number - RATE + 1) * INTERVAL
    assert turns[-1] <= now(valkey) + 2 * RATE * INTERVAL, "nobody waits longer than the pace asks"


def test_eight_threads_share_one_bucket(valkey, key):
    began, turns = now(valkey), []

    def work() -> None:
        for _ in range(RATE):
            wait = take_turn(key, RATE, 60)
            turns.append(now(valkey) + wait)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(turns) == 8 * RATE
    assert max(turns) >= began + 7 * RATE * INTERVAL
    for number, turn in enumerate(sorted(turns)):
        assert turn >= began + (number - RATE + 1) * INTERVAL


def test_a_turn_too_far_away_is_not_taken(valkey, key):
    while take_turn(key, RATE, 1.0) is not None:
        pass
    stored = valkey.get(key)
    assert take_turn(key, RATE, 0.5) is None and valkey.get(key) == stored
    assert take_turn(key, RATE, 60) > 0.5


def test_a_bucket_goes_by_itself_when_it_is_full_again(valkey, key):
    take_turn(key, RATE, 60)
    assert 0 < valkey.pttl(key) < 2_200


def test_losing_the_bucket_does_no_harm(valkey, key):
    for _ in range(2 * RATE):
        take_turn(key, RATE, 60)
    valkey.flushdb()
    valkey.script_flush()
    assert take_turn(key, RATE, 60) == 0


def test_a_clock_that_was_set_back_stops_nobody(valkey, key):
    valkey.set(key, str(int((now(valkey) + 7200) * 1_000_000)))
    assert take_turn(key, RATE, 5) == 0


def test_without_valkey_each_process_keeps_the_pace_alone(no_valkey, key, caplog):
    caplog.set_level(logging.DEBUG)
    waits = [take_turn(key, RATE, 60) for _ in range(2 * RATE)]
    assert waits[: RATE - 1] == [0] * (RATE - 1) and RATE * INTERVAL * 0.5 < waits[-1] <= RATE * INTERVAL
    assert take_turn(key, RATE, 0.01) is None
    assert caplog.text.count("Valkey is away") == 1, "it is asked again after a while, not before each call"


@given(
    rate=st.integers(1, 50),
    calls=st.lists(st.tuples(st.floats(0, 2), st.floats(0, 5)), min_size=1, max_size=120),
)
def test_whenever_they_ask_no_second_has_more_than_two_seconds_worth(rate, calls):
    """The same algorithm, on a clock that a test can turn."""
    clock, granted, refused = Clock(), [], 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace, "time", clock)
        patch.setattr(pace, "_alone", {})
        patch.setattr(pace, "_away_until", float("inf"))
        for gap, longest in calls:
            clock.now += gap
            wait = take_turn("x", rate, longest)
            refused += wait is None
            if wait is not None:
                assert 0 <= wait <= longest
                granted.append(clock.now + wait)
    assert len(granted) + refused == len(calls)
    assert granted == sorted(granted), "who asks first goes first"
    for start in granted:
        assert sum(start <= at < start + 1 for at in granted) <= 2 * rate


class Clock:
    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.mark.django_db
@pytest.mark.faults
def test_a_sync_goes_on_without_valkey(no_valkey, simulated, make_source):
    assert sync(make_source("alibaba_ens_self")).state == "complete"


@pytest.mark.django_db
def test_each_account_product_and_region_has_a_bucket_and_its_name_tells_no_secret(valkey, simulated, make_source):
    valkey.flushdb()
    source = make_source("alibaba_ens_self")
    account, seen = source.cloud_account, set()
    for one in (
        source,
        make_source("alibaba_ens_public", account),
        make_source("alibaba_ens_self", account, region="cn-shanghai"),
        make_source("alibaba_ehpc_custom", account),
    ):
        sync(one)
        seen |= set(buckets(valkey))  # a full one goes after a second
    own = f"pace:{source.team_id}:{account.id}:"
    assert seen == {own + place for place in ("E-HPC:cn-hangzhou", "ENS:cn-hangzhou", "ENS:cn-shanghai")}
    sync(make_source("alibaba_ens_self"))
    assert len(seen | set(buckets(valkey))) == 4


@pytest.mark.django_db
@pytest.mark.parametrize("vendor", ["alibaba", "huawei"])
def test_every_request_takes_a_turn_also_one_that_is_tried_again(simulated, vendor):
    kind, region = ("alibaba_ens_self", "cn-hangzhou") if vendor == "alibaba" else ("huawei_workspace", "cn-north-4")
    taken: list[tuple[str, str]] = []

    def count(product: str, region: str, longest: float) -> float:
        taken.append((product, region))
        return 0.0

    simulated.fail(operation="ListImages" if vendor == "huawei" else "DescribeSelfImages", status=503, times=2)
    plain = connection_to(simulated.url, vendor)
    connection = Connection(
        credential=plain.credential, endpoints=plain.endpoints, patience=Patience(30, sleep=Naps().append), pace=count
    )
    list(list_pages(kind, connection, Target(region=region)))
    assert len(taken) == len(simulated.requests())
    assert {where for _, where in taken} == {region}
    assert {product for product, _ in taken} == ({"ENS"} if vendor == "alibaba" else {"Workspace", "IAM"})


def test_waiting_for_a_turn_takes_nothing_of_the_patience_with_trouble():
    naps = Naps()
    patience = Patience(30, sleep=naps.append)
    asked = []

    def pace_of_one(product: str, region: str, longest: float) -> float:
        asked.append(longest)
        return 7.0

    connection = Connection(credential={}, patience=patience, pace=pace_of_one)
    for _ in range(3):
        connection.take_turn("X", "ENS", "cn-hangzhou")
    assert (naps, patience.seconds, asked) == ([7.0] * 3, 30, [30] * 3)
    Connection(credential={}, patience=Patience(0, sleep=naps.append), pace=pace_of_one).take_turn("X", "ENS", "r")
    assert asked[-1] == 5.0


def test_a_turn_that_never_comes_is_one_clear_error():
    connection = Connection(credential={}, patience=Patience(30), pace=lambda *place: None)
    with pytest.raises(ProviderError) as raised:
        connection.take_turn("AddImage", "E-HPC", "cn-hangzhou")
    error = raised.value
    assert (error.kind, error.code, error.retryable) == ("throttled", "TooManyWaiting", False)
    assert error.outcome_known, "a registration that was not sent may be sent again"


@pytest.mark.django_db(transaction=True)
def test_a_wait_ends_when_the_run_is_another_workers(make_source):
    hold = take(start_run(make_source("alibaba_ens_self"), "schedule").id)
    beat = Heartbeat(hold)
    beat.sleep(0.001)
    beat._lost.set()
    with pytest.raises(RunLost):
        beat.sleep(3600)


@pytest.mark.django_db(transaction=True)
def test_registering_and_testing_take_turns_too(valkey, simulated, make_account, alice):
    valkey.flushdb()
    account = make_account()
    spec = Spec(type="vm", name="solver", image_id="m-bp1")
    registration = actions.create_registration(account.team, alice, account, "cn-hangzhou", spec, None)
    register(registration.id, 5)
    assert buckets(valkey) == [f"pace:{account.team_id}:{account.id}:E-HPC:cn-hangzhou"]
    checks = [{"kind": "alibaba_ens_public", "region": "cn-hangzhou"}]
    test = actions.request_test(account.team, alice, account, checks)
    tasks.test_connection(str(test.id))
    assert f"pace:{account.team_id}:{account.id}:ENS:cn-hangzhou" in buckets(valkey)


@pytest.mark.django_db
def test_the_pace_is_the_setting(settings, valkey, simulated, make_account):
    settings.PROVIDER_CALLS_PER_SECOND = 2
    pace_of_it = connect(make_account(), 5).pace
    waits = [pace_of_it("ENS", "cn-hangzhou", 60) for _ in range(4)]
    assert waits[:2] == [0, 0] and 0 < waits[2] <= 0.5 < waits[3] <= 1.0


class Watch:
    """What Valkey was told to keep in a bucket, in the order it was told, with the server's time."""

    def __init__(self) -> None:
        self.client = redis.Redis.from_url(os.environ["REDIS_URL"])
        self.kept: list[tuple[float, str, int]] = []
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self.ready.wait(10)

    def _run(self) -> None:
        with self.client.monitor() as monitor:
            self.ready.set()
            for said in monitor.listen():
                words = said["command"].split()
                if words[0].upper() == "SET" and words[1].startswith("pace:"):
                    self.kept.append((said["time"], words[1], int(words[2])))
                if words[:2] == ["ECHO", "over"]:
                    return

    def end(self, valkey) -> list[tuple[float, str, int]]:
        valkey.echo("over")
        self.thread.join(10)
        self.client.close()
        return self.kept


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_worker_processes_share_one_bucket(valkey, simulated, make_account, make_source):
    """The turns as Valkey gave them are an interval apart, whoever took them, and no call came before its turn."""
    account = make_account()
    items = [{"ImageId": f"m-{number}", "ImageName": f"image {number}"} for number in range(600)]
    simulated.serve(listing="alibaba_ens_self", region="cn-hangzhou", items=items)
    runs = [
        start_run(make_source("alibaba_ens_self", account, narrowing={"n": str(number)}), "schedule")
        for number in range(8)
    ]
    told = {"SIMULATOR_URL": simulated.url, "PROVIDER_CALLS_PER_SECOND": str(RATE)}
    watch = Watch()
    with worker(**told) as first, worker(**told) as second:
        for run in runs:
            tasks.sync_source.delay(str(run.id))
        wait_until(lambda: not SyncRun.objects.exclude(state="complete").exists())
        said = ["".join(first), "".join(second)]
    kept = watch.end(valkey)
    assert all("sync_source" in log for log in said), "both took part"
    assert {name for _, name, _ in kept} == {f"pace:{account.team_id}:{account.id}:ENS:cn-hangzhou"}
    turns = [free / 1_000_000 - INTERVAL for _, _, free in kept]
    for before, after in itertools.pairwise(turns):
        assert after - before >= INTERVAL - 0.000_002
    granted = sorted(max(turn, at) for turn, (at, _, _) in zip(turns, kept, strict=True))
    for start in granted:
        assert sum(start <= at < start + 1 for at in granted) <= 2 * RATE
    arrived = sorted(record["at"] for record in simulated.requests("DescribeSelfImages"))
    assert len(arrived) == len(granted) == 8 * 12
    for call, turn in zip(arrived, granted, strict=True):
        assert call >= turn - 0.002
