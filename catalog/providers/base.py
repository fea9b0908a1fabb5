"""What a provider hands to the rest of Bootshelf: pages of `RemoteImage`, or one `ProviderError`.

Nothing here knows a model, a database or an SDK.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

REPORTED, DERIVED, ADMIN, UNKNOWN = "reported", "derived", "admin", "unknown"

TYPES = ("vm", "container")
VISIBILITIES = ("public", "private", "shared", "unknown")
SYSTEMS = ("linux", "windows", "other", "unknown")
ARCHITECTURES = ("x86_64", "i386", "arm64", "mixed", "unknown")
STATES = ("available", "creating", "failed", "missing", "archived", "unknown")

# Every field whose origin `RemoteImage.provenance` must tell.
FIELDS = (
    "name",
    "version",
    "type",
    "visibility",
    "os",
    "distribution",
    "os_version",
    "arch",
    "size_gib",
    "min_ram_mb",
    "min_disk_gb",
    "disk_format",
    "status",
    "state",
    "repository",
    "tag",
    "description",
    "region",
    "cluster",
)

# A turn that is this far away is waited for, however little patience is left: it is our own pace, no trouble.
LEAST_TURN_SECONDS = 5.0
# The code of a request that was not sent for want of a turn: no cloud said so.
TOO_MANY_WAITING = "TooManyWaiting"
# One answer of a cloud, in bytes. ListCustomImages and DescribeImageInfos come as one document (PROVIDERS.md 2a).
MAX_ANSWER = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteImage:
    """One image as one listing reports it, normalised (PROVIDERS.md sections 2 and 2a), before it is a row.

    An unknown enumeration is "unknown"; an unknown text or number is None; a reported 0 stays 0.
    `key` names the image within its source and is what a re-sync recognises it by. `provenance` says for each
    normalised field whether it was reported, derived or is unknown. `extra` holds small facts for the detail page that
    have no column (bare metal, container type, the management nodes' system). `document` is the cloud's own item
    with what must never be stored already dropped.
    """

    key: str
    remote_id: str
    name: str
    type: str
    version: str | None = None
    visibility: str = "unknown"
    os: str = "unknown"
    distribution: str | None = None
    os_version: str | None = None
    arch: str = "unknown"
    size_gib: int | None = None
    min_ram_mb: int | None = None
    min_disk_gb: int | None = None
    disk_format: str | None = None
    status: str | None = None
    state: str = "available"
    repository: str | None = None
    tag: str | None = None
    description: str | None = None
    region: str
    cluster: str | None = None
    remote_created_at: datetime | None = None
    remote_updated_at: datetime | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One validated page of a listing.

    `scope` names the part of the listing that `total` counts (a cluster id, an image type, or "" where the listing is
    one). `total` is the cloud's own count, None where it gives none. `total_may_be_low` is Huawei's: a total below
    what came is no contradiction there, a total above it is. The page is of part `part`, from 1, of the `parts` that
    the listing has; those that follow nothing has counted yet.
    """

    scope: str
    number: int
    images: list[RemoteImage]
    total: int | None = None
    total_may_be_low: bool = False
    part: int = 1
    parts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One cluster of ListClusters. `name` and `status` are the cloud's own words, or empty."""

    id: str
    name: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedImage:
    """What AddImage answered: the new image's id, stripped of white space, and the request id."""

    image_id: str
    request_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which listing: a region and, where the product has them, one cluster, a project, and narrowing request
    filters."""

    region: str
    cluster: str | None = None
    project_id: str | None = None
    narrowing: Mapping[str, str] = field(default_factory=dict)


class ProviderError(Exception):
    """The one exception that leaves the provider layer. Always raised `from None`: an SDK's text can hold secrets.

    `kind` is one of: authentication, permission, billing, not_enabled, not_found, invalid, conflict, throttled,
    unavailable (the provider's own trouble), unreachable (never reached or cut), malformed (an answer that is not the
    documented shape), incomplete, too_large. `message` is safe for the screen and the log. `retryable` says whether
    asking again can help. `outcome_known` is False for a write that may have happened. `retry_after` is in seconds.
    """

    def __init__(
        self,
        operation: str,
        code: str,
        message: str,
        *,
        kind: str,
        request_id: str | None = None,
        status: int | None = None,
        retryable: bool = False,
        outcome_known: bool = True,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(operation, code, message)
        self.operation, self.code, self.message, self.kind = operation, code, message, kind
        self.request_id, self.status, self.retryable = request_id, status, retryable
        self.outcome_known, self.retry_after = outcome_known, retry_after

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled whole: what a pool hands from one process to another keeps its kind."""
        return _restored, (self.args, self.__dict__.copy())

    def __str__(self) -> str:
        tail = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.operation}: {self.code}: {self.message}{tail}"

    def as_dict(self) -> dict[str, str | None]:
        """The shape every `--json` command prints: operation, code, message, request_id."""
        return {"operation": self.operation, "code": self.code, "message": self.message, "request_id": self.request_id}


