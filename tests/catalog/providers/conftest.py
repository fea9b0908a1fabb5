"""A connection to a canned server or to the simulator, for each vendor."""

from collections.abc import Callable

import pytest

from catalog.providers import PROVIDERS
from catalog.providers.base import Connection, Patience, Target
from tests.clouds import credentials as keys

ENDPOINTS = ("alibaba-ehpc", "alibaba-ehpc-2023", "alibaba-ens", "huawei-workspace", "huawei-iam")
PROJECT = "29dfe82ada564ac2b927e1ff036d9a9b"
CREDENTIALS = {
    "alibaba": {"access_key_id": keys.ALIBABA.key, "access_key_secret": keys.ALIBABA.secret},
    "huawei": {"access_key": keys.HUAWEI.key, "secret_key": keys.HUAWEI.secret},
}
REGIONS = {"alibaba": "cn-hangzhou", "huawei": "cn-north-4"}

type Connect = Callable[..., Connection]


class Naps(list[float]):
    """The waits a connection's patience took, none of them real."""


def connection_to(
    url: str, vendor: str, *, naps: Naps | None = None, seconds: float = 30, **credential: str
) -> Connection:
    """A connection of this vendor with every endpoint at `url`; `credential` adds to the vendor's key pair."""
    patience = Patience(seconds, sleep=(naps if naps is not None else Naps()).append)
    endpoints = dict.fromkeys(ENDPOINTS, url)
    return Connection(credential=CREDENTIALS[vendor] | credential, patience=patience, endpoints=endpoints)


def connection_for(url: str, kind: str, **options: object) -> Connection:
    """The same for a kind; Huawei's project is given, so that no canned answer is spent on IAM."""
    vendor = PROVIDERS[kind].vendor
    if vendor == "huawei":
        options = {"project_id": PROJECT} | options
    return connection_to(url, vendor, **options)


def target_for(kind: str, **facts: str) -> Target:
    """A target of this kind; containers of one cluster, so that no canned answer is spent on ListClusters."""
    cluster = {"cluster": "ehpc-hz-FYUr32****"} if kind == "alibaba_ehpc_container" else {}
    region = {"region": REGIONS[PROVIDERS[kind].vendor]}
    return Target(**(region | cluster | facts))


@pytest.fixture
def naps() -> Naps:
    return Naps()
