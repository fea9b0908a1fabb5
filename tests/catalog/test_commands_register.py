"""register_image: sent by this process, once, without a worker or a broker; its exit code tells the outcome."""

import json
import signal
import time

import pytest

from accounts.models import AuditEvent, CloudAccount, SealedSecret
from catalog import registration, tasks
from catalog.models import Image, Registration
from tests.catalog.registration.asked import CANARY, CONTAINER, CUT_OFF, VM, age, sent, settle
from tests.processes import answer, manage, refused, start_manage
from tests.running import run_command

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulated")]


@pytest.fixture
def account(make_account) -> CloudAccount:
    return make_account(name="Production")


@pytest.fixture
def register(capsys, monkeypatch, account):
    def make(spec, *words, region="cn-hangzhou", account="Production", team="aero"):
        given = ("register_image", team, account, "--region", region, "--spec", "-", *words)
        return run_command(capsys, monkeypatch, *given, stdin=spec)

    return make


def test_success_prints_the_image_id_and_exits_0(register, cloud):
    done = register(VM)
    assert answer(done) == {"state": "succeeded", "image_id": "m-bp1akkkr1rkxtb", "error": None} and done.stderr == ""
    assert Image.objects.get().name == "cfd-base" and len(sent(cloud)) == 1
    assert Registration.objects.get().requested_by == "register_image"


def test_a_container_image_is_registered_with_its_password(register, cloud):
    assert answer(register(CONTAINER, "--json"))["state"] == "succeeded"
    assert not SealedSecret.sealed.filter(table=registration.TABLE).exists()


def test_the_spec_may_come_from_a_file_and_hold_white_space(register, account, capsys, monkeypatch, tmp_path):
    file = tmp_path / "spec.json"
    file.write_text("\n\n" + json.dumps({name: f" {value}\n" for name, value in VM.items()}, indent=4) + "\n")
    words = ("register_image", "aero", "Production", "--region", "cn-hangzhou", "--spec", str(file))
    assert answer(run_command(capsys, monkeypatch, *words))["image_id"] == "m-bp1akkkr1rkxtb"


def test_a_rejection_prints_the_clouds_error_and_exits_1(register, cloud):
    cloud.fail(operation="AddImage", status=400, code="InDebt", message="Your account has overdue payments.")
    done = register(VM)
    told = answer(done, code=1)
    assert (told["state"], told["image_id"]) == ("rejected", None)
    assert set(told["error"]) == {"operation", "code", "message", "request_id"}
    assert (told["error"]["operation"], told["error"]["code"]) == ("AddImage", "InDebt") and told["error"]["request_id"]
    assert len(done.stderr.splitlines()) == 1 and "InDebt" in done.stderr


@pytest.mark.parametrize("fault", CUT_OFF.values(), ids=CUT_OFF.keys())
def test_an_unknown_outcome_exits_3_and_was_sent_once(register, cloud, fault):
    cloud.fail(operation="AddImage", apply=True, times=0, **fault)
    told = answer(register(VM), code=3)
    assert (told["state"], told["image_id"]) == ("unknown", None) and told["error"]["code"]
    assert len(sent(cloud)) == 1


def test_an_image_on_the_shelf_is_rejected_before_sending(register, cloud):
    register(VM)
    told = answer(register(VM), code=1)
    assert told["state"] == "rejected" and told["image_id"] is None
    assert (told["error"]["operation"], told["error"]["code"]) == ("AddImage", "ImageAlreadyExists")
    assert len(sent(cloud)) == 1 and Registration.objects.count() == 1


