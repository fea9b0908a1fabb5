"""The control API under /_control: inventory, faults, recorded requests, health. No signature, loopback only.

GET    /_control/health
GET    /_control/inventory                    every listing with its size, the Huawei projects, the clusters
POST   /_control/inventory {"listing", "region", "cluster"?, and one or more of: "items": [...] (list exactly these),
                            "add": [...], "change": {id: {field: value}}, "remove": [ids],
                            "mutate": {"change": percent, "remove": percent, "add": count}}
GET    /_control/faults, POST /_control/faults {...}, DELETE /_control/faults
GET    /_control/requests, DELETE /_control/requests
PUT    /_control/latency {"seconds": 0.2}     before every answer
"""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import orjson

from tests.clouds import faults
from tests.clouds.service import Service
from tests.clouds.variants import Document
from tests.clouds.wire import Reply, Request
from tests.clouds.world import IDENTITY, UnknownPlaceError

PREFIX = "/_control/"
LOCAL_HOSTS = ("127.0.0.1", "localhost")


class Control:
    """Answers control requests on behalf of a service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.started = time.time()
        self._routes: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "health"): self.health,
            ("GET", "inventory"): self.inventory,
            ("POST", "inventory"): self.edit,
            ("GET", "faults"): lambda _: [asdict(fault) for fault in service.faults],
            ("POST", "faults"): self.add_fault,
            ("DELETE", "faults"): lambda _: service.faults.clear(),
            ("GET", "requests"): lambda _: list(service.records),
            ("DELETE", "requests"): lambda _: service.records.clear(),
            ("PUT", "latency"): self.set_latency,
        }

    def answer(self, request: Request) -> Reply:
        # A page in somebody's browser could reach loopback under a name of its own (DNS rebinding).
        if request.header("host").partition(":")[0] not in LOCAL_HOSTS:
            return _told(403, "control is for loopback")
        route = self._routes.get((request.method, request.path.removeprefix(PREFIX)))
        if route is None:
            return _told(404, "no such control")
        try:
            document = orjson.loads(request.body) if request.body else {}
            if not isinstance(document, dict):
                raise ValueError("a JSON object is wanted")
            result = route(document)
        except (ValueError, KeyError, TypeError, UnknownPlaceError) as wrong:
            return _told(400, f"{type(wrong).__name__}: {wrong}")
        return Reply(body=orjson.dumps(result))

    def health(self, _: Any) -> dict[str, Any]:
        world = self.service.world
        uptime = time.time() - self.started
        return {
            "status": "ok",
            "images": world.images,
            "seed": world.seed,
            "uptime": uptime,
            "requests": len(self.service.records),
        }

    def inventory(self, _: Any) -> dict[str, Any]:
        world = self.service.world
        clusters = {region: world.clusters(region).extra for region in sorted(world.alibaba_regions())}
        return {"listings": world.every(), "projects": world.projects(), "clusters": clusters}

    def edit(self, document: dict[str, Any]) -> dict[str, Any]:
        world = self.service.world
        if unknown := set(document) - {"listing", "region", "cluster", "items", "add", "change", "remove", "mutate"}:
            raise ValueError(f"no such key: {', '.join(sorted(unknown))}")
        name, region, cluster = document["listing"], document["region"], document.get("cluster")
        if name not in IDENTITY:
            raise ValueError(f"no such listing: {name}")
        if "items" in document:
            world.serve(name, region, cluster, _documents(document["items"]))
        listing, identity = world.listing(name, region, cluster), IDENTITY[name]
        result: dict[str, Any] = {}
        if "add" in document:
            listing.add(_documents(document["add"]))
        if "change" in document:
            result["changed"] = listing.change(identity, document["change"])
        if "remove" in document:
            result["removed"] = listing.remove(identity, set(document["remove"]))
        if "mutate" in document:
            result |= listing.mutate(**document["mutate"])
        return result | {"size": len(listing)}

    def add_fault(self, document: dict[str, Any]) -> dict[str, Any]:
        fault = faults.read_fault(document)
        self.service.faults.append(fault)
        return {"id": fault.id}

    def set_latency(self, document: dict[str, Any]) -> dict[str, float]:
        self.service.latency = float(document["seconds"])
        return {"seconds": self.service.latency}


def _documents(items: Any) -> list[Document]:
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError("items are JSON objects")
    return items


def _told(status: int, message: str) -> Reply:
    return Reply(status, orjson.dumps({"error": message}))
