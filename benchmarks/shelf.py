"""A shelf of any size as a company has it: 40 sources of all six kinds in several accounts and regions, a few of which
hold most images; systems that go with their product, names in English and Chinese, labels on some, a few stars, missing
and archived images.

The same seed gives the same images on every machine, and a smaller shelf is the beginning of a larger one. What is
derived of an image (search text and pieces, facets, sort keys, hash) is the product's own: catalog/rows.py.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from catalog.providers.base import FIELDS, RemoteImage
from catalog.providers.systems import System, parse_system
from tests.clouds import vocabulary as words

SEED = 2024
NOW = datetime(2025, 11, 20, 8, 0, tzinfo=UTC)
CHUNK = 1_000

# kind: (share of all images, sources)
KINDS = {
    "alibaba_ehpc_custom": (34, 12),
    "alibaba_ehpc_container": (26, 8),
    "alibaba_ehpc_registered": (14, 6),
    "alibaba_ens_public": (3, 2),
    "alibaba_ens_self": (8, 5),
    "huawei_workspace": (15, 7),
}
REGIONS = {
    "alibaba": (
        *("cn-hangzhou", "cn-shanghai", "cn-beijing", "cn-shenzhen", "cn-zhangjiakou", "cn-wulanchabu"),
        *("ap-southeast-1", "eu-central-1", "us-west-1"),
    ),
    "huawei": ("cn-north-4", "cn-east-3", "cn-south-1", "ap-southeast-3"),
}
ACCOUNTS = {"alibaba": ("Production", "Research", "渲染农场", "Teaching"), "huawei": ("Desktops", "办公桌面")}
CLUSTERS = ("ehpc-hz-FYUr32a7Qk", "ehpc-hz-9sPq0Zt1Lm", "ehpc-sh-4kTz81vYba", "ehpc-sg-Jd83nWs5Uo")

LABELS = (
    *("golden", "deprecated", "cis-hardened", "gpu", "approved", "do-not-use", "legacy", "team:cfd", "team:genomics"),
    *("客户交付", "教学", "audit-2025", "spot-ok", "license:abaqus", "retire-q1", "pilot", "生产", "base"),
)
# What no table of systems knows, and what nobody told.
FOREIGN = (("OpenCloudOS", "9.2"), ("Clear Linux", "41250"), ("Loongnix", "20.6"), ("Armbian", "24.5"))
RARE = "kestrel"  # in the names of images 0, 1, 2, 4, 8, ...: 15 of 10 000, 21 of 1 000 000


@dataclass(frozen=True, slots=True)
class Place:
    """One source: which listing of which account, and how many of the shelf's images are in it, as a weight."""

    number: int
    kind: str
    account: str
    region: str
    cluster: str
    weight: float

    @property
    def vendor(self) -> str:
        return self.kind.partition("_")[0]

    @property
    def is_archived(self) -> bool:
        return self.number == 39


