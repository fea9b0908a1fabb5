"""Images registered together: a file checked as a whole, what of it needs no registering, and what became of the rest.

An image is told from another by its place: account, region, type, name and version. What the shelf has, what is on its
way there and what nobody knows the outcome of is left out, so that the same file can be given again and again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import CloudAccount, Team, User
from accounts.secrets import Secret, sealed_rows
from catalog import shelving
from catalog.batch_files import BatchFile, FileRow, Unit
from catalog.models import Batch, Image, Registration
from catalog.providers import is_region
from catalog.references import read_reference
from catalog.registration import TABLE
from catalog.registration_spec import PASSWORD, Spec, validate_spec, warnings

# Shorter than the passwords of a draft are kept (actions.registrations.REVIEW_LIFE).
DRAFT_LIFE = timedelta(minutes=30)
# Not sent, by these codes of Bootshelf's own: because somebody cancelled the batch, or because the rest would fare no
# better than what was sent.
CANCELLED, STOPPED = "BatchCancelled", "BatchStopped"


class Place(NamedTuple):
    region: str
    type: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Row:
    """One image of a file, without an error. `id` is its coming registration's, under which its password is sealed."""

    at: int
    id: UUID
    region: str
    spec: Spec
    password: Secret[str] | None = None

    @property
    def place(self) -> Place:
        return Place(self.region, self.spec.type, self.spec.name, self.spec.version or "")

    def as_dict(self) -> dict[str, Any]:
        """As a draft keeps it: without the password."""
        return {"at": self.at, "id": str(self.id), "region": self.region, "spec": self.spec.as_dict()}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, or looks wrong, at one field of one row. `field` is "" for the whole row."""

    at: int
    name: str
    field: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Check:
    """A file, checked: nothing of it is sent while there is an error; a warning is told and sent all the same."""

    unit: Unit
    total: int
    rows: list[Row]
    errors: list[Problem]
    warnings: list[Problem]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a row needs no registering: `why` is "shelf", "under_way" or "unknown"."""

    why: str
    sentence: str
    image: Image | None = None
    registration: Registration | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """A user of a registry whose password the file does not have, and how many images need it."""

    server: str
    user: str
    images: int

    @property
    def field(self) -> str:
        """Of the form that asks for it."""
        return field_of(self.server, self.user)


# Checking


def check_file(file: BatchFile, region: str) -> Check:
    """Every row of a file; `region` is that of the rows that name none."""
    check = Check(file.unit, len(file.rows), [], [], [])
    seen: dict[Place, int] = {}
    for one in file.rows:
        row, errors = _checked(one, region)
        if row and (earlier := seen.setdefault(row.place, one.at)) != one.at:
            errors["name"] = _("The same name, version and type as in %(at)s.") % {"at": named(file.unit, earlier)}
        name = one.values.get("name")
        shown = name[:100] if isinstance(name, str) else ""
        check.errors.extend(Problem(one.at, shown, field, told) for field, told in errors.items())
        if row and not errors:
            check.rows.append(row)
            check.warnings.extend(_warnings(row, has_password=row.password is not None))
    return check


def named(unit: str, at: int) -> str:
    """A row by its place in the file: "row 3" of a spreadsheet, "line 12" of YAML, "entry 2" of JSON."""
    words = {"row": _("row %(n)d"), "line": _("line %(n)d"), "entry": _("entry %(n)d")}
    return words.get(unit, words["row"]) % {"n": at}


def _checked(one: FileRow, default_region: str) -> tuple[Row | None, dict[str, str]]:
    """The row, or None and what is wrong with it, by field."""
    given = dict(one.values)
    region = given.pop("region", None) or default_region
    errors = dict(one.errors)
    if not region:
        errors.setdefault("region", _("It names no region, and none is given for all."))
    elif not isinstance(region, str) or not is_region(region.strip()):
        errors.setdefault("region", _("Small letters, digits and hyphens, as in cn-hangzhou."))
    if not (given or errors):
        errors[""] = _("This is no image: it needs at least type: and name:.")
    elif "" not in errors:
        spec, wrong = validate_spec(_with_server(given))
        errors = wrong | errors
        if spec and not errors:
            password = given.get(PASSWORD)
            return Row(one.at, uuid4(), region.strip(), spec, Secret(password) if password else None), {}
    return None, errors


