"""Templates of images, one function a listing: a document in the cloud's own shape, with holes for what differs an
image.

A listing of N images cycles through `CYCLE` variants, so that image i costs one bytes formatting; ids, serial
numbers, dates and revisions fill the holes (inventory.py). Documents follow the seeds field by field (PROVIDERS.md
section 2).
"""

import random
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from tests.clouds import vocabulary as words

CYCLE = 2048

# Holes, as characters no real text has.
ID, SERIAL, DATE, REVISION, CLUSTER, REGION = "\ue000", "\ue001", "\ue002", "\ue003", "\ue004", "\ue005"
_NAMES = {ID: b"i", SERIAL: b"s", DATE: b"d", REVISION: b"v", CLUSTER: b"c", REGION: b"r"}

type Document = dict[str, Any]


class Variant(NamedTuple):
    """One template: `text` formats with a mapping of holes; `document` is the same, for filters to look at."""

    document: Document
    text: bytes


def wire_form(document: Document) -> bytes:
    """A document as the cloud sends it: keys that begin with "_" are what the simulator knows and does not tell."""
    return orjson.dumps({key: value for key, value in document.items() if not key.startswith("_")})


@lru_cache(maxsize=12)
def build(listing: str, seed: int) -> list[Variant]:
    """The variants of a listing; the same seed gives the same ones on every machine."""
    rng = random.Random(f"{seed}:{listing}")
    return [_compile(_MAKERS[listing](rng)) for _ in range(CYCLE)]


def _compile(document: Document) -> Variant:
    text = wire_form(document).replace(b"%", b"%%")
    for hole, name in _NAMES.items():
        text = text.replace(hole.encode(), b"%%(%b)b" % name)
    return Variant(document, text)


def _system(rng: random.Random, rows: tuple[words.System, ...] = words.SYSTEMS) -> tuple[words.System, str]:
    system = rng.choices(rows, [row.weight for row in rows])[0]
    return system, _weighted(rng, system.arches)


def _weighted(rng: random.Random, pairs: tuple[tuple[str, int], ...]) -> str:
    return rng.choices([value for value, _ in pairs], [weight for _, weight in pairs])[0]


def _name(rng: random.Random, system: words.System) -> str:
    """A name somebody gave to an image of theirs."""
    software, versions = rng.choice(words.SOFTWARE)
    version, short = rng.choice(versions), f"{system.platform.replace(' ', '')}{system.version.replace(' ', '')}"
    shape = rng.random()
    if shape < 0.45:
        return f"{software.lower()}-{version}-{short.lower()}-{SERIAL}"
    if shape < 0.65:
        return f"{rng.choice(words.PURPOSES)}-{short}-{SERIAL}"
    if shape < 0.85:
        return f"{rng.choice(words.TEAMS)}_{software}{version}_{SERIAL}"
    return f"{software}{version}-{rng.choice(words.PURPOSES)}-{SERIAL}"


def _description(rng: random.Random) -> str:
    return rng.choice(words.SENTENCES) + REVISION


def _os_tag(system: words.System, arch: str) -> dict[str, str]:
    tag = f"{system.platform.replace(' ', '')}_{system.version.replace(' ', '_')}_64"
    return {"Platform": system.platform, "OsTag": tag, "Version": system.version, "Architecture": arch}


def ehpc_custom(rng: random.Random) -> Document:
    system, arch = _system(rng)
    tag = _os_tag(system, arch)
    # Now and then the management nodes' tag contradicts the image's own, as in the seed's example.
    base = tag | {"Architecture": "i386"} if rng.random() < 0.03 else tag
    document = {
        "Status": rng.choices(["Available", "Creating", "CreateFailed"], [95, 3, 2])[0],
        "Description": _description(rng),
        "Size": rng.choice([20, 40, 40, 40, 80, 100, 200, 500]) + (20 if system.windows else 0),
        "ImageOwnerAlias": rng.choices(["self", "others"], [4, 1])[0],
        "ImageName": _name(rng, system),
        "ImageId": ID,
        "Uid": str(rng.randrange(10**15, 10**16)),
        "BaseOsTag": base,
        "OsTag": tag | {"BaseOsTag": base["OsTag"]},
    }
    if rng.random() < 0.15:
        document |= {"SkuCode": "ECS", "PricingCycle": "Month", "ProductCode": f"cmjj{rng.randrange(10**6):06d}"}
    if rng.random() < 0.1:
        document["PostInstallScript"] = f"install-{rng.choice(words.TEAMS)}.sh"
    return document


