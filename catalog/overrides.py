"""What an admin set in the place of a misdetected field: kept over every sync, until somebody takes it back.

`Image.overrides` holds, by field, {"value", "reported", "origin", "by", "at", "reason"}. The columns, and the facets
made of them, hold `value`; `reported` and `origin` are what the cloud says now and how that is known, brought up to
date by each sync that finds the image changed, so that taking the correction back gives exactly what a sync writes.
A correction stays when the cloud comes to say the same: it may change its mind again, and who made the correction did
not. The content hash is that of the cloud's own item, so an unchanged image is recognised as before.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from catalog.leases import session
from catalog.models import Image
from catalog.providers.base import ADMIN, UNKNOWN
from catalog.providers.systems import KNOWN_DISTRIBUTIONS
from catalog.rows import distribution_facet, os_version_facet

CORRECTABLE = ("os", "distribution", "os_version", "arch")
# What a correction writes of a row.
OVERRIDE_COLUMNS = (*CORRECTABLE, "distribution_facet", "os_version_facet", "provenance", "overrides")

type Entry = dict[str, Any]


def applied(columns: Mapping[str, Any], overrides: Mapping[str, Entry]) -> dict[str, Any]:
    """The columns of a row as the cloud has them, with the corrections put over; its `overrides` with what the cloud
    says now.
    """
    found, kept = dict(columns), {}
    for field, entry in overrides.items():
        origin = columns["provenance"].get(field, UNKNOWN)
        kept[field] = entry | {"reported": columns[field], "origin": origin}
        found |= written(found, field, entry["value"], ADMIN)
    return found | {"overrides": kept}


def written(row: Mapping[str, Any], field: str, value: str | None, origin: str) -> dict[str, Any]:
    """The columns that a value of `field` is written to, in a row that has this `provenance`."""
    found = {field: value, "provenance": {**row["provenance"], field: origin}}
    if field == "distribution":
        found["distribution_facet"] = distribution_facet(value)
    elif field == "os_version":
        found["os_version_facet"] = os_version_facet(value)
    return found


def carry_overrides(old: Image, new: Image) -> None:
    """Within a transaction that holds the lock of their source: the corrections of an image that is about to go, to the
    one that takes its place.
    """
    if old.overrides and not new.overrides:
        found = applied(vars(new), old.overrides)
        Image.objects.filter(team_id=new.team_id, id=new.id).update(**{name: found[name] for name in OVERRIDE_COLUMNS})


def _cases(pairs: Iterable[tuple[str, str, str]]) -> str:
    return ", ".join(
        f"{column} = CASE WHEN i.overrides ? '{field}' THEN {value} ELSE s.{column} END"
        for column, field, value in pairs
    )


_OURS = "FROM sync_delta d JOIN sync_staging s ON s.n = d.n"
_CORRECTED = "i.source_id = %(source)s AND i.overrides <> '{}' AND i.id = d.id"
_SAID = ", ".join(f"'{field}', s.{field}" for field in CORRECTABLE)
_LEARN = f"""
    UPDATE catalog_image i SET overrides = (
        SELECT jsonb_object_agg(o.key, o.value || jsonb_build_object(
            'reported', jsonb_build_object({_SAID}) -> o.key,
            'origin', coalesce(s.provenance ->> o.key, '{UNKNOWN}')))
        FROM jsonb_each(i.overrides) AS o)
    {_OURS} WHERE {_CORRECTED}"""  # noqa: S608
_VALUE = "(i.overrides -> '{}' ->> 'value')"
_DISTRIBUTION, _VERSION = _VALUE.format("distribution"), _VALUE.format("os_version")
_FACETS = (
    (
        "distribution_facet",
        "distribution",
        f"CASE WHEN {_DISTRIBUTION} = ANY(%(known)s) THEN {_DISTRIBUTION}"
        f" WHEN {_DISTRIBUTION} IS NULL THEN 'unknown' ELSE 'other' END",
    ),
    ("os_version_facet", "os_version", f"coalesce({_VERSION}, 'unknown')"),
)
_PLAIN = ((field, field, _VALUE.format(field)) for field in CORRECTABLE)
_PUT_OVER = f"""
    UPDATE sync_staging s SET {_cases((*_PLAIN, *_FACETS))},
        provenance = s.provenance
            || (SELECT jsonb_object_agg(field, '{ADMIN}') FROM jsonb_object_keys(i.overrides) AS field)
    FROM sync_delta d JOIN catalog_image i ON i.id = d.id WHERE s.n = d.n AND {_CORRECTED}"""  # noqa: S608


def keep_overrides(values: Mapping[str, Any]) -> None:
    """For the sync, when it knows what it will write and before it tells what changed: remember what the cloud says of
    the corrected fields, and put the corrections over it in staging. So a corrected field never looks changed.
    """
    db = session()
    if db.execute(_LEARN, values).rowcount:
        db.execute(_PUT_OVER, {**values, "known": list(KNOWN_DISTRIBUTIONS)})
