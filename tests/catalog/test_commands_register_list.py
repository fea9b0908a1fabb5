"""register_image with a list: checked as a whole first, sent one after another, gone on with after an interruption."""

import json
import signal

import pytest

from accounts.models import AuditEvent, CloudAccount, SealedSecret
from catalog import batches, registration, tasks
from catalog.models import Batch, Image, Registration
from tests.catalog.batching import as_csv, confirmed, containers, states, vms, work
from tests.catalog.registration.asked import CANARY, CONTAINER, VM, age, sent
from tests.processes import manage, refused, start_manage
from tests.running import run_command
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulated")]

WORDS = ("register_image", "aero", "Production", "--region", "cn-hangzhou", "--spec")


@pytest.fixture
def account(make_account) -> CloudAccount:
    return make_account(name="Production")


@pytest.fixture
def register(capsys, monkeypatch, account):
    """The command with this list on stdin, or this file."""

    def make(given, *words):
        path = [str(given)] if hasattr(given, "name") else ["-"]
        return run_command(capsys, monkeypatch, *WORDS, *path, *words, stdin="" if path != ["-"] else given)

    return make


def told(done) -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def names(cloud) -> list[str]:
    return [call["parameters"]["Name"] for call in sent(cloud)]


def test_a_list_is_sent_one_after_another_with_a_table_of_results(register, cloud):
    done = register([*vms(2), CONTAINER])
    assert done.returncode == 0
    header, *lines = done.stdout.splitlines()
    assert header.split()[:4] == ["ROW", "STATE", "NAME", "VERSION"]
    assert [line.split()[:3] for line in lines] == [
        ["1", "succeeded", "image-1"], ["2", "succeeded", "image-2"], ["3", "succeeded", "trainer"],
    ]  # fmt: skip
    assert "m-0001" in lines[0] and "3 succeeded of 3." in done.stderr
    assert names(cloud) == ["image-1", "image-2", "trainer"] and Image.objects.count() == 3
    assert not SealedSecret.sealed.filter(table=registration.TABLE).exists()


def test_as_json_it_is_a_line_an_image(register, cloud):
    rows = vms(2)
    rows[1]["image_id"] = "m-missing1"
    done = register(rows, "--json")
    first, second = told(done)
    assert done.returncode == 1
    assert first == {
        "row": 1, "name": "image-1", "version": "V1.0", "region": "cn-hangzhou", "state": "succeeded",
        "image_id": "m-0001", "error": None,
    }  # fmt: skip
    assert (second["state"], second["image_id"], second["error"]["code"]) == ("rejected", None, "ImageNotFound")
    assert set(second["error"]) == {"operation", "code", "message", "request_id"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("images.csv", as_csv(vms(2))),
        ("images.CSV", "\ufeff" + as_csv(vms(2)).replace(",", ";")),
        ("images.yaml", "#\n- {type: vm, name: image-1, image_id: m-1}\n- {type: vm, name: image-2, image_id: m-2}"),
        ("images.yml", "---\n- {type: vm, name: image-1, image_id: m-1}\n- {type: vm, name: image-2, image_id: m-2}"),
        ("images.json", json.dumps(vms(2), indent="\t")),
        ("images", "- {type: vm, name: image-1, image_id: m-1}\n- {type: vm, name: image-2, image_id: m-2}"),
    ],
)  # fmt: skip
def test_it_reads_a_file_of_each_kind(register, cloud, tmp_path, name, text):
    file = tmp_path / name
    file.write_text(text)
    assert register(file).returncode == 0 and names(cloud) == ["image-1", "image-2"]
    assert Batch.objects.get().title == name


def test_a_row_may_name_its_region(register, cloud):
    done = register([VM, VM | {"region": "cn-shanghai"}], "--json")
    assert [one["region"] for one in told(done)] == ["cn-hangzhou", "cn-shanghai"]


def test_it_leaves_one_audit_row_and_one_for_each_outcome(register):
    register(vms(3))
    actions = list(AuditEvent.objects.order_by("id").values_list("actor", "action"))
    assert actions[0] == ("register_image", "batch.created") and len(actions) == 4
    assert set(actions[1:]) == {("worker", "registration.succeeded")}


