"""Walking a listing page by page without ending early, without running for ever and without remembering the images."""

from collections.abc import Callable, Iterator

from catalog.providers.base import Page, RemoteImage

# Ten million images at fifty a page. A listing beyond that is one that never ends.
MAX_PAGES = 200_000


class Repetition:
    """Tells a page that brings nothing new, in constant memory.

    A page is compared with the one before and with one kept from the powers of two, so that a server that repeats its
    last page, starts again, or goes round in any circle is found out soon (Brent's way of finding a cycle).
    """

    def __init__(self) -> None:
        self._before: frozenset[str] = frozenset()
        self._kept: frozenset[str] = frozenset()
        self._seen, self._power = 0, 1

    def is_repeated(self, keys: frozenset[str]) -> bool:
        repeated = bool(keys) and (keys <= self._before or keys <= self._kept)
        self._before = keys
        self._seen += 1
        if self._seen == self._power:
            self._kept, self._power = keys, self._power * 2
        return repeated


def numbered_pages(
    scope: str, read: Callable[[int], tuple[list[RemoteImage], int]], *, first: int = 1
) -> Iterator[Page]:
    """Pages by number, until as many images came as the first page counted.

    `read` gives a page's images and the total it states. A page that is shorter than asked for does not end the listing
    while the total says more; an empty one does, and one that repeats another, and then too few have come for the
    caller to take the listing for complete.
    """
    repetition = Repetition()
    came, expected = 0, 0
    for number in range(first, first + MAX_PAGES):
        images, total = read(number)
        if number == first:
            expected = total
        came += len(images)
        repeated = repetition.is_repeated(frozenset(image.key for image in images))
        yield Page(scope=scope, number=number, images=images, total=total)
        if not images or repeated or came >= expected:
            return