def _with_server(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """A user or password without a server is for the registry of the reference, as in the form."""
    url = given.get("registry_url")
    if not (given.get("registry_user") or given.get(PASSWORD)) or given.get("registry_server"):
        return given
    reference = read_reference(url.strip()) if isinstance(url, str) else None
    return {**given, "registry_server": reference.registry} if reference else given


def _warnings(row: Row, *, has_password: bool) -> list[Problem]:
    found = warnings(row.spec, row.region, has_password=has_password)
    # A user's password that the file does not have is asked for at the review.
    return [Problem(row.at, row.spec.name[:100], field, told) for field, told in found if field != PASSWORD]


# What needs no registering


def left_out(account: CloudAccount, rows: Iterable[Row]) -> dict[UUID, LeftOut]:
    """Those of the rows that are on the shelf, on their way there, or not known to be. Two queries, however many."""
    by_place = {row.place: row for row in rows}
    regions, names = {place.region for place in by_place}, {place.name for place in by_place}
    found: dict[UUID, LeftOut] = {}
    earlier = Registration.objects.filter(
        team_id=account.team_id, cloud_account=account, region__in=regions, name__in=names,
        state__in=["pending", "sending", "unknown"],
    )  # fmt: skip
    for one in earlier.order_by("created_at"):
        if row := by_place.get(Place(one.region, one.type, one.name, one.version or "")):
            found[row.id] = _on_its_way(one)
    for image in shelving.on_shelf_in(account, regions).filter(name__in=names).select_related("source"):
        if row := by_place.get(Place(image.source.region, image.type, image.name, image.version or "")):
            found[row.id] = LeftOut("shelf", _("On the shelf already."), image=image)
    return found


def _on_its_way(one: Registration) -> LeftOut:
    if one.state == "unknown":
        sentence = _("Nobody knows yet whether an earlier registration of this image worked.")
        return LeftOut("unknown", sentence, registration=one)
    return LeftOut("under_way", _("Being registered right now."), registration=one)


# Drafts


def draft_rows(batch: Batch) -> list[Row]:
    """The rows of a draft; their passwords lie sealed."""
    return [Row(one["at"], UUID(one["id"]), one["region"], Spec(**one["spec"])) for one in batch.drafted or []]


def sealed_passwords(team: Team, rows: Iterable[Row]) -> set[UUID]:
    """The ids of those rows whose password is sealed."""
    return sealed_rows(team.id, TABLE, PASSWORD, [row.id for row in rows])


def draft_warnings(rows: Iterable[Row], sealed: set[UUID]) -> list[Problem]:
    return [problem for row in rows for problem in _warnings(row, has_password=row.id in sealed)]


def logins(rows: Iterable[Row], sealed: set[UUID]) -> list[Login]:
    """Whose passwords are still to be given, in the order of their names."""
    counts = Counter(login_of(row) for row in rows if row.spec.registry_user and row.id not in sealed)
    return [Login(server, user, n) for (server, user), n in sorted(counts.items())]


def login_of(row: Row) -> tuple[str, str]:
    return row.spec.registry_server or "", row.spec.registry_user or ""


def field_of(server: str, user: str) -> str:
    """The name of the field that asks for the password of this login, which stays the same whatever else is asked."""
    return f"password-{sha256(f'{server}\n{user}'.encode()).hexdigest()[:16]}"


def by_region(rows: Iterable[Row]) -> list[tuple[str, int]]:
    """How many in each region."""
    return sorted(Counter(row.region for row in rows).items())


def is_over(batch: Batch) -> bool:
    """Whether a draft's time is over: its passwords may be gone any minute."""
    return batch.created_at <= timezone.now() - DRAFT_LIFE


def drafts_of(team: Team, user: User) -> QuerySet[Batch]:
    """What this person has uploaded and not confirmed."""
    return Batch.objects.filter(team=team, author=user, confirmed_at=None)
