"""A team with a row of each kind, whose ids, names and labels its twin has too. Only `word` tells them apart."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Model
from django.utils import timezone

from accounts import invitations
from accounts import urls as people_urls
from accounts.models import CloudAccount, Membership, Team, User
from catalog import actions
from catalog.browse import parse
from catalog.display import display
from catalog.models import Batch, Breaker, ConnectionTest, Image, ImageChange, Registration, Removal, Source, SyncRun
from tests.catalog.shelf import put

KINDS = ("alibaba_ens_self", "alibaba_ehpc_container", "alibaba_ehpc_registered", "huawei_workspace")
# The addresses of accounts have no namespace.
OF_PEOPLE = {pattern.name for pattern in people_urls.urlpatterns}
REGISTERED = 8  # the first of the registered images
LABELS = ("gpu", "prod")
QUERY = "os=linux"


@dataclass(slots=True)
class World:
    """A team, its admin, and what pages and actions need of it."""

    team: Team
    admin: User
    account: CloudAccount
    sources: list[Source]
    images: list[Image]
    rows: dict[str, list[Any]] = field(default_factory=dict)
    token: str = ""

    def one(self, kind: str) -> Any:
        return self.rows[kind][0]


def populate(team: Team, admin: User, make_account: Callable[..., CloudAccount], make_source: Callable[..., Source],
             make_run: Callable[..., SyncRun], word: str) -> World:  # fmt: skip
    accounts = {vendor: make_account(vendor, team=team, name=f"{vendor} {word}") for vendor in ("alibaba", "huawei")}
    seen = timezone.now() - timedelta(minutes=5)
    sources = [make_source(kind, accounts[kind.partition("_")[0]], last_complete_at=seen) for kind in KINDS]
    actions.pause_source(team, admin, sources[1])
    images = [image for source in sources for image in _shelve(source, word)]
    world = World(team, admin, accounts["alibaba"], sources, images)
    for image in images[:3]:
        actions.add_labels(team, admin, [image.id], LABELS)
        actions.set_note(team, admin, image, f"kept for the solver of {word}")
    actions.set_star(team, admin, [images[1].id], True)
    actions.correct_image(team, admin, images[2], {"arch": "arm64"}, {"arch": "x86_64"}, f"{word} knows")
    world.rows["run"] = [make_run(s, state, 10 + n) for s in sources for n, state in enumerate(("complete", "failed"))]
    world.rows["run"].append(
        make_run(sources[0], "suspect", 3, digest=b"d" * 24, error={**_error(word), "code": "SuspectListing"})
    )
    _change(images, world.rows["run"], word)
    _register(world, word)
    world.rows["view"] = [
        actions.create_view(team, admin, name=name, query=QUERY, display=display(None, ""), shared=shared)
        for name, shared in (("Arm", True), (f"Mine of {word}", False))
    ]
    actions.set_default(team, admin, world.rows["view"][0], True)
    world.rows["test"] = [
        ConnectionTest.objects.create(team=team, cloud_account=world.account, requested_by=admin.email, state="done")
    ]
    Breaker.objects.create(
        team=team, cloud_account=world.account, product="ens", region="cn-hangzhou", failures=3, openings=1,
        open_until=timezone.now() + timedelta(hours=2), error=_error(word),
    )  # fmt: skip
    dora = User.objects.create(email=f"dora@{team.slug}.example.org", name=f"Dora {word}")
    world.rows["member"] = [Membership.objects.create(team=team, user=dora, role="admin")]
    world.rows["invitation"] = [invitations.invite(team, admin, "erin@example.org", "viewer")[0]]
    _feed, world.token = actions.make_feed(Membership.objects.get(team=team, user=admin), None)
    return world


def _shelve(source: Source, word: str) -> list[Image]:
    container = source.kind == "alibaba_ehpc_container"
    found = []
    for n in range(4):
        own: dict[str, Any] = {"type": "container", "repository": "team/solver", "tag": f"1.{n}"} if container else {}
        lost = {"state": "missing", "missing_since": timezone.now() - timedelta(days=2)} if n == 3 else {}
        found.append(
            put(
                source, f"solver {n}", remote_id=f"m-solver-{n}", os="linux", distribution="Ubuntu", os_version="22.04",
                arch="x86_64", visibility="private", description=f"solver 云 of {word}", size_gib=40 + n, row=lost,
                document={"ImageId": f"m-solver-{n}", "Word": word}, **own,
            )
        )  # fmt: skip
    return found


def _change(images: list[Image], runs: list[SyncRun], word: str) -> None:
    at = timezone.now() - timedelta(minutes=4)
    for image in images:
        run = next(run for run in runs if run.source_id == image.source_id)
        for kind, name, before, after in (("added", "", None, None), ("changed", "description", "old", f"of {word}")):
            ImageChange.objects.create(
                team_id=image.team_id, source_id=image.source_id, run=run, image=image, at=at, kind=kind, field=name,
                before=before, after=after,
            )  # fmt: skip


def _register(world: World, word: str) -> None:
    common = {
        "team": world.team, "cloud_account": world.account, "account_name": world.account.name, "region": "cn-hangzhou",
        "type": "vm", "requested_by": world.admin.email, "vm_image_id": "m-solver-0", "description": f"of {word}",
    }  # fmt: skip
    batch = Batch.objects.create(
        team=world.team, cloud_account=world.account, account_name=world.account.name, title="solvers.csv", unit="row",
        author=world.admin, requested_by=world.admin.email, confirmed_at=timezone.now(),
    )  # fmt: skip
    world.rows["batch"] = [batch]
    world.rows["registration"] = [
        Registration.objects.create(name="made", state="succeeded", image=world.images[0], **common),
        Registration.objects.create(
            name="of many", state="rejected", batch=batch, batch_at=1, error=_error(word), **common
        ),
        Registration.objects.create(name="next", state="pending", batch=batch, batch_at=2, **common),
        Registration.objects.create(name="lost", state="unknown", error=_error(word), **common),
    ]
    removed, lost = world.images[REGISTERED], {"state": "unknown", "error": _error(word)}
    world.rows["removal"] = [
        Removal.objects.create(
            team=world.team, cloud_account=world.account, account_name=world.account.name, region="cn-hangzhou",
            type="vm", name=removed.name, remote_id=removed.remote_id, image=removed, requested_by=world.admin.email,
            **lost,
        )
    ]  # fmt: skip
    world.rows["request"] = [
        Registration.objects.create(name=f"asked {n}", state="requested", requester=world.admin, **common)
        for n in range(2)
    ]


def _error(word: str) -> dict[str, Any]:
    return {
        "operation": "ListImages", "code": "Throttling", "message": f"of {word}", "request_id": None,
        "kind": "throttled", "outcome_known": True,
    }  # fmt: skip


def url_name(view: str) -> str:
    return view if view in OF_PEOPLE else f"catalog:{view}"


def all_rows(team: Team) -> dict[str, list[dict[str, Any]]]:
    """Everything the database has of a team, the audit trail among it."""
    found = {}
    for model in apps.get_models():
        names = {one.name for one in model._meta.concrete_fields}
        if "team" in names or model is Team:
            found[model.__name__] = _values(model, team.id, "id" if model is Team else "team")
    return found


def _values(model: type[Model], team_id: UUID, column: str) -> list[dict[str, Any]]:
    manager = getattr(model, "sealed", None) or getattr(model, "with_drafts", None) or model._default_manager
    return list(manager.filter(**{column: team_id}).order_by("pk").values())


def queries(world: World) -> list[str]:
    """Of the images page: every dimension, search, sort and page."""
    from catalog.browse import SORTS

    plain = [
        "", "q=solver", "q=so", "q=云", "q=m-solver-1", "label=gpu", "label=-prod", "star=yes", "state=missing",
        "state=archived", "os=linux&arch=x86_64", "distribution=Ubuntu", "distribution=Plan9", "support=supported",
        f"source={world.sources[0].id}", "type=container&q=team/solver", "page=last", "size=25&page=last",
        "q=solver&arch=arm64", "region=cn-hangzhou", "visibility=private",
    ]  # fmt: skip
    return plain + [f"sort={way}{name}" for name in SORTS for way in ("", "-")]


def canonical(world: World, query: str) -> str:
    return parse(query, world.team.id, world.sources).query()
