"""One sync of one source against the simulated clouds, through the vendors' SDKs."""

import pytest

from catalog.models import Image, ImageChange, SyncRun
from catalog.sync import run_sync, start_run

KINDS = (
    "alibaba_ehpc_custom",
    "alibaba_ehpc_container",
    "alibaba_ehpc_registered",
    "alibaba_ens_public",
    "alibaba_ens_self",
    "huawei_workspace",
)


def sync(source) -> SyncRun:
    run = run_sync(start_run(source, "command"), patience_seconds=5)
    assert run is not None
    source.refresh_from_db()
    return run


@pytest.mark.parametrize("kind", KINDS)
def test_it_puts_a_listing_on_the_shelf(simulated, make_source, kind):
    source = make_source(kind)
    run = sync(source)
    assert (run.state, run.error) == ("complete", None)
    assert run.listed == run.added == simulated.size(kind, source.region) == Image.objects.count()
    assert source.last_complete_at and source.failures == 0 and source.last_error is None
    assert not ImageChange.objects.exists()
