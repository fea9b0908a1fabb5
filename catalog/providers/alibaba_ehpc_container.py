"""E-HPC ListContainerImages (2018-04-12): the container images of one cluster, or of every cluster of ListClusters.

Seed ListContainerImages. Each cluster is a scope of its own: complete if its own pages are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from catalog.providers.alibaba import EHPC, Client
from catalog.providers.answers import Answered
from catalog.providers.base import Cluster, Connection, Page, ProviderError, RemoteImage, Target
from catalog.providers.paging import MAX_PAGES, Repetition, numbered_pages
from catalog.providers.shape import build, identifier, join_key, moment, state, text

OPERATION, CLUSTERS = "ListContainerImages", "ListClusters"
PAGE_SIZE = 50  # documented: 1 to 50, default 10


def list_pages(connection: Connection, target: Target) -> Iterator[Page]:
    with Client(connection, target.region, EHPC) as client:
        clusters = [target.cluster] if target.cluster else [cluster.id for cluster in _every_cluster(client)]
        if not clusters:
            yield Page(scope="", number=1, images=[], total=0)
        for part, cluster in enumerate(clusters, start=1):
            for page in numbered_pages(cluster, partial(_page, client, target, cluster)):
                yield replace(page, part=part, parts=len(clusters))


def check(connection: Connection, target: Target) -> None:
    """One image of the named cluster, or of the first there is."""
    with Client(connection, target.region, EHPC) as client:
        if target.cluster:
            _page(client, target, target.cluster, 1, size=1)
        elif clusters := _clusters(client, 1, size=1)[0]:
            _page(client, target, clusters[0].id, 1, size=1)


def list_clusters(connection: Connection, region: str) -> list[Cluster]:
    with Client(connection, region, EHPC) as client:
        return _every_cluster(client)


def _page(
    client: Client, target: Target, cluster: str, number: int, size: int = PAGE_SIZE
) -> tuple[list[RemoteImage], int]:
    def take(answer: Answered) -> tuple[list[RemoteImage], int]:
        images = answer.mapped(answer.items("Images", "Images"), lambda item: to_image(item, target, cluster))
        return images, answer.total("TotalCount")

    return client.read(OPERATION, {"ClusterId": cluster, "PageNumber": number, "PageSize": size}, take, "GET")


def to_image(item: Mapping[str, Any], target: Target, cluster: str) -> RemoteImage:
    """An ImageId need not be unique across clusters, nor within one: cluster, repository, tag and id make the key.
    What system a container holds is not told: `System` is the container system, a cluster's name in the seed."""
    image_id = identifier(item, "ImageId")
    repository, tag, status = text(item.get("Repository")), text(item.get("Tag")), text(item.get("Status"))
    told_state, listed_state = state(status)
    facts = {"container_type": text(item.get("Type")), "container_system": text(item.get("System"))}
    return build(
        key=join_key(cluster, repository, tag, image_id),
        remote_id=image_id,
        reported={"status": status, "state": told_state, "repository": repository, "tag": tag},
        derived={
            "name": ":".join(part for part in (repository, tag) if part) or image_id,
            "type": "container",
            "state": listed_state,
            "region": target.region,
            "cluster": cluster,
        },
        extra={name: value for name, value in facts.items() if value},
        document=item,
        updated_at=moment(item.get("UpdateDateTime")),
    )


def _clusters(client: Client, number: int, size: int = PAGE_SIZE) -> tuple[list[Cluster], int]:
    def take(answer: Answered) -> tuple[list[Cluster], int]:
        return answer.mapped(answer.items("Clusters", "ClusterInfoSimple"), _to_cluster), answer.total("TotalCount")

    return client.read(CLUSTERS, {"PageNumber": number, "PageSize": size}, take, "GET")


def _to_cluster(item: Mapping[str, Any]) -> Cluster:
    return Cluster(id=identifier(item, "Id"), name=text(item.get("Name")) or "", status=text(item.get("Status")) or "")


def _every_cluster(client: Client) -> list[Cluster]:
    """All clusters, complete: as many as counted, the count the same to the end; listed once more where it is not."""
    for _ in range(2):
        clusters, counts = _listed_clusters(client)
        if set(counts) == {len(clusters)}:
            return list(clusters.values())
    raise _incomplete(client, len(clusters), counts[-1])


def _listed_clusters(client: Client) -> tuple[dict[str, Cluster], list[int]]:
    clusters: dict[str, Cluster] = {}
    counts: list[int] = []
    repetition = Repetition()
    came = 0
    for number in range(1, MAX_PAGES):
        page, total = _clusters(client, number)
        counts.append(total)
        came += len(page)
        clusters.update((cluster.id, cluster) for cluster in page)
        repeated = repetition.is_repeated(frozenset(cluster.id for cluster in page))
        if not page or repeated or came >= counts[0]:
            break
    return clusters, counts


def _incomplete(client: Client, came: int, total: int) -> ProviderError:
    message = f"The list of clusters stayed incomplete: {came} came, {total} were counted."
    return client.call(CLUSTERS).error("IncompleteListing", message, kind="incomplete", retryable=True)
