"""The hunt, step by step: everything is driven while secrets are planted, through success and through every fault."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from hashlib import sha256
from itertools import cycle
from pathlib import Path

from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.urls import reverse

from accounts.models import CloudAccount, SealedSecret, Team, User
from accounts.secrets import Secret
from catalog import actions, registration, runs
from catalog.models import RUNNING, ConnectionTest, Image, Registration, Removal, Source, SyncRun
from catalog.outcome_forms import word_of
from catalog.registration_spec import validate_spec
from config.celery import app
from tests.canaries import acts, faults, known
from tests.canaries.browser import Browser
from tests.canaries.stage import Stage
from tests.conftest import PASSWORD
from tests.waiting import wait_until

KINDS = {
    "alibaba": ["alibaba_ehpc_registered", "alibaba_ehpc_custom", "alibaba_ehpc_container", "alibaba_ens_public",
                "alibaba_ens_self"],
    "huawei": ["huawei_workspace"],
}  # fmt: skip
SIX_MINUTES = timedelta(minutes=6)
REGIONS = {"alibaba": "cn-hangzhou", "huawei": "cn-north-4"}


def digest(password: str) -> str:
    """A password as the simulator's log of requests holds it."""
    return f"sha256:{sha256(password.encode()).hexdigest()}"


class Hunt:
    """`alice` and `eve` are an admin and an editor; `mallory` is nobody who is signed in."""

    def __init__(self, stage: Stage, team: Team, alice: User, eve: User) -> None:
        self.stage, self.team, self.user, self.editor = stage, team, alice, eve
        self.alice, self.eve, self.mallory = Browser(stage, alice), Browser(stage, eve), Browser(stage)
        self.control = stage.garden.control.text

    def connect(self) -> None:
        """An account of each vendor by its form, with sources of every kind, synced by the worker."""
        acts.connect_after_a_mistake(self.alice, f"Production {self.control}")
        acts.connect(self.alice, vendor="huawei", name=f"Desktops {self.control}")
        for account in self.accounts():
            for kind in KINDS[account.vendor]:
                actions.add_sources(self.team, self.user, account, kind, [REGIONS[account.vendor]], [])
        self.sync(list(Source.objects.all()))
        assert set(SyncRun.objects.values_list("state", flat=True)) == {"complete"}

    def register(self) -> None:
        """One image, a file of them, and requests: approved, withdrawn, and one that waits."""
        account = self.account("alibaba")
        acts.register(self.alice, account)
        acts.batch(self.alice, account, acts.batch_file(self.stage.garden))
        acts.confirm(self.alice)
        for _ in range(3):
            acts.register(self.eve, account)
        asked = Registration.objects.filter(state="requested").order_by("created_at")
        self.alice.get(reverse("catalog:registration_detail", args=["aero", asked[0].id]))
        self.alice.send(decision="approve", word="")
        self.eve.get(reverse("catalog:registration_withdraw", args=["aero", asked[1].id]))
        self.eve.send()
        wait_until(acts.is_idle)
        states = list(Registration.objects.values_list("state", flat=True))
        assert sorted(set(states)) == ["declined", "requested", "succeeded"], states
        acts.remove(self.alice, Registration.objects.exclude(image=None)[0].image)
        wait_until(lambda: Removal.objects.filter(state="succeeded").exists())
        calls = self.stage.cloud.requests("AddImage")
        sent = [call["parameters"]["ContainerImageSpec"]["RegistryCredential"]["Password"] for call in calls]
        garden = self.stage.garden
        typed = [garden.password, garden.password, garden.row_password, garden.login_password]
        assert sorted(sent) == sorted(digest(one.text) for one in typed), "each reached the cloud as it was typed"

    # The clouds

    def meet_faults_of_the_clouds(self) -> None:
        """Syncs, tests, a registration and its look-up under every fault."""
        kinds = cycle(KINDS["alibaba"])
        for name, several in faults.of_the_clouds(self.stage.garden).items():
            for fault in several:
                self.stage.cloud.fail(times=0, **fault)
            source = Source.objects.get(kind=next(kinds))
            made = self.ask_for_an_image()
            self.ask_to_remove_an_image()
            for account in self.accounts():
                checks = [{"kind": KINDS[account.vendor][0], "region": REGIONS[account.vendor]}]
                actions.request_test(self.team, self.user, account, checks)
            self.sync([source, Source.objects.get(kind="huawei_workspace")])
            wait_until(acts.is_idle)
            self.look_up()
            if any(fault.get("refuse") for fault in several):
                self.stage.cloud.listen()
            self.stage.cloud.heal()
            self.look_at(made, source, name)

    def ask_for_an_image(self) -> Registration:
        """One that the worker is told of."""
        spec, errors = validate_spec(document := acts.container(self.stage.garden))
        assert spec, errors
        password = Secret(document["registry_password"])
        account = self.account("alibaba")
        return actions.create_registration(self.team, self.user, account, "cn-hangzhou", spec, password)

    def ask_to_remove_an_image(self) -> None:
        """One that nobody asked to remove before, while there are any."""
        if image := self.listed().first():
            actions.create_removal(self.team, self.user, image)

    def listed(self) -> QuerySet[Image]:
        """Registered images that nobody asked to remove."""
        listed = Image.objects.filter(source__kind="alibaba_ehpc_registered", missing_since=None)
        return listed.exclude(id__in=Removal.objects.values("image"))

    def look_up(self) -> None:
        """What beat does a minute later with the outcomes that are not known."""
        unknown = [rows.objects.filter(state="unknown", lookups=0) for rows in (Registration, Removal)]
        if sum(rows.update(next_lookup_at=Now()) for rows in unknown):
            app.send_task("catalog.tasks.settle_registrations")
            wait_until(lambda: not any(rows.exists() for rows in unknown))

    def look_at(self, made: Registration, source: Source, fault: str) -> None:
        """The pages that tell what became of it."""
        made.refresh_from_db()
        assert made.state in ("succeeded", "seen", "rejected", "unknown"), (fault, made.state)
        run = source.runs.latest("created_at")
        test = ConnectionTest.objects.latest("created_at")
        for name, row in (("registration_detail", made), ("run_detail", run), ("connection_test", test),
                          ("source_detail", source), ("cloud_account_detail", made.cloud_account)):  # fmt: skip
            self.alice.get(reverse(f"catalog:{name}", args=["aero", row.id]))

    # The database and the keyset

    def meet_faults_at_the_door(self) -> None:
        """Every form that takes a secret, while the database or the keyset fails it, and while nobody is signed in."""
        account = self.account("alibaba")
        tables = ("accounts_sealedsecret", "accounts_auditevent", "catalog_registration", "catalog_connectiontest")
        for table in tables:
            with faults.database_refuses(table):
                assert 500 in self.statuses(self.alice, account), table
        for name, change in faults.KEYSETS.items():
            with faults.keyset_is(self.stage, change):
                assert (503 in self.statuses(self.alice, account)) == (name != "another keyset"), name
        acts.replace(self.alice, account)  # it was sealed with another keyset
        self.statuses(self.mallory, account)
        self.sign_in_on_the_way()
        acts.batch(self.alice, account, acts.as_csv(self.stage.garden, header=False))
        acts.batch(self.alice, account, acts.batch_file(self.stage.garden).replace('"name"', '"nam"'))
        acts.review(self.alice, account, registry_url="not a reference", registry_cri_id="wrong")
        wait_until(acts.is_idle)

    def sign_in_on_the_way(self) -> None:
        """A form that meets the sign-in page is kept, but for its password."""
        stranger, spec = Browser(self.stage), acts.container(self.stage.garden)
        stranger.ask("POST", "/t/aero/registrations/add/", data=spec | {"step": "review", "region": "cn-hangzhou"})
        stranger.send(login=self.user.email, password=PASSWORD)
        assert spec["name"] in stranger.page

    def statuses(self, browser: Browser, account: CloudAccount) -> list[int]:
        return [answer.status_code for answer in acts.every_secret_form(browser, account)]

    def meet_faults_of_the_worker(self) -> None:
        """What fails while an outcome is written down, which is told with what it was the outcome of."""
        repeated = faults.that_repeat(self.stage.garden)["a refusal that repeats"]
        ended = "NEW.state IN ('succeeded', 'rejected', 'unknown')"
        with faults.database_refuses("catalog_registration", ended, "UPDATE"):
            self.fails(self.ask_for_an_image)
            self.fails(self.ask_for_an_image, *repeated)
            self.fails(self.ask_for_an_image, {"reset": True})
        with faults.database_refuses("accounts_auditevent", "NEW.action LIKE 'registration.rejected'"):
            self.fails(self.ask_for_an_image, {"status": 403})
        with faults.database_refuses("catalog_source", "NEW.failures > OLD.failures", "UPDATE"):
            self.fails(self.sync_soon, *repeated)
        with faults.database_refuses("catalog_connectiontest", "NEW.results::text <> '[]'", "UPDATE"):
            self.fails(self.test_soon, {"status": 403})
        for change in faults.KEYSETS.values():
            with faults.keyset_is(self.stage, change):
                self.ask_for_an_image()
                self.test_soon()
                self.sync([Source.objects.get(kind="alibaba_ehpc_custom")])
                wait_until(lambda: not Registration.objects.filter(state="pending").exists())
        self.lose_the_database()

    def lose_the_database(self) -> None:
        """In the middle of a call."""
        self.stage.cloud.fail(operation="AddImage", delay=0.5)
        made, before = self.ask_for_an_image(), self.unforeseen()
        wait_until(lambda: Registration.objects.filter(id=made.id, state="sending").exists())
        faults.drop_connections()
        wait_until(lambda: self.unforeseen() > before)
        ConnectionTest.objects.exclude(state="done").update(state="done")

    def fails(self, act: Callable[[], object], *several: faults.Fault) -> None:
        """Do this while the clouds fail so, until the worker says that its task raised what nobody foresaw."""
        before, sent = self.unforeseen(), len(self.stage.cloud.requests("AddImage"))
        for fault in several:
            self.stage.cloud.fail(times=0, **fault)
        act()
        wait_until(lambda: self.unforeseen() > before)
        assert act != self.ask_for_an_image or len(self.stage.cloud.requests("AddImage")) > sent
        self.stage.cloud.heal()

    def unforeseen(self) -> int:
        return (self.stage.logs / "celery-0.log").read_bytes().count(b"raised unexpected")

    def run_every_task(self) -> None:
        """By a message that the worker takes, then once more while it has no keyset."""
        for change in (lambda whole: whole, lambda whole: ""):
            with faults.keyset_is(self.stage, change):
                sent = [app.send_task(name, args=arguments()).id for name, arguments in known.TASKS.items()]
                wait_until(partial(self.are_done, sent))
        app.send_task(f"catalog.tasks.{self.control}", args=[self.control])

    def are_done(self, messages: list[str]) -> bool:
        log = (self.stage.logs / "celery-0.log").read_text()
        return all(any(f"[{message}] {end}" in log for end in ("succeeded", "raised")) for message in messages)

    def run_every_command(self) -> None:
        source = Source.objects.get(kind="alibaba_ens_public")
        image = self.listed().first()
        every = known.commands(self.stage.garden, str(source.id), str(image.id), word_of(image))
        with ThreadPoolExecutor(3) as several:
            for name, words, given in [(name, *way) for name, ways in every.items() for way in ways]:
                several.submit(self.stage.manage, name, *words, stdin=given, SIMULATOR_URL=self.stage.cloud.url)
        words, given = known.commands(self.stage.garden)["register_image"][0]
        with faults.database_refuses("catalog_registration", "NEW.state = 'rejected'", "UPDATE"):
            self.stage.cloud.fail(operation="AddImage", status=403)
            self.stage.manage("register_image", *words, "--traceback", stdin=given)
        with faults.keyset_is(self.stage, faults.KEYSETS["a broken keyset"]):
            words, given = known.commands(self.stage.garden)["add_cloud_account"][0]
            self.stage.manage("add_cloud_account", *words, "--traceback", stdin=given)
        self.stage.cloud.heal()
        # Some of them end sessions, or switch somebody off.
        User.objects.update(is_active=True)
        self.alice, self.eve = Browser(self.stage, self.user), Browser(self.stage, self.editor)

    def visit_everything(self) -> None:
        """Every address, as a page, as a fragment, and with nothing filled in; a password where people sign in."""
        garden = self.stage.garden
        signing_in = {"login": self.user.email, "password": garden.password.text}
        known.make_rows(self.team, self.user, self.control)
        for method, path in known.every_visit():
            for browser in (self.mallory, self.alice):
                if method == "GET":
                    browser.ask("GET", path)
                    browser.ask("GET", path, headers={"HX-Request": "true"})
                elif "logout" not in path:
                    browser.ask("POST", path, data=signing_in if path.startswith("/account/") else {})

    def take_away(self) -> None:
        """Exports, a feed, and a mail."""
        for form in ("csv", "json", "ndjson"):
            answer = self.alice.get(f"/t/aero/images/export.{form}")
            assert answer.status_code == 200 and self.control in answer.text, form
        self.alice.get("/t/aero/changes/feed/")
        self.alice.send()
        feed = self.alice.page.partition("/feeds/")[2].partition(".atom")[0]
        assert self.control in self.mallory.get(f"/feeds/{feed}.atom").text
        self.mallory.get("/account/password/reset/")
        self.mallory.send(email=self.user.email)
        wait_until(lambda: list(Path(self.stage.watched / "mails").iterdir()))

    def wait_for_what_is_forgotten(self) -> None:
        """Once what was interrupted is given up, and an hour later, only what waits for an admin has its password."""
        sending = Registration.objects.filter(state="sending")
        sending.update(sent_at=F("sent_at") - SIX_MINUTES)
        app.send_task("catalog.tasks.settle_registrations")
        wait_until(lambda: not sending.exists())
        sealed = SealedSecret.sealed.filter(table=registration.TABLE)
        sealed.update(sealed_at=F("sealed_at") - timedelta(hours=2))
        app.send_task("catalog.tasks.tidy")
        waiting = Registration.objects.filter(state="requested")
        wait_until(lambda: set(sealed.values_list("row", flat=True)) == set(waiting.values_list("id", flat=True)))

    def accounts(self) -> list[CloudAccount]:
        return [self.account("alibaba"), self.account("huawei")]

    def account(self, vendor: str) -> CloudAccount:
        """The one that `connect` made."""
        return CloudAccount.objects.filter(vendor=vendor, team=self.team).earliest("created_at")

    def sync(self, sources: list[Source]) -> None:
        """By the worker, to the end of each."""
        asked = [run.id for source in sources if (run := runs.request_sync(source, self.user))]
        wait_until(lambda: not SyncRun.objects.filter(id__in=asked, state__in=RUNNING).exists())

    def sync_soon(self) -> None:
        runs.request_sync(Source.objects.get(kind="alibaba_ens_public"), self.user)

    def test_soon(self) -> None:
        checks = [{"kind": "alibaba_ens_public", "region": "cn-hangzhou"}]
        actions.request_test(self.team, self.user, self.account("alibaba"), checks)