def places() -> list[Place]:
    """The 40 sources. Of each kind the first holds most: the n-th a share of 1/n."""
    found: list[Place] = []
    for kind, (share, sources) in KINDS.items():
        vendor = kind.partition("_")[0]
        whole = sum(1 / n for n in range(1, sources + 1))
        for n in range(sources):
            regions, accounts = REGIONS[vendor], ACCOUNTS[vendor]
            account, region = accounts[n // len(regions) + n % 2 * (len(accounts) - 2)], regions[n % len(regions)]
            cluster = f"{CLUSTERS[n % 4]}-{n}" if kind == "alibaba_ehpc_container" else ""
            found.append(Place(len(found), kind, account, region, cluster, share / (n + 1) / whole))
    return found


@dataclass(frozen=True, slots=True)
class Made:
    """One image of the shelf and what its row has beside what a cloud reports."""

    id: UUID
    place: Place
    image: RemoteImage
    first_seen_at: datetime
    changed_at: datetime
    missing_since: datetime | None
    labels: list[str]
    starred: bool
    note: str


def images(size: int) -> Iterator[Made]:
    """The first `size` images of the shelf. A chunk has its own generator, so that the length of a shelf changes
    nothing in it.
    """
    listed = places()
    weights = [place.weight for place in listed]
    for start in range(0, size, CHUNK):
        rng = random.Random(f"{SEED}:{start}")
        for number, place in enumerate(rng.choices(listed, weights, k=CHUNK)[: size - start], start):
            yield _made(rng, place, number)


def _made(rng: random.Random, place: Place, number: int) -> Made:
    seen = NOW - timedelta(days=rng.expovariate(1 / 200), seconds=rng.randrange(86_400))
    changed = min(NOW, seen + timedelta(days=rng.choice((0, 0, 0, 1, 7, 30))))
    missing = changed if rng.random() < 0.015 and not place.is_archived else None
    fields = _MAKERS[place.kind](rng, place, number)
    if number & (number - 1) == 0:
        fields["name"] = f"{RARE}-{fields['name']}"
    if missing or place.is_archived:
        fields["state"] = "missing" if missing else "archived"
    fields |= {"region": place.region, "cluster": place.cluster or None, "remote_created_at": seen}
    fields["provenance"] = _provenance(fields)
    fields["document"] = {"ImageId": fields["remote_id"], "ImageName": fields["name"], "Serial": number}
    fields["document"] |= {"Description": fields.get("description") or "", "RegionId": place.region}
    return Made(
        id=UUID(int=rng.getrandbits(128), version=4),
        place=place,
        image=RemoteImage(key=fields["remote_id"], **fields),
        first_seen_at=seen,
        changed_at=changed,
        missing_since=missing,
        labels=_labels(rng, place, fields),
        starred=rng.random() < 0.0004,
        note="不要删除：客户验收镜像" if rng.random() < 0.0005 else "",
    )


def _provenance(fields: dict[str, Any]) -> dict[str, str]:
    return {name: "reported" if fields.get(name) not in (None, "unknown") else "unknown" for name in FIELDS}


def _labels(rng: random.Random, place: Place, fields: dict[str, Any]) -> list[str]:
    """People label what they filtered: all of a system in one place, or what a search finds there; seldom one."""
    system = f"{fields.get('distribution')} {fields.get('os_version')}"
    found = []
    if (place.number * 31 + len(system) * 7 + ord(system[-1])) % 37 == 0:
        found.append(LABELS[place.number % 6])
    if (
        place.number % 3 == 0
        and words.SOFTWARE[place.number % len(words.SOFTWARE)][0].lower() in fields["name"].lower()
    ):
        found.append(LABELS[6 + place.number % 9])
    if rng.random() < 0.0005:
        found.append(rng.choice(LABELS))
    return sorted(set(found))


# What a listing of each kind holds. `number` tells images apart that would otherwise be alike.


def _weighted(rng: random.Random, pairs: tuple[tuple[str, int], ...]) -> str:
    return rng.choices([value for value, _ in pairs], [weight for _, weight in pairs])[0]


_CUMULATED = [sum(row.weight for row in words.SYSTEMS[: n + 1]) for n in range(len(words.SYSTEMS))]
_STATES = (("available", "Available"), ("creating", "Creating"), ("failed", "CreateFailed"))


def _system(rng: random.Random, place: Place) -> dict[str, Any]:
    """A system as the product spells it. Each source has favourites: the draw is bent towards some of them."""
    drawn = rng.random()
    if drawn < 0.012:
        return {}
    if drawn < 0.02:
        name, version = rng.choice(FOREIGN)
        return {"os": "linux", "distribution": name, "os_version": version, "arch": "x86_64"}
    if drawn < 0.45:
        system = words.SYSTEMS[(place.number * 7 + int(rng.random() ** 2 * 9)) % len(words.SYSTEMS)]
    else:
        system = rng.choices(words.SYSTEMS, cum_weights=_CUMULATED)[0]
    parsed: System = parse_system(system.platform, system.version)
    arch = _weighted(rng, system.arches) if len(system.arches) > 1 else system.arches[0][0]
    return {"os": parsed.os, "distribution": parsed.distribution, "os_version": parsed.version, "arch": arch}


def _name(rng: random.Random, system: dict[str, Any], number: int) -> str:
    """A name somebody gave to an image of theirs: one in three has Chinese in it."""
    software, versions = rng.choice(words.SOFTWARE)
    version = rng.choice(versions)
    short = f"{system.get('distribution') or 'image'}{system.get('os_version') or ''}".replace(" ", "")
    shape = rng.random()
    if shape < 0.4:
        return f"{software.lower()}-{version}-{short.lower()}-{number:06x}"
    if shape < 0.62:
        return f"{rng.choice(words.PURPOSES)}-{short}-{number:06x}"
    if shape < 0.88:
        return f"{rng.choice(words.TEAMS)}_{software}{version}_{number:06x}"
    return f"{software}{version}-{rng.choice(words.PURPOSES)}-{number:06x}"


def _id(rng: random.Random, start: str) -> str:
    return f"{start}{rng.getrandbits(88):017x}"[:22]


def _machine(rng: random.Random, place: Place, number: int) -> dict[str, Any]:
    system = _system(rng, place)
    state, status = rng.choices(_STATES, (96, 2, 2))[0]
    return {
        "remote_id": _id(rng, "m-bp1"),
        "name": _name(rng, system, number),
        "type": "vm",
        "visibility": _weighted(rng, (("private", 78), ("shared", 18), ("public", 4))),
        "size_gib": rng.choice((20, 40, 40, 40, 80, 100, 200, 500)),
        "state": state,
        "status": status,
        "description": rng.choice(words.SENTENCES) or None,
        **system,
    }


def _container(rng: random.Random, place: Place, number: int) -> dict[str, Any]:
    _, repository, tags = rng.choices(words.REPOSITORIES, [row[0] for row in words.REPOSITORIES])[0]
    tag = f"{rng.choice(tags)}-b{number}"
    state, status = rng.choices((("available", "READY"), ("creating", "PULLING"), ("failed", "FAILED")), (96, 2, 2))[0]
    known = parse_system(repository.rpartition("/")[2], tag) if repository in ("centos", "ubuntu", "alpine") else None
    return {
        "remote_id": _id(rng, "c-"),
        "name": f"{repository}:{tag}",
        "type": "container",
        "visibility": "private",
        "repository": repository,
        "tag": tag,
        "state": state,
        "status": status,
        "os": "linux",
        "distribution": known.distribution if known else None,
        "os_version": tag.partition("-")[0] if known and tag[0].isdigit() else None,
        "extra": {"container_type": rng.choice(("singularity", "docker"))},
    }


def _registered(rng: random.Random, place: Place, number: int) -> dict[str, Any]:
    made = _machine(rng, place, number) | {"remote_id": _id(rng, "i-"), "version": rng.choice(("V1.0", "V1.1", "V2"))}
    if rng.random() < 0.6:
        made |= {"type": "container", "repository": rng.choice(words.REPOSITORIES)[1], "size_gib": None}
        made |= {"tag": made["version"].lower(), "arch": "unknown"}
    return made


def _edge_public(rng: random.Random, place: Place, number: int) -> dict[str, Any]:
    made = _machine(rng, place, number)
    label = f"{made.get('distribution') or 'linux'}_{made.get('os_version') or 'x'}".lower().replace(" ", "_")
    name = f"{label}_x64_20G_alibase_{20170101 + number % 80_000}"
    return made | {"remote_id": f"{name}-{number:x}", "name": name, "visibility": "public", "description": None}


def _edge_own(rng: random.Random, place: Place, number: int) -> dict[str, Any]:
    return _machine(rng, place, number) | {"visibility": "private", "remote_id": _id(rng, "m-5")}


_DESKTOPS = [(weight, parse_system(text, None, os), arches) for weight, os, text, arches in words.DESKTOPS]


def _desktop(rng: random.Random, place: Place, number: int) -> dict[str, Any]:
    _, system, arches = rng.choices(_DESKTOPS, [row[0] for row in _DESKTOPS])[0]
    made = {"os": system.os, "distribution": system.distribution, "os_version": system.version}
    raw = f"{rng.getrandbits(128):032x}"
    return {
        "remote_id": f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}",
        "name": f"{rng.choice(words.PURPOSES)}-{(system.distribution or 'desktop').replace(' ', '')}-{number:06x}",
        "type": "vm",
        "visibility": _weighted(rng, (("private", 60), ("public", 30), ("shared", 10))),
        "arch": _weighted(rng, arches),
        "size_gib": rng.choice((60, 80, 80, 120)),
        "min_ram_mb": 4096,
        "min_disk_gb": rng.choice((60, 80)),
        "disk_format": "zvhd2",
        "state": "available",
        "status": "active",
        **made,
    }


_MAKERS = {
    "alibaba_ehpc_custom": _machine,
    "alibaba_ehpc_container": _container,
    "alibaba_ehpc_registered": _registered,
    "alibaba_ens_public": _edge_public,
    "alibaba_ens_self": _edge_own,
    "huawei_workspace": _desktop,
}
