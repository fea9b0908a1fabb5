"""A simulator that runs somewhere on this machine, as seen from a test, a benchmark or the demo: its control API in
Python.
"""

import http.client
from typing import Any
from urllib.parse import urlsplit

import orjson

from tests.clouds.variants import Document


class Remote:
    """The controls of the simulator at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def call(self, method: str, path: str, document: Any = None) -> Any:
        """One control request; RuntimeError with the simulator's words if it refuses."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            body = None if document is None else orjson.dumps(document)
            connection.request(method, f"/_control/{path}", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = orjson.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise RuntimeError(f"{method} {path}: {answer}")
        return answer

    def endpoints(self) -> dict[str, str]:
        """The value of PROVIDER_ENDPOINTS that sends every provider here."""
        names = ("alibaba-ehpc", "alibaba-ehpc-2023", "alibaba-ens", "huawei-workspace", "huawei-iam")
        return dict.fromkeys(names, self.url)

    def health(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.call("GET", "health")
        return answer

    def inventory(self) -> dict[str, Any]:
        """`listings` ({listing, region, cluster, size}), Huawei `projects` by region, `clusters` by region."""
        answer: dict[str, Any] = self.call("GET", "inventory")
        return answer

    def size(self, listing: str, region: str) -> int:
        """How many images a listing has in a region, all its clusters together."""
        rows = self.inventory()["listings"]
        return sum(row["size"] for row in rows if (row["listing"], row["region"]) == (listing, region))

    def project_id(self, region: str) -> str:
        return str(self.inventory()["projects"][region])

    def clusters(self, region: str) -> list[str]:
        """The cluster ids of a region."""
        return [document["Id"] for document in self.inventory()["clusters"].get(region, [])]

    def serve(self, *, listing: str, region: str, items: list[Document], cluster: str | None = None) -> None:
        """List exactly these raw documents. Keys that begin with "_" are not sent. New regions, projects and clusters
        come into being.
        """
        self._edit(listing, region, cluster, items=items)

    def add(self, *, listing: str, region: str, items: list[Document], cluster: str | None = None) -> None:
        self._edit(listing, region, cluster, add=items)

    def change(self, *, listing: str, region: str, changes: dict[str, Document], cluster: str | None = None) -> int:
        """Overwrite fields of images by id; how many were found."""
        return int(self._edit(listing, region, cluster, change=changes)["changed"])

    def remove(self, *, listing: str, region: str, ids: list[str], cluster: str | None = None) -> int:
        return int(self._edit(listing, region, cluster, remove=ids)["removed"])

    def mutate(
        self,
        *,
        listing: str,
        region: str,
        cluster: str | None = None,
        change: float = 0,
        remove: float = 0,
        add: int = 0,
    ) -> dict[str, int]:
        """Change and remove so many percent of the generated images and add so many: {changed, removed, added, size},
        exact.
        """
        how = {"change": change, "remove": remove, "add": add}
        answer: dict[str, int] = self._edit(listing, region, cluster, mutate=how)
        return answer

    def _edit(self, listing: str, region: str, cluster: str | None, **how: Any) -> Any:
        place = {"listing": listing, "region": region} | ({"cluster": cluster} if cluster else {})
        return self.call("POST", "inventory", place | how)

    def fail(self, **fault: Any) -> int:
        """Make calls fail; the keywords are those of `faults.Fault`. Returns the fault's id, as it stands in the
        request log.
        """
        return int(self.call("POST", "faults", fault)["id"])

    def faults(self) -> list[dict[str, Any]]:
        """The faults that are set, with `seen` and `hits`."""
        answer: list[dict[str, Any]] = self.call("GET", "faults")
        return answer

    def heal(self) -> None:
        """Take all faults away."""
        self.call("DELETE", "faults")

    def latency(self, seconds: float) -> None:
        self.call("PUT", "latency", {"seconds": seconds})

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """The recorded calls, oldest first: vendor, operation, region, cluster, page, parameters, key, signature,
        status, fault, at.
        """
        records: list[dict[str, Any]] = self.call("GET", "requests")
        return [record for record in records if operation in (None, record.get("operation"))]

    def clear(self) -> None:
        """Forget the recorded requests, the faults and the latency. The inventory stays."""
        self.call("DELETE", "requests")
        self.heal()
        self.latency(0)
