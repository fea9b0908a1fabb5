"""Everything the simulated clouds hold: regions, clusters, projects and their listings, made when first asked for.

`images` is the size of each listing in its largest region (all its clusters together); other regions hold a share of
it.
"""

import hashlib
import re
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from tests.clouds import variants
from tests.clouds.listing import Listing, json_text
from tests.clouds.variants import LISTINGS, Document

DEFAULT_REGION = "cn-hangzhou"
# region: (share of the largest region, start of its ECS image ids)
ALIBABA_REGIONS = {
    "cn-hangzhou": (1.0, "bp1"),
    "cn-shanghai": (0.45, "uf6"),
    "ap-southeast-1": (0.15, "t4n"),
    "cn-beijing": (0.05, "2ze"),
}
HUAWEI_REGIONS = {"cn-north-4": 1.0, "cn-east-3": 0.3, "ap-southeast-3": 0.1}
# region: (cluster id, name, share of the region's container images)
CLUSTERS = {
    "cn-hangzhou": (
        ("ehpc-hz-FYUr32a7Qk", "mycluster", 0.7),
        ("ehpc-hz-9sPq0Zt1Lm", "气象预报-生产", 0.22),
        ("ehpc-hz-Wc47bNx2Re", "gpu-train", 0.08),
    ),
    "cn-shanghai": (("ehpc-sh-4kTz81vYba", "genomics", 0.8), ("ehpc-sh-Mm02Lq7XpD", "渲染农场", 0.2)),
    "ap-southeast-1": (("ehpc-sg-Jd83nWs5Uo", "sg-burst", 1.0),),
}
# Any number of further regions, each as large as the largest: sim-1, sim-2, ... of both vendors, with one cluster each.
SPARE = re.compile(r"sim-\d{1,4}")
IDENTITY = dict.fromkeys(LISTINGS, "ImageId") | {"huawei_workspace": "id", "alibaba_ehpc_clusters": "Id"}
ENS = ("alibaba_ens_public", "alibaba_ens_self")


