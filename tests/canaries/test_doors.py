"""Whichever query fails on the way of a secret, no report of it shows one; and nothing met on the way shows one."""

import contextlib
import itertools
import sys
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

import pytest
from celery.signals import task_failure
from django.core.signals import got_request_exception
from django.db import OperationalError, connection
from django.db.models import Model
from django.forms import BaseForm
from django.test import Client

from accounts.models import CloudAccount, Team, User
from accounts.secrets import Secret, new_keyset
from catalog import actions, runs, tasks
from catalog.batches import field_of
from catalog.models import Source
from catalog.registration_spec import validate_spec
from tests.canaries import acts
from tests.canaries.planted import Garden, shown
from tests.canaries.reporter import Raised, report
from tests.clouds.credentials import Credential
from tests.clouds.server import Simulator
from tests.processes import ROOT
from tests.running import run_command

pytestmark = [pytest.mark.canary, pytest.mark.django_db(transaction=True)]
OURS = tuple(str(ROOT / name) for name in ("accounts", "catalog", "config"))


class Doors:
    """The ways by which a secret comes in and is used, each tried as often as one likes: nothing comes twice."""

    def __init__(self, garden: Garden, client: Client, account: CloudAccount, alice: User) -> None:
        self.garden, self.client, self.account, self.alice = garden, client, account, alice
        self.team, self.number = account.team, itertools.count()
        self.command: Callable[..., object] = print

    def typed(self, **filled: str) -> dict[str, str]:
        name = f"Edge {self.garden.control.text} {next(self.number)}"
        return (
            {"vendor": "alibaba", "name": name, "site": "china", "regions": "cn-hangzhou"}
            | self.garden.alibaba
            | filled
        )

    def connect(self) -> object:
        return self.client.post("/t/aero/accounts/add/", self.typed(save="1"))

    def test_first(self) -> object:
        return self.client.post("/t/aero/accounts/add/", self.typed(test="1"))

    def mistake(self) -> object:
        return self.client.post("/t/aero/accounts/add/", self.typed(name="", test="1"))

    def replace(self) -> object:
        filled = self.typed(name=self.account.name)
        return self.client.post(f"/t/aero/accounts/{self.account.id}/edit/", filled)

    def review(self) -> object:
        return self.client.post("/t/aero/registrations/add/", self.asked(step="review"))

    def send(self) -> object:
        page = self.review()
        token = page.content.decode().partition('name="token" value="')[2].partition('"')[0]
        return self.client.post("/t/aero/registrations/add/", self.asked(step="send", token=token))

    def asked(self, **filled: str) -> dict[str, str]:
        place = {"account": str(self.account.id), "region": "cn-hangzhou"}
        return acts.container(self.garden) | place | filled

    def batch(self) -> object:
        given = {"account": str(self.account.id), "region": "cn-hangzhou", "text": acts.batch_file(self.garden)}
        answer = self.client.post("/t/aero/registrations/many/", given)
        fields = {"count": "2", field_of(acts.REGISTRY, "builder"): self.garden.login_password.text}
        return self.client.post(answer["Location"], fields) if answer.status_code == 302 else answer

    def worker_registers(self) -> object:
        spec, _errors = validate_spec(document := acts.container(self.garden))
        assert spec
        password = Secret(document["registry_password"])
        made = actions.create_registration(
            self.team, self.alice, self.account, "cn-hangzhou", spec, password, queue=False
        )
        return tasks.register_image.apply([str(made.id)])

    def worker_tests(self) -> object:
        checks = [{"kind": "alibaba_ens_self", "region": "cn-hangzhou"}]
        test = actions.request_test(self.team, self.alice, self.account, checks)
        return tasks.test_connection.apply([str(test.id)])

    def worker_syncs(self) -> object:
        run = runs.start_run(Source.objects.get(), "person", self.alice.email)
        return tasks.sync_source.apply([str(run.id)])

    def command_connects(self) -> object:
        words = ("add_cloud_account", "aero", "alibaba", self.typed()["name"], "--credential", "-", "--traceback")
        return self.command(*words, stdin=self.garden.alibaba)

    def command_registers(self) -> object:
        words = ("register_image", "aero", self.account.name, "--region", "cn-hangzhou", "--spec", "-", "--traceback")
        return self.command(*words, stdin=acts.container(self.garden))

    def command_registers_many(self) -> object:
        words = ("register_image", "aero", self.account.name, "--region", "cn-hangzhou", "--spec", "-", "--traceback")
        return self.command(*words, stdin=acts.batch_file(self.garden))


WAYS = [name for name in vars(Doors) if not name.startswith("_") and name not in ("typed", "asked")]