def ehpc_container(rng: random.Random) -> Document:
    weights = [row[0] for row in words.REPOSITORIES]
    _, repository, tags = rng.choices(words.REPOSITORIES, weights)[0]
    tag = rng.choice(tags)
    return {
        "Type": rng.choices(["singularity", "docker"], [5, 1])[0],
        "Status": rng.choices(["READY", "PULLING", "FAILED"], [96, 2, 2])[0],
        "UpdateDateTime": DATE,
        "Repository": repository,
        "Tag": tag if rng.random() < 0.3 else f"{tag}-b{SERIAL}",
        "System": CLUSTER,
        "ImageId": ID,
    }


def ehpc_registered(rng: random.Random) -> Document:
    system, _ = _system(rng)
    container = rng.random() < 0.6
    return {
        "ImageId": ID,
        "ImageType": "Container" if container else "VM",
        "Name": _name(rng, system),
        "Version": rng.choice(["V1.0", "V1.0", "V1.1", "V2.0", "2023.3", "latest"]),
        "Description": _description(rng),
        "CreateTime": f"{DATE}Z",
        "_repository": rng.choice(words.REPOSITORIES)[1] if container else "",
        "_system": _os_tag(system, "x86_64"),
    }


def ens_public(rng: random.Random) -> Document:
    system, arch = _system(rng, tuple(row for row in words.SYSTEMS if row.ens_name))
    built = f"{rng.randrange(2017, 2026)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"
    shape = f"{system.alibase}_alibase_{built}_{SERIAL}"
    x86 = rng.choices(["ens_vm", "bare_metal", "pcfarm"], [17, 2, 1])[0]
    return {
        "Description": shape + REVISION,
        "ImageId": shape,
        "ImageSize": "40" if system.windows else "20",
        "ImageVersion": system.version,
        "OSName": system.ens_name,
        "OSType": system.family.lower(),
        "ComputeType": "arm_vm" if arch == "arm64" else x86,
    }


def ens_self(rng: random.Random) -> Document:
    system, arch = _system(rng)
    return {
        "ImageId": ID,
        "ImageName": _name(rng, system) + REVISION,
        "Architecture": arch,
        "Platform": system.platform,
        "OsVersion": system.version,
        "ImageSize": str(rng.choice([20, 40, 60, 100])),
        "Status": rng.choices(["Available", "Creating", "CreateFailed"], [95, 3, 2])[0],
        "CreationTime": f"{DATE}Z",
        "RegionId": f"{REGION}-{rng.choice([4, 12, 44])}",
        "ComputeType": "arm_vm" if arch == "arm64" else "ens_vm",
        "ImageOwnerAlias": rng.choices(["self", "others"], [5, 1])[0],
    }


def huawei_workspace(rng: random.Random) -> Document:
    rows = [row for row in words.SYSTEMS if row.huawei]
    desktops = [row[0] for row in words.DESKTOPS]
    if rng.random() < 0.5:
        _, os_type, os_version, arches = rng.choices(words.DESKTOPS, desktops)[0]
        arch, platform = _weighted(rng, arches), os_version.split()[0]
    else:
        system, arch = _system(rng, tuple(rows))
        os_type, os_version, platform = system.family, f"{system.huawei} 64bit", system.huawei.split()[0]
    private = rng.random() < 0.55
    owner = rng.choice(words.TEAMS if rng.random() < 0.6 else words.PURPOSES) if private else "Workspace"
    document = {
        "id": ID,
        "image_type": "private" if private else "gold",
        "os_type": os_type,
        "os_version": os_version,
        "disk_format": rng.choices(["zvhd2", "qcow2", "vhd", "raw"], [12, 5, 2, 1])[0],
        "name": f"{owner}-{os_version.removesuffix(' 64bit').replace(' ', '_')}-{SERIAL}{REVISION}",
        "min_ram": rng.choice([0, 0, 0, 2048, 4096]),
        "min_disk": rng.choice([40, 50, 60, 80, 80, 100]),
        "_architecture": "arm" if arch == "arm64" else "x86",
        "_platform": platform,
    }
    if rng.random() < 0.5:
        document["product_code"] = f"OFFI{rng.randrange(10**6):06d}"
    # Fields newer than the seed: some images have them, some do not (PROVIDERS.md section 2).
    if rng.random() < 0.6:
        document |= {"architecture": document["_architecture"], "created_at": f"{DATE}Z"}
    return document


_MAKERS: dict[str, Callable[[random.Random], Document]] = {
    "alibaba_ehpc_custom": ehpc_custom,
    "alibaba_ehpc_container": ehpc_container,
    "alibaba_ehpc_registered": ehpc_registered,
    "alibaba_ens_public": ens_public,
    "alibaba_ens_self": ens_self,
    "huawei_workspace": huawei_workspace,
}
LISTINGS = tuple(_MAKERS)