class UnknownPlaceError(LookupError):
    """A region or a cluster that the clouds do not have; `what` is "region" or "cluster"."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class World:
    """The inventory of both vendors. `state` names a file that keeps what AddImage added and RemoveImage removed."""

    def __init__(self, images: int, seed: int, state: Path | None = None) -> None:
        self.images, self.seed, self.state = images, seed, state
        self._listings: dict[tuple[str, str, str | None], Listing] = {}
        self._more_regions: set[str] = set()
        self._more_projects: set[str] = set()
        self._removed: dict[str, list[int]] = {}
        if state is not None and state.exists():
            self._restore(orjson.loads(state.read_bytes()))

    # Places

    def alibaba_regions(self) -> set[str]:
        return set(ALIBABA_REGIONS) | self._more_regions

    def projects(self) -> dict[str, str]:
        """Huawei project ids by region."""
        return {region: self.project_id(region) for region in [*HUAWEI_REGIONS, *sorted(self._more_projects)]}

    def project_id(self, region: str) -> str:
        return hashlib.md5(f"{self.seed}:{region}".encode(), usedforsecurity=False).hexdigest()

    def region_of_project(self, project_id: str) -> str | None:
        return next((region for region, known in self.projects().items() if known == project_id), None)

    def discover(self, region: str) -> None:
        """Let a spare region be there from now on."""
        if SPARE.fullmatch(region):
            self._more_regions.add(region)
            self._more_projects.add(region)

    def clusters(self, region: str) -> Listing:
        """The clusters of a region, a listing like the others."""
        return self.listing("alibaba_ehpc_clusters", region)

    # Listings

    def listing(self, name: str, region: str, cluster: str | None = None) -> Listing:
        """A listing; raises UnknownPlaceError for a region or cluster that does not exist.

        ENS has one host for every region and takes any.
        """
        self.discover(region)
        if name in ENS:
            region = region if (name, region, None) in self._listings or name == "alibaba_ens_self" else ""
        elif name == "huawei_workspace":
            if region not in self.projects():
                raise UnknownPlaceError("region")
        elif region not in self.alibaba_regions():
            raise UnknownPlaceError("region")
        place = (name, region, cluster)
        if place not in self._listings:
            self._listings[place] = self._make(name, region, cluster)
        return self._listings[place]

    def _make(self, name: str, region: str, cluster: str | None) -> Listing:
        size, label = self._size(name, region), ""
        if name == "alibaba_ehpc_clusters":
            made = self._empty(name, region)
            made.serve([_cluster_document(region, *row) for row in _clusters(region)])
            return made
        if name == "alibaba_ehpc_container":
            size, label = self._in_cluster(region, cluster, size)
        elif cluster is not None:
            size = min(size, 12)  # The public images of the 2023-07-01 API.
        prefix = ALIBABA_REGIONS.get(region, (0, "xx9"))[1]
        holes = {b"c": json_text(label), b"r": json_text(region or DEFAULT_REGION)}
        key = f"{self.seed}:{name}:{region}:{cluster or ''}"
        return Listing(name, size, key, prefix, holes, partial(variants.build, name, self.seed))

    def _empty(self, name: str, region: str) -> Listing:
        return Listing(name, 0, f"{name}:{region}", "xx9", {}, list)

    def _size(self, name: str, region: str) -> int:
        if name == "alibaba_ens_public" or SPARE.fullmatch(region):
            return self.images
        if name == "huawei_workspace":
            share = HUAWEI_REGIONS.get(region, 0.0)
        else:
            share = ALIBABA_REGIONS.get(region, (0.1 if name in ENS else 0.0, ""))[0]
        return round(self.images * share)

    def _in_cluster(self, region: str, cluster: str | None, size: int) -> tuple[int, str]:
        """How many container images this cluster has, and its name; the first cluster takes what rounding leaves."""
        rows = _clusters(region)
        shares = {row[0]: int(size * row[2]) for row in rows}
        if rows:
            shares[rows[0][0]] = size - sum(shares[row[0]] for row in rows[1:])
        for document in self.clusters(region).find("Id", cluster or ""):
            return shares.get(document["Id"], 0), str(document.get("Name", ""))
        raise UnknownPlaceError("cluster")

    def every(self) -> list[dict[str, Any]]:
        """Listing, region, cluster and size of all there is, for `GET /_control/inventory`."""
        places: list[tuple[str, str, str | None]] = []
        for name in ("alibaba_ehpc_custom", "alibaba_ehpc_registered", *ENS):
            places += [(name, region, None) for region in sorted(self.alibaba_regions())]
        for region in sorted(self.alibaba_regions()):
            for document in self.clusters(region).extra:
                places.append(("alibaba_ehpc_container", region, document["Id"]))
        places += [("huawei_workspace", region, None) for region in self.projects()]
        keys = ("listing", "region", "cluster", "size")
        return [dict(zip(keys, (*place, len(self.listing(*place))), strict=True)) for place in places]

    def serve(self, name: str, region: str, cluster: str | None, items: list[Document]) -> None:
        """List exactly these raw documents; the region, project or cluster comes into being if it is new."""
        if name == "huawei_workspace":
            self._more_projects |= {region} - set(HUAWEI_REGIONS)
        elif name not in ENS:
            self._more_regions |= {region} - set(ALIBABA_REGIONS)
        if name == "alibaba_ehpc_container":
            if cluster is None:
                raise ValueError("container images belong to a cluster: name one")
            if not self.clusters(region).find("Id", cluster):
                self.clusters(region).add([_cluster_document(region, cluster, cluster, 0)])
        if name in ENS and (name, region, None) not in self._listings:
            self._listings[name, region, None] = self._empty(name, region)
        self.listing(name, region, cluster).serve(items)

    # Registered images that outlive the process

    def registered(self, region: str) -> Listing:
        return self.listing("alibaba_ehpc_registered", region)

    def register(self, region: str, document: Document) -> None:
        self.registered(region).add([document])
        self._save()

    def unregister(self, region: str, document: Document) -> None:
        self.registered(region).remove("ImageId", {document["ImageId"]})
        if "_index" in document:
            self._removed.setdefault(region, []).append(document["_index"])
        self._save()

    def _save(self) -> None:
        if self.state is None:
            return
        added = {region: self.registered(region).extra for region in self.alibaba_regions()}
        document = {
            "images": self.images,
            "seed": self.seed,
            "added": {region: [_without_password(item) for item in items] for region, items in added.items() if items},
            "removed": self._removed,
        }
        self.state.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.state.parent, delete=False) as file:
            file.write(orjson.dumps(document))
        Path(file.name).replace(self.state)

    def _restore(self, document: dict[str, Any]) -> None:
        for region, items in document["added"].items():
            self.registered(region).add(items)
        if (document["images"], document["seed"]) == (self.images, self.seed):
            self._removed = document["removed"]
            for region, indexes in self._removed.items():
                self.registered(region).keep_without(set(indexes))


def _clusters(region: str) -> tuple[tuple[str, str, float], ...]:
    return CLUSTERS.get(region, ((f"ehpc-{region}", region, 1.0),) if SPARE.fullmatch(region) else ())


def _cluster_document(region: str, cluster: str, name: str, _: float) -> Document:
    """A cluster in the shape of ListClusters' ClusterInfoSimple."""
    return {
        "Id": cluster,
        "Name": name,
        "Description": "",
        "Status": "running",
        "RegionId": region,
        "ZoneId": f"{region}-b",
        "OsTag": "CentOS_7.6_64",
        "SchedulerType": "slurm",
        "DeployMode": "Standard",
        "ClientVersion": "1.0.64",
    }


def _without_password(document: Document) -> Document:
    """What may lie on a disk: people type real registry passwords into a demo."""
    spec = document.get("_spec") or {}
    credential = spec.get("RegistryCredential")
    return (
        document | {"_spec": spec | {"RegistryCredential": credential | {"Password": "simulated"}}}
        if credential
        else document
    )