# What is refused as a whole


def test_every_error_is_listed_and_nothing_is_sent(register, cloud):
    done = register([VM, VM | {"type": "iso", "name": ""}, CONTAINER | {"registry_url": "https://x/y"}, VM])
    assert done.returncode == 2 and done.stdout == ""
    lines = done.stderr.splitlines()
    assert any(line.startswith("entry 2: type: ") for line in lines)
    assert any(line.startswith("entry 2: name: ") for line in lines)
    assert any("entry 3: registry_url: Write the reference without" in line for line in lines)
    assert any("entry 4: name: The same name, version and type as in entry 1." in line for line in lines)
    assert lines[-1] == "Nothing was sent: 3 of 4 images are not as they must be." and "c4nary" not in done.stderr
    assert not Registration.objects.exists() and not Batch.objects.exists() and not sent(cloud)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("[]", "There is no image in it."),
        ("[{}, 1]", None),
        ("[[1]]", None),
        ('[{"name": "a",', "is not JSON"),
        ("- &a {name: x}\n- *a", "Line 1: put a value"),
        (json.dumps(vms(501)), "more than 500 images"),
        (b"[" + b" " * 600_000 + b"]", "larger than 512 KB"),
    ],
)
def test_a_list_that_is_none_exits_2(register, cloud, given, why):
    done = register(given)
    assert done.returncode == 2 and done.stdout == "" and (why is None or refused(done, code=2)) and not sent(cloud)
    assert why is None or why in done.stderr


def test_other_bad_input_is_one_line_too(register, capsys, monkeypatch, account, make_account):
    make_account("huawei", name="Desktops")
    for words in (("nobody", "Production"), ("aero", "Nobody"), ("aero", "Desktops")):
        refused(run_command(capsys, monkeypatch, "register_image", *words, "--region", "x1", "--spec", "-", stdin=[VM]))
    refused(
        run_command(
            capsys, monkeypatch, "register_image", "aero", "Production", "--region", "X", "--spec", "-", stdin=[VM]
        )
    )


# The same again


def test_given_again_it_sends_only_what_is_not_on_the_shelf(register, cloud):
    register(vms(2))
    done = register(vms(3), "--json")
    assert [one["state"] for one in told(done)] == ["on_shelf", "on_shelf", "succeeded"] and done.returncode == 0
    assert told(done)[0]["image_id"] == "m-0001" and names(cloud) == ["image-1", "image-2", "image-3"]
    done = register(vms(3))
    assert done.returncode == 0 and "3 on_shelf of 3." in done.stderr and Batch.objects.count() == 2


def test_what_was_rejected_is_sent_again(register, cloud):
    cloud.fail(operation="AddImage", status=400, code="InvalidParams")
    assert register(vms(2)).returncode == 1
    assert register(vms(2)).returncode == 0 and names(cloud) == ["image-1", "image-2", "image-1"]


def test_an_unknown_outcome_is_looked_up_and_never_sent_again(register, cloud):
    cloud.fail(operation="AddImage", reset=True, apply=True)
    done = register(vms(2), "--json")
    assert [one["state"] for one in told(done)] == ["unknown", "succeeded"] and done.returncode == 3
    assert register(vms(2)).returncode == 0, "ListImages has it by now"
    assert names(cloud) == ["image-1", "image-2"]


def test_an_unknown_outcome_that_stays_so_exits_3_each_time(register, cloud):
    cloud.fail(operation="AddImage", reset=True)
    for _again in range(2):
        done = register(vms(2), "--json")
        assert told(done)[0]["state"] == "unknown" and done.returncode == 3
    assert names(cloud) == ["image-1", "image-2"]


def test_a_refusal_that_holds_for_all_stops_the_rest(register, cloud):
    cloud.fail(operation="AddImage", status=400, code="InDebt", times=0)
    done = register(vms(3), "--json")
    assert [one["state"] for one in told(done)] == ["rejected", "not_sent", "not_sent"] and done.returncode == 1
    assert len(sent(cloud)) == 1
    cloud.heal()
    assert register(vms(3)).returncode == 0


