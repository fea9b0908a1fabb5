"""What tests/isolation/mutations.py finds to take out is there."""

import ast

import pytest

from tests.isolation.mutant import ROOT, Removal, sites
from tests.isolation.unneeded import UNNEEDED

pytestmark = pytest.mark.access


def test_each_team_filter_can_be_taken_out() -> None:
    found = list(sites())
    assert len(found) > 150
    for site in found:
        removal = Removal(site.line, site.column, site.n)
        removal.visit(ast.parse((ROOT / site.file).read_text(encoding="utf-8")))
        assert removal.done, site


def test_what_is_said_to_be_unneeded_is_there_and_nothing_else_is_meant() -> None:
    found = list(sites())
    for (file, text, judged), why in UNNEEDED.items():
        meant = [site for site in found if site.file == file and text in site.text]
        assert why and len(meant) == judged, (
            f"{file}: {text!r} was judged {judged} times and is there {len(meant)} times"
        )


def test_a_filter_has_one_reason() -> None:
    for site in sites():
        assert sum(site.file == file and text in site.text for file, text, _judged in UNNEEDED) <= 1, site
