"""How pages are looked at: a width and a colour scheme. The slow half is for --all."""

from typing import Any

import pytest


def _slow(*values: Any) -> Any:
    return pytest.param(*values, marks=pytest.mark.slow)


SCHEMES = ["light", _slow("dark")]
LOOKS = [(390, "light"), (1440, "dark"), _slow(390, "dark"), _slow(1440, "light")]
