"""What tests/isolation/mutations.py finds to take out is there."""

import ast

import pytest

from tests.isolation.mutant import ROOT, Removal, sites
from tests.isolation.unneeded import UNNEEDED, reason_of

pytestmark = pytest.mark.access


def test_each_team_filter_can_be_taken_out() -> None:
    found = list(sites())
    assert len(found) > 150
    for site in found:
        removal = Removal(site.line, site.column, site.n)
        removal.visit(ast.parse((ROOT / site.file).read_text(encoding="utf-8")))
        assert removal.done, site


def test_what_is_said_to_be_unneeded_is_there() -> None:
    found = list(sites())
    for key, why in UNNEEDED.items():
        assert why and any(reason_of(site) == why for site in found), f"{key} is gone"