@pytest.fixture
def doors(
    team: Team, alice: User, as_user: Callable[[User], Client], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Doors]:
    garden = Garden(new_keyset())
    monkeypatch.setenv("BOOTSHELF_KEYSET", garden.keyset.text)
    key = Credential(vendor="alibaba", key=garden.key.text, secret=garden.secret.text, token=garden.token.text)
    client = as_user(alice)
    client.raise_request_exception = False
    with Simulator(images=4, credentials=[key]) as cloud:
        settings.SIMULATOR_URL = cloud.url
        account = actions.create_cloud_account(
            team, alice, vendor="alibaba", name="Production", credential=garden.alibaba, simulated=True
        )
        actions.add_sources(team, alice, account, "alibaba_ehpc_registered", ["cn-hangzhou"], [])
        yield Doors(garden, client, account, alice)


@pytest.fixture
def reports(doors: Doors, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The reports of all that was raised and caught by nobody."""
    made: list[str] = []

    def of_a_request(**told: Any) -> None:
        made.append(report(sys.exc_info()))

    def of_a_task(exception: BaseException, traceback: TracebackType, **told: Any) -> None:
        made.append(report((type(exception), exception, traceback)))

    def of_a_command(*words: str, **given: Any) -> None:
        try:
            run_command(capsys, monkeypatch, *words, **given)
        except Exception as error:
            made.append(report_of(error))

    doors.command = of_a_command
    got_request_exception.connect(of_a_request)
    task_failure.connect(of_a_task)
    yield made
    got_request_exception.disconnect(of_a_request)
    task_failure.disconnect(of_a_task)


def report_of(error: Exception) -> str:
    """Of our own frames: those of this test know what it planted."""
    place = error.__traceback__
    while place and not place.tb_frame.f_code.co_filename.startswith(OURS):
        place = place.tb_next
    return report((type(error), error, place))


@contextlib.contextmanager
def query_fails(number: int) -> Iterator[list[str]]:
    """The query of this number, from 1 on, is refused; those that were asked."""
    asked: list[str] = []

    def count(execute: Callable[..., Any], sql: str, *given: Any) -> Any:
        asked.append(sql)
        if len(asked) == number:
            raise OperationalError("refused for a test")
        return execute(sql, *given)

    with connection.execute_wrapper(count):
        yield asked


@pytest.mark.parametrize("way", WAYS)
def test_no_report_of_a_query_that_failed_shows_a_secret(doors: Doors, reports: list[str], way: str) -> None:
    with query_fails(0) as asked:
        getattr(doors, way)()
    assert reports == [] and asked, "it works"
    for number in range(1, len(asked) + 1):
        with query_fails(number):
            try:
                getattr(doors, way)()
            except OperationalError as error:  # before it came to the worker
                reports.append(report_of(error))
    told = "\n".join(reports)
    assert "refused for a test" in told or way in HANDLE_ALL
    assert doors.garden.found_in(iter([told.encode(errors="replace")])) <= {doors.garden.control.name}, told


# A sync says itself what the database did to it.
HANDLE_ALL = ("worker_syncs",)


def test_a_report_would_have_shown_it(doors: Doors, reports: list[str]) -> None:
    def fails(password: str) -> None:
        raise OperationalError("refused for a test")

    doors.client.get("/")  # the fixtures work
    try:
        fails(doors.garden.password.text)
    except OperationalError:
        raised: Raised = sys.exc_info()  # type: ignore[assignment]
        assert doors.garden.found_in(iter([report(raised).encode()])) == {doors.garden.password.name}


def test_nothing_that_is_met_on_the_way_shows_a_secret(doors: Doors, reports: list[str]) -> None:
    met: dict[type, list[bytes]] = {}

    def look(frame: FrameType, event: str, result: Any) -> None:
        if event == "return" and frame.f_code.co_filename.startswith(OURS):
            for value in (*frame.f_locals.values(), result):
                if is_ours(value) and len(met.setdefault(type(value), [])) < 50:
                    with contextlib.suppress(AttributeError):  # it is being made
                        met[type(value)].append(shown(value))

    for way in WAYS:
        sys.setprofile(look)
        try:
            getattr(doors, way)()
        finally:
            sys.setprofile(None)
    names = {kind.__name__ for kind in met}
    assert names >= {"Secret", "Connection", "Call", "Client", "Spec", "CloudAccount", "Registration", "SealedSecret",
                     "CredentialForm", "RegistrationForm", "FileRow", "AddedImage"}, names  # fmt: skip
    for kind, told in met.items():
        assert doors.garden.found_in(iter(told)) <= {doors.garden.control.name}, kind
    every = itertools.chain.from_iterable(met.values())
    assert doors.garden.found_in(every) == {doors.garden.control.name}, "names are shown: it would have been found"


def is_ours(value: Any) -> bool:
    ours = type(value).__module__.partition(".")[0] in ("accounts", "catalog", "config")
    return ours or isinstance(value, Model | BaseForm | BaseException)
