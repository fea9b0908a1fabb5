"""A call of one cloud operation, and the answer of a listing before it becomes bytes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.clouds.credentials import Credential
from tests.clouds.listing import Selection
from tests.clouds.wire import Reply

# Above this many images, a listing without pages is streamed piece by piece.
STREAM_ABOVE = 5_000


@dataclass(slots=True, kw_only=True)
class Call:
    """One operation as the client meant it. `number`, `size` and `offset` are the page asked for, None where there
    are no pages.

    `skew` moves the items that are served against the page that is claimed (a fault).
    """

    vendor: str
    operation: str
    version: str
    region: str
    parameters: dict[str, str]
    credential: Credential
    cluster: str | None = None
    number: int | None = None
    size: int | None = None
    offset: int | None = None
    skew: int = 0


@dataclass(slots=True)
class Listed:
    """A listing's answer: the fields around it, the path to the list, the images of this page (or all), and the true
    total.
    """

    around: dict[str, Any]
    path: tuple[str, ...]
    selection: Selection
    call: Call
    items: list[bytes] | None = None
    total_field: str | None = None
    last: bool = field(init=False)

    def __post_init__(self) -> None:
        offset, size = self.call.offset, self.call.size
        self.last = offset is None or size is None or offset + size >= len(self.selection)

    def page(self) -> list[bytes]:
        """The images of this page, as JSON."""
        if self.items is None:
            start = (self.call.offset or 0) + self.call.skew
            size = self.call.size if self.call.size is not None else len(self.selection)
            self.items = self.selection.page(start, start + size)
        return self.items

    def reply(self) -> Reply:
        before, after = self._around()
        if self.items is None and self.call.size is None and len(self.selection) > STREAM_ABOVE:
            return Reply(chunks=self._stream(before, after))
        return Reply(body=before + b",".join(self.page()) + after)

    def _around(self) -> tuple[bytes, bytes]:
        opening = b"".join(b'"%b":{' % step.encode() for step in self.path[:-1])
        head = orjson.dumps(self.around)[:-1]
        comma = b"," if self.around else b""
        return head + comma + opening + b'"%b":[' % self.path[-1].encode(), b"]" + b"}" * len(self.path)

    def _stream(self, before: bytes, after: bytes) -> Iterator[bytes]:
        yield before
        for number, piece in enumerate(self.selection.pieces()):
            yield (b"," if number else b"") + b",".join(piece)
        yield after