def _restored(args: tuple[str, str, str], facts: dict[str, Any]) -> ProviderError:
    error = ProviderError(*args, kind=facts["kind"])
    error.__dict__.update(facts)
    return error


@dataclass(slots=True)
class Patience:
    """How long one run may wait for a cloud in all: 30 s in the foreground, 120 s in the worker (PROVIDERS.md 2a)."""

    seconds: float
    tries: int = 4
    sleep: Callable[[float], None] = time.sleep

    def read[T](self, call: Callable[[], T]) -> T:
        """Call a read until it answers, with full jitter between tries; a malformed answer is asked for once more.

        Only for reads: a write is never sent twice.
        """
        malformed = 0
        for attempt in range(1, self.tries + 1):
            try:
                return call()
            except ProviderError as error:
                malformed += error.kind == "malformed"
                wait = (
                    error.retry_after
                    if error.retry_after is not None
                    else random.uniform(0, min(8.0, 0.5 * 2**attempt))  # noqa: S311 - jitter, no secret
                )
                if not error.retryable or attempt == self.tries or malformed > 1 or wait > self.seconds:
                    raise
                self.seconds -= wait
                self.sleep(wait)
        raise AssertionError("unreachable")


# (product, region, the longest wait in seconds) -> how long to wait before the next request there; None where that is
# longer, and then no turn was taken.
type Pace = Callable[[str, str, float], float | None]


def no_pace(product: str, region: str, longest: float) -> float | None:
    """Every request at once."""
    return 0.0


class Shut(Protocol):
    """A credential that nothing prints (accounts.secrets.Secret, which is unknown here)."""

    def reveal(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A credential and where to use it. Built by the caller just before it calls, never kept, never pickled.

    `credential` is the vendor's JSON object (see the vendor's form), as `revealed()` gives it. `endpoints` maps an
    endpoint name, or name@region, to a base URL (PROVIDERS.md section 3) and wins over the SDKs' own tables. `site` is
    "china" or "international". `names_region` sends RegionId along, for the simulator alone. `pace` keeps all who use
    this account from asking the cloud more often than it allows.
    """

    credential: Mapping[str, str] | Shut = field(repr=False)
    patience: Patience
    endpoints: Mapping[str, str] = field(default_factory=dict)
    site: str = "china"
    names_region: bool = False
    pace: Pace = no_pace

    def revealed(self) -> Mapping[str, str]:
        """The credential itself: for no local variable, but where all that fails ends in `answers.perform`."""
        return self.credential if isinstance(self.credential, Mapping) else self.credential.reveal()

    def take_turn(self, operation: str, product: str, region: str) -> None:
        """Wait until the next request to this product and region may be sent; called before each one, a retry too.

        The wait is our own doing and takes nothing of what the run may wait for a cloud in trouble. A turn further away
        than that is not waited for: ProviderError, and nothing was sent.
        """
        wait = self.pace(product, region, max(self.patience.seconds, LEAST_TURN_SECONDS))
        if wait is None:
            message = "Too many calls of this cloud account are waiting for their turn. This one was not sent."
            raise ProviderError(operation, TOO_MANY_WAITING, message, kind="throttled")
        if wait > 0:
            self.patience.sleep(wait)

    def endpoint(self, name: str, region: str) -> str | None:
        """The operator's override for this endpoint, the one for the region first."""
        return self.endpoints.get(f"{name}@{region}") or self.endpoints.get(name)