def test_registered_again_after_an_unknown_outcome_it_succeeds(register, cloud):
    cloud.fail(operation="AddImage", apply=True, reset=True)
    assert answer(register(VM), code=3)["state"] == "unknown"
    assert answer(register(VM)) == {"state": "succeeded", "image_id": "m-bp1akkkr1rkxtb", "error": None}
    assert set(Registration.objects.values_list("state", flat=True)) == {"succeeded"}


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("not json", "The spec is not JSON."),
        ("3", "A registration is a JSON object"),
        ({}, "type: Choose the type"),
        ({**VM, "type": "iso"}, "type: Choose the type"),
        ({"type": "vm", "name": "x"}, "image_id: "),
        ({"type": "container", "name": "x"}, "registry_url: "),
        ({**VM, "registry_password": CANARY}, "registry_password: "),
        ({**CONTAINER, "registry_url": "https://x/y"}, "registry_url: Write the reference without https://."),
        ({**VM, "Name": "x"}, "Name: There is no such field."),
        ({**CONTAINER, "is_acr": "yes"}, "is_acr: This must be true or false."),
    ],
)
def test_a_bad_spec_is_one_line_and_nothing_is_written_or_sent(register, cloud, spec, why):
    line = refused(register(spec))
    assert why in line and "c4nary" not in line
    assert not Registration.objects.exists() and not AuditEvent.objects.exists() and not sent(cloud)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"team": "nobody"}, "There is no team"),
        ({"account": "Nobody"}, "no cloud account 'Nobody'"),
        ({"region": "CN"}, "is not a region"),
    ],
)
def test_other_bad_input_is_one_line_too(register, cloud, fields, why):
    assert why in refused(register(VM, **fields))
    assert not Registration.objects.exists() and not sent(cloud)


def test_a_vendor_that_registers_nothing_is_one_line(register, make_account):
    make_account("huawei", name="Desktops")
    assert "cannot be registered" in refused(register(VM, account="Desktops"))


def test_a_region_that_the_cloud_does_not_have_is_a_rejection(register):
    told = answer(register(VM, region="cn-nowhere"), code=1)
    assert told["state"] == "rejected" and told["error"]["code"]


def test_what_looks_wrong_is_warned_of_and_sent(register, cloud):
    done = register({**CONTAINER, "registry_server": "ghcr.io"})
    assert answer(done)["state"] == "succeeded" and done.stderr.startswith("Warning: registry_server: ")


# As a process


def simulated_environment(cloud) -> dict[str, str | None]:
    return {"SIMULATOR_URL": cloud.url, "REDIS_URL": "redis://127.0.0.1:9/0"}


WORDS = ("register_image", "aero", "Production", "--region", "cn-hangzhou", "--spec", "-")


@pytest.mark.canary
def test_no_worker_and_no_broker_are_needed_and_the_password_is_printed_nowhere(account, cloud):
    done = manage(*WORDS, stdin=CONTAINER, **simulated_environment(cloud), LOG_LEVEL="DEBUG")
    assert answer(done)["state"] == "succeeded"
    assert "c4nary" not in done.stdout + done.stderr and json.dumps(CANARY)[1:-1] not in done.stderr


@pytest.mark.faults
def test_killed_while_sending_it_is_never_sent_again_and_the_truth_comes_out(account, cloud):
    cloud.fail(operation="AddImage", apply=True, delay=30)
    process = start_manage(*WORDS, **simulated_environment(cloud))
    process.stdin.write(json.dumps(CONTAINER))
    process.stdin.close()
    deadline = time.monotonic() + 30
    while not Registration.objects.filter(state="sending").exists() or not sent(cloud):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    made = Registration.objects.get()
    assert made.state == "sending" and SealedSecret.sealed.filter(row=made.id).exists()
    age(made, "sent_at", 6 * 60)
    tasks.settle_registrations()
    made.refresh_from_db()
    assert made.state == "unknown" and not SealedSecret.sealed.filter(row=made.id).exists()
    cloud.heal()
    assert settle(made).state == "succeeded"
    tasks.register_image(str(made.id))
    assert len(sent(cloud)) == 1


@pytest.mark.faults
def test_ctrl_c_while_sending_ends_at_once_with_an_unknown_outcome(account, cloud):
    cloud.fail(operation="AddImage", delay=30)
    process = start_manage(*WORDS, **simulated_environment(cloud))
    process.stdin.write(json.dumps(VM))
    process.stdin.flush()
    process.stdin.close()
    deadline = time.monotonic() + 30
    while not sent(cloud):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 3
    out, told = process.stdout.read(), process.stderr.read()
    assert json.loads(out)["state"] == "unknown" and "Traceback" not in told
    assert Registration.objects.get().state == "unknown"
