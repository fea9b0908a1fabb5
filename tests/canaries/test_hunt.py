"""Secrets are planted and everything is driven through success and every fault: nothing of them turns up anywhere."""

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from allauth.account.models import EmailAddress

from accounts.models import Team, User
from accounts.secrets import new_keyset
from config.celery import app
from tests.canaries import known
from tests.canaries.hunt import Hunt
from tests.canaries.planted import CONTROL, Garden, spellings, unpacked
from tests.canaries.stage import PLACES, Stage, post_mortem, served
from tests.clouds.credentials import Credential
from tests.clouds.server import Simulator
from tests.workers import Worker

pytestmark = pytest.mark.canary


@pytest.fixture
def garden() -> Garden:
    return Garden(new_keyset())


@pytest.fixture
def stage(
    garden: Garden,
    start_process: Callable[..., Worker],
    team: Team,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stage]:
    monkeypatch.setenv("BOOTSHELF_KEYSET", garden.keyset.text)
    keys = [
        Credential(vendor="alibaba", key=garden.key.text, secret=garden.secret.text, token=garden.token.text),
        Credential(vendor="huawei", key=garden.ak.text, secret=garden.sk.text, token=garden.huawei_token.text),
    ]
    with Simulator(images=12, credentials=keys) as cloud:
        made = Stage(garden, cloud, folder=tmp_path / "stage", logs=tmp_path)
        made.watched.mkdir(parents=True)
        made.keyset.write_text(garden.keyset.text)
        with served(made, start_process):
            yield made


@pytest.mark.timeout(600)
@pytest.mark.django_db(transaction=True)
def test_no_planted_secret_turns_up_anywhere(stage: Stage, team: Team, alice: User, eve: User) -> None:
    control = stage.garden.control.text
    Team.objects.update(name=f"Aero {control}")
    User.objects.filter(id=alice.id).update(email=f"{control}@example.org", name=f"Alice {control}")
    EmailAddress.objects.filter(user=alice).update(email=f"{control}@example.org")
    for user in (alice, eve):
        user.refresh_from_db()
    hunt = Hunt(stage, team, alice, eve)
    hunt.connect()
    hunt.register()
    hunt.meet_faults_of_the_clouds()
    hunt.meet_faults_at_the_door()
    hunt.meet_faults_of_the_worker()
    hunt.run_every_task()
    hunt.run_every_command()
    hunt.visit_everything()
    hunt.take_away()
    found = stage.found()
    assert found == {place: {CONTROL} for place in PLACES}, post_mortem(stage, found)
    asking = known.asks_for_a_secret(stage.answers)
    assert "catalog:registration_add" in asking and asking <= known.TAKE_SECRETS.keys(), "say there who sends it one"
    hunt.wait_for_what_is_forgotten()


def test_every_address_every_command_and_every_task_is_driven(garden: Garden) -> None:
    assert known.unknown_parts() == set(), "say in PARTS of tests/canaries/known.py what these parts of addresses name"
    assert known.unknown_addresses() == set(), "say in tests/canaries/known.py whether these take a secret"
    assert known.unknown_commands(garden) == set(), "say in tests/canaries/known.py how these are run"
    assert known.unknown_tasks(app) == set(), "say in tests/canaries/known.py what these are given"


def test_a_secret_is_found_however_it_is_written() -> None:
    keyset = {"key": [{"keyData": {"value": "AAAAx+/y//z++w/+" * 3}}]}  # each letter that addresses write anew
    garden = Garden(json.dumps(keyset))
    for one in garden.all():
        for word in one.words:
            for name, form in spellings(word).items():
                assert garden.found_in(iter([b"before" + form + b"after"])) == {one.name}, name
            for before in ("", "a", "ab"):
                inside = json.dumps({"before": before, "text": f"{before}{word}"})
                packed = base64.urlsafe_b64encode(zlib.compress(inside.encode() * 9)).rstrip(b"=")
                for text in (inside, quote(quote(inside)), base64.b64encode(inside.encode()).decode()):
                    assert garden.found_in(iter([text.encode()])) == {one.name}
                assert list(unpacked(b"token=." + packed + b":1tQ:x")) and garden.found_in(iter([packed])) == {one.name}


def test_nothing_else_is_taken_for_a_secret(garden: Garden) -> None:
    files = (path.read_bytes() for path in sorted(Path(__file__).parent.parent.rglob("*.py")))
    assert garden.found_in(files) == set()
