"""`manage sync`, as a process of its own, on the simulated clouds."""

import json
import subprocess
import threading

import pytest
from django.utils import timezone

from catalog.models import Image, Source, SyncRun
from catalog.runs import start_run
from tests.processes import manage, refused, start_manage
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

KEYS = ["source", "kind", "state", "listed", "added", "changed", "missing", "returned", "pages", "seconds", "error"]


@pytest.fixture
def run_sync(simulated):
    """`manage sync` with these words; no broker is there."""

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return manage("sync", *words, SIMULATOR_URL=simulated.url, REDIS_URL="unix:///nowhere")

    return run


def told(done) -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_prints_a_line_of_json_a_source(run_sync, make_source):
    sources = [make_source("alibaba_ens_self"), make_source("huawei_workspace")]
    done = run_sync("aero", "--json")
    lines = told(done)
    assert done.returncode == 0 and done.stderr == ""
    assert [list(line) for line in lines] == [KEYS, KEYS]
    assert {line["source"] for line in lines} == {str(source.id) for source in sources}
    for line in lines:
        assert (line["state"], line["listed"], line["added"], line["error"]) == ("complete", 120, 120, None)
        assert (line["changed"], line["missing"], line["returned"]) == (0, 0, 0)
        assert line["pages"] in (2, 3) and 0 < line["seconds"] < 30
    assert SyncRun.objects.filter(trigger="command", state="complete").count() == 2


def test_it_tells_people_the_same_in_a_line(run_sync, make_source):
    make_source("alibaba_ens_self")
    done = run_sync("aero")
    (line,) = done.stdout.splitlines()
    assert line.split()[:5] == ["complete", "alibaba_ens_self", "cn-hangzhou", "120", "listed,"]


def test_one_that_fails_leaves_the_others_done(run_sync, make_source, simulated):
    bad, good = make_source("alibaba_ens_self"), make_source("huawei_workspace")
    simulated.fail(operation="DescribeSelfImages", code="NoPermission", times=0)
    done = run_sync("aero", "--json", str(bad.id), str(good.id))
    first, second = told(done)
    assert done.returncode == 1
    assert (first["source"], first["state"], first["listed"]) == (str(bad.id), "failed", 0)
    assert list(first["error"]) == ["operation", "code", "message", "request_id"]
    assert (first["error"]["operation"], first["error"]["code"]) == ("DescribeSelfImages", "NoPermission")
    assert first["error"]["message"] and first["error"]["request_id"]
    assert (second["state"], second["listed"]) == ("complete", 120)


def test_a_suspect_listing_exits_0(run_sync, make_source, simulated):
    source = make_source("alibaba_ens_self")
    run_sync("aero")
    simulated.serve(listing="alibaba_ens_self", region="cn-hangzhou", items=[])
    done = run_sync("aero", "--json", str(source.id))
    (line,) = told(done)
    assert (done.returncode, line["state"], line["missing"], line["error"]) == (0, "suspect", 0, None)
    assert Image.objects.filter(missing_since=None).count() == 120


def test_only_the_sources_named_are_synced(run_sync, make_source):
    named, other = make_source("alibaba_ens_self"), make_source("huawei_workspace")
    lines = told(run_sync("aero", "--json", str(named.id), str(named.id)))
    assert [line["source"] for line in lines] == [str(named.id)]
    assert not SyncRun.objects.filter(source=other).exists()


def test_a_paused_source_is_skipped_unless_it_is_named(run_sync, make_source):
    source = make_source("alibaba_ens_self", paused_at=timezone.now(), paused_reason="admin")
    done = run_sync("aero", "--json")
    assert (done.returncode, done.stdout) == (0, "")
    assert "skipped" in run_sync("aero").stdout
    (line,) = told(run_sync("aero", "--json", str(source.id)))
    assert line["state"] == "complete"


@pytest.mark.parametrize("word", ["no-such-source", "00000000-0000-0000-0000-000000000000", ""])
def test_a_source_that_is_not_there_is_refused_and_nothing_done(run_sync, make_source, word):
    source = make_source("alibaba_ens_self")
    assert "has no source" in refused(run_sync("aero", "--json", str(source.id), word))
    assert not SyncRun.objects.exists()


def test_another_teams_source_is_not_there(run_sync, make_source, other_team, make_account):
    source = make_source("alibaba_ens_self", make_account("alibaba", team=other_team))
    assert "has no source" in refused(run_sync("aero", str(source.id)))


def test_a_removed_source_is_not_there(run_sync, make_source):
    source = make_source("alibaba_ens_self", archived_at=timezone.now())
    refused(run_sync("aero", str(source.id)))


@pytest.mark.parametrize("slug", ["nobody", "no\nbody", ""])
def test_a_team_that_is_not_there_is_refused(run_sync, team, slug):
    assert "There is no team" in refused(run_sync(slug, "--json"))


def test_a_queued_run_that_no_worker_took_is_run_here(run_sync, make_source):
    run = start_run(make_source("alibaba_ens_self"), "schedule")
    (line,) = told(run_sync("aero", "--json"))
    run.refresh_from_db()
    assert (line["state"], line["added"], run.state, SyncRun.objects.count()) == ("complete", 120, "complete", 1)


@pytest.mark.slow
def test_a_run_that_goes_on_is_waited_for_and_told(run_sync, make_source, simulated):
    source = make_source("alibaba_ens_self")
    simulated.fail(operation="DescribeSelfImages", page=2, delay=12.0)  # the second command starts meanwhile
    outputs = []
    words = ("aero", "--json", str(source.id))
    first = threading.Thread(target=lambda: outputs.append(run_sync(*words)))
    first.start()
    wait_until(lambda: SyncRun.objects.filter(state="listing", pages__gte=1).exists())
    outputs.append(run_sync(*words))
    first.join()
    assert [told(done)[0]["added"] for done in outputs] == [120, 120]
    assert SyncRun.objects.count() == 1


def test_a_run_whose_worker_is_gone_is_taken_over_after_its_lease(run_sync, make_source, simulated):
    source = make_source("alibaba_ens_self")
    simulated.fail(operation="DescribeSelfImages", page=2, delay=60.0)
    killed = start_manage("sync", "aero", SIMULATOR_URL=simulated.url, REDIS_URL="unix:///nowhere")
    wait_until(lambda: SyncRun.objects.filter(state="listing", pages__gte=1).exists())
    killed.kill()
    killed.communicate()
    SyncRun.objects.update(lease_until=timezone.now())
    simulated.heal()
    (line,) = told(run_sync("aero", "--json"))
    run = SyncRun.objects.get()
    assert (line["state"], line["added"], run.attempt, run.source_id) == ("complete", 120, 2, source.id)


def test_a_team_without_sources_has_nothing_to_do(run_sync, team):
    done = run_sync("aero", "--json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "") and not Source.objects.exists()
