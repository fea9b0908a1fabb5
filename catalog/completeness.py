"""Is a listing complete? Judged by what its pages said of themselves (DESIGN.md, the way in; PROVIDERS.md section
2)."""

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.providers.base import Page


@dataclass(slots=True)
class _Scope:
    """One part of a listing that the cloud counts by itself: a cluster, an image type, or all of it."""

    first: int | None
    last: int | None
    may_be_low: bool
    repeated: int = 0  # items that stand more than once on one page


class Tally:
    """What the pages of one listing said: how many they were, which part they are of, what they counted."""

    def __init__(self) -> None:
        self.pages = 0
        self.images = 0
        self.part, self.parts = 1, 1  # of the page that came last
        self._scopes: dict[str, _Scope] = {}

    def add(self, page: Page) -> None:
        self.pages += 1
        self.images += len(page.images)
        self.part, self.parts = page.part, page.parts
        scope = self._scopes.setdefault(page.scope, _Scope(page.total, page.total, page.total_may_be_low))
        scope.last = page.total
        scope.repeated += len(page.images) - len({image.key for image in page.images})

    @property
    def expected(self) -> int | None:
        """How many images there are by the cloud's last count, for the progress; None where it gives none, or not yet
        of every part: a part would be told as the whole."""
        totals = [scope.last for scope in self._scopes.values() if scope.last is not None]
        return sum(totals) if totals and self.part == self.parts else None

    def problem(self, came: Mapping[str, int]) -> str | None:
        """Why the listing is not complete, in one sentence, or None. `came` is how many distinct images came of each
        scope.

        The total is the same on the first and the last page and is what came. An image that the cloud lists twice on
        one page is counted twice and came once; one that stands on two pages shows that the listing moved while it was
        read. A total that may be low (Huawei) contradicts nothing unless it is higher.
        """
        for name, scope in self._scopes.items():
            where = f" of {name}" if name else ""
            listed = came.get(name, 0)
            totals = [total for total in (scope.first, scope.last) if total is not None]
            if not totals:
                continue
            if scope.may_be_low:
                if max(totals) > listed + scope.repeated:
                    return f"The cloud counts {max(totals)} images{where} and listed {listed}."
            elif totals[0] != totals[-1]:
                return f"The cloud counted {totals[0]} images{where} at first and {totals[-1]} in the end."
            elif totals[0] not in (listed, listed + scope.repeated):
                return f"The cloud counts {totals[0]} images{where} and listed {listed}."
        return None