def test_what_a_batch_of_the_web_has_waiting_is_sent_by_who_comes_first(register, account, alice, cloud):
    batch = confirmed(account, alice, vms(2))
    done = register(vms(3), "--json")
    assert [one["state"] for one in told(done)] == ["succeeded"] * 3 and states(batch) == ["succeeded"] * 2
    work(batch)
    assert names(cloud) == ["image-1", "image-2", "image-3"]


# As a process, interrupted


def start(cloud, given, **extra):
    words = {"SIMULATOR_URL": cloud.url, "REDIS_URL": "redis://127.0.0.1:9/0"}
    process = start_manage(*WORDS, "-", "--json", **(words | extra))
    process.stdin.write(json.dumps(given))
    process.stdin.close()
    return process


def again(cloud, given):
    extra = {"SIMULATOR_URL": cloud.url, "REDIS_URL": "redis://127.0.0.1:9/0"}
    return manage(*WORDS, "-", "--json", stdin=given, **extra)


@pytest.mark.canary
def test_no_worker_and_no_broker_are_needed_and_no_password_is_printed(account, cloud):
    process = start(cloud, containers(2), LOG_LEVEL="DEBUG")
    assert process.wait(60) == 0
    output = process.stdout.read() + process.stderr.read()
    assert "c4nary" not in output and json.dumps(CANARY)[1:-1] not in output and len(sent(cloud)) == 2


@pytest.mark.faults
@pytest.mark.parametrize("apply", [True, False])
def test_killed_in_the_middle_and_given_again_none_is_sent_twice(account, cloud, apply):
    """In the third call, whether the cloud did it or not; the two after it are sent all the same."""
    third = {"operation": "AddImage", "parameters": {"Name": "container-3"}}
    cloud.fail(**third, delay=60, reset=True, apply=apply)
    process = start(cloud, containers(5))
    wait_until(lambda: len(sent(cloud)) == 3 or process.poll() is not None)
    process.kill()
    process.wait()
    cloud.heal()
    (cut,) = Registration.objects.filter(state="sending")
    assert cut.name == "container-3"
    age(cut, "sent_at", 6 * 60)
    done = again(cloud, containers(5))
    third_state, code = ("succeeded", 0) if apply else ("unknown", 3)
    assert done.returncode == code
    assert [one["state"] for one in told(done)] == ["on_shelf"] * 2 + [third_state] + ["succeeded"] * 2
    assert names(cloud) == [f"container-{n}" for n in range(1, 6)], "each once"
    assert not SealedSecret.sealed.filter(table=registration.TABLE).exists()


@pytest.mark.faults
def test_after_a_kill_the_worker_goes_on_by_itself(account, cloud):
    cloud.fail(operation="AddImage", parameters={"Name": "image-2"}, delay=60, reset=True)
    process = start(cloud, vms(5))
    wait_until(lambda: len(sent(cloud)) == 2 or process.poll() is not None)
    process.kill()
    process.wait()
    cloud.heal()
    batch = Batch.objects.get()
    age(Registration.objects.get(batch=batch, state="sending"), "sent_at", 6 * 60)
    tasks.settle_registrations()
    work(batch)
    assert names(cloud) == [f"image-{n}" for n in range(1, 6)] and states(batch).count("succeeded") == 4


@pytest.mark.faults
def test_ctrl_c_stops_what_was_not_sent_and_the_same_again_goes_on(account, cloud):
    cloud.fail(operation="AddImage", apply=True, delay=30)
    process = start(cloud, containers(4))
    wait_until(lambda: len(sent(cloud)) == 1)
    process.send_signal(signal.SIGINT)
    assert process.wait(15) == 3
    lines, complaint = process.stdout.read().splitlines(), process.stderr.read()
    assert [json.loads(line)["state"] for line in lines] == ["unknown", *["not_sent"] * 3]
    assert "Traceback" not in complaint and "Interrupted" in complaint
    codes = [one.error["code"] for one in Registration.objects.filter(state="rejected")]
    assert codes == [batches.CANCELLED] * 3 and not SealedSecret.sealed.filter(table=registration.TABLE).exists()
    cloud.heal()
    done = again(cloud, containers(4))
    assert done.returncode == 0 and sorted(names(cloud)) == [f"container-{n}" for n in range(1, 5)]
