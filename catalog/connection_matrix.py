"""What a *Test connection* found: a row a listing, a column a region, and what to do where it was refused."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from catalog.applying import listing_operation
from catalog.errors import GRANTS, Explanation, explain
from catalog.models import ConnectionTest
from catalog.providers import PROVIDERS, REGISTER_ACTIONS

# The tone of each outcome that is neither "allowed" nor a refusal to be seen to.
_TONES = {"allowed": "ok", "throttled": "warn", "unavailable": "warn", "unreachable": "warn", "not_enabled": "warn"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One listing in one region. `outcome` is "allowed", a kind of ProviderError, "" while it is to be tried, or "none"
    where no source needs it. `operation` is the call that met trouble, where the listing makes several.
    """

    outcome: str
    tone: str
    explanation: Explanation | None
    operation: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    operations: tuple[str, ...]
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Met:
    """One listing's refusal, where it was met; the explanation is of the first of these regions."""

    listing: str
    regions: list[str]
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Refusal:
    """One cause and every listing that met it, so that ten missing permissions are one paragraph and ten lines."""

    title: str
    advice: str
    met: list[Met]


@dataclass(frozen=True, slots=True)
class Matrix:
    regions: list[str]
    rows: list[Row]
    refusals: list[Refusal]
    policy: str
    allowed: int
    tried: int
    total: int

    @property
    def is_whole(self) -> bool:
        """Whether every call has its outcome; a test whose worker was lost ends without."""
        return self.tried == self.total


def connection_matrix(test: ConnectionTest, vendor: str) -> Matrix:
    found = {(result["kind"], result["region"]): result for result in test.results}
    wanted = {(check["kind"], check["region"]) for check in test.checks}
    kinds = list(dict.fromkeys(check["kind"] for check in test.checks))
    regions = list(dict.fromkeys(check["region"] for check in test.checks))
    rows = [
        Row(
            label=str(PROVIDERS[kind].label),
            operations=PROVIDERS[kind].operations,
            cells=[_cell((kind, region) in wanted, found.get((kind, region)), vendor) for region in regions],
        )
        for kind in kinds
    ]
    denied = [result for result in found.values() if result["outcome"] != "allowed"]
    return Matrix(
        regions=regions,
        rows=rows,
        refusals=_refusals(denied, vendor),
        policy=least_policy(
            vendor, [action for r in denied if r["outcome"] == "permission" for action in _to_grant(r)]
        ),
        allowed=len(found) - len(denied),
        tried=len(found),
        total=len(wanted),
    )


def least_policy(vendor: str, actions: Iterable[str]) -> str:
    """The least RAM or IAM policy that allows these actions, to paste; "" for none."""
    wanted = sorted(set(actions))
    if not wanted:
        return ""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": wanted}
    if vendor == "alibaba":
        statement["Resource"] = "*"
    version = "1" if vendor == "alibaba" else "1.1"
    return json.dumps({"Version": version, "Statement": [statement]}, indent=2)


def vendor_actions(vendor: str) -> list[str]:
    """Every action that listing, and registering where the vendor has it, needs."""
    listing = [action for provider in PROVIDERS.values() if provider.vendor == vendor for action in provider.actions]
    return [*listing, *REGISTER_ACTIONS.get(vendor, ())]


def _cell(wanted: bool, result: dict[str, Any] | None, vendor: str) -> Cell:
    if result is None:
        return Cell("" if wanted else "none", "", None)
    outcome = result["outcome"]
    if outcome == "allowed":
        return Cell(outcome, "ok", None)
    several = len(PROVIDERS[result["kind"]].operations) > 1
    operation = str(result["operation"]) if several else ""
    return Cell(outcome, _TONES.get(outcome, "bad"), _explain(result, vendor), operation)


def _explain(result: dict[str, Any], vendor: str) -> Explanation:
    return explain({**result, "kind": result["outcome"]}, vendor=vendor, retried=False)


def _refusals(denied: list[dict[str, Any]], vendor: str) -> list[Refusal]:
    causes: dict[tuple[str, str], Refusal] = {}
    listings: dict[tuple[str, ...], Met] = {}
    for result in denied:
        explanation = _explain(result, vendor)
        cause = (explanation.title, explanation.advice)
        refusal = causes.setdefault(cause, Refusal(*cause, []))
        listing = (*cause, result["kind"], explanation.code, explanation.message)
        if listing not in listings:
            listings[listing] = Met(str(PROVIDERS[result["kind"]].label), [], explanation)
            refusal.met.append(listings[listing])
        listings[listing].regions.append(result["region"])
    return list(causes.values())


def _to_grant(result: dict[str, Any]) -> list[str]:
    """The action of the call that was denied; and that of the listing itself where it could not be tried for want of
    the other, such as of a cluster to list. What was allowed is not in it."""
    provider, denied = PROVIDERS[result["kind"]], str(result["operation"])
    calls = dict.fromkeys([denied, listing_operation(provider.kind)])
    return [GRANTS[provider.vendor, call] for call in calls if (provider.vendor, call) in GRANTS]
