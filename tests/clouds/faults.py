"""What the clouds can be told to do wrong, and when. `POST /_control/faults` takes a `Fault` as JSON; unknown keys
are refused.

Which calls: `vendor`, `operation`, `region`, `cluster`, `key` (the access key), `parameters` (a subset), `page` (a
number, "first" or "last"), `offset`; of those `skip` are let through first, then `times` are hit (0: all from then
on). An unsigned or wrongly signed call is refused before any fault.

What happens, one of: `status`/`code`/`message` (the vendor's error body), `throttle` (true, or the wait: milliseconds
for Alibaba, seconds for Huawei), `reset`, `refuse` (reset, and no connection is taken from then on until
`Simulator.listen`), `close`, `truncate`, `reset_body`, `html`, `empty`, `malformed`, `null`, `list`, `body` (any JSON,
with `status`), `bad_item` ("null", "string", "number", "list", "no_id", "wrong_type"), `total` (added to the true
total), `lacks` (so many items of the page are left out), `duplicate_page` (the page before again), `shift` ("insert"
or "remove": the listing changes before this page), `redirect` (true or a URL), `soft` (an error inside HTTP 200),
`huge` (more than 64 MiB). Beside any of them: `delay` in seconds, `headers`, and for AddImage and RemoveImage `apply`
(the image is added or removed, and then the answer fails).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from itertools import count
from typing import Any

import orjson

from tests.clouds.calls import Call, Listed
from tests.clouds.errors import BY_STATUS_HUAWEI, Refusal, described
from tests.clouds.variants import Document
from tests.clouds.wire import Reply

HUGE = 64 * 1024 * 1024 + 1024
HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
BAD_ITEMS = {"null": b"null", "string": b'"image"', "number": b"17", "list": b"[]", "no_id": b'{"Status":"Available"}'}
_IDS = count(1)


@dataclass(kw_only=True)
class Fault:
    """One thing that goes wrong; see the module's text for what each field means."""

    vendor: str | None = None
    operation: str | None = None
    region: str | None = None
    cluster: str | None = None
    key: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    page: int | str | None = None
    offset: int | None = None
    skip: int = 0
    times: int = 1

    status: int | None = None
    code: str | None = None
    message: str | None = None
    throttle: bool | int = False
    reset: bool = False
    refuse: bool = False
    close: bool = False
    truncate: bool = False
    reset_body: bool = False
    html: bool = False
    empty: bool = False
    malformed: bool = False
    null: bool = False
    list: bool = False
    body: Any = None
    bad_item: str | None = None
    total: int = 0
    lacks: int = 0
    duplicate_page: bool = False
    shift: str | None = None
    redirect: bool | str = False
    soft: bool | int | str = False
    huge: bool = False

    delay: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    apply: bool = False

    id: int = field(default_factory=lambda: next(_IDS))
    seen: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        if self.bad_item is not None and self.bad_item not in (*BAD_ITEMS, "wrong_type"):
            raise ValueError(f"bad_item is one of {', '.join(BAD_ITEMS)}, wrong_type")
        if self.shift not in (None, "insert", "remove") or self.page == 0:
            raise ValueError('shift is "insert" or "remove"; pages start at 1')

    def fits(self, call: Call, last: bool) -> bool:
        """Whether this call is one of those meant, apart from `skip` and `times`."""
        wanted = (
            (self.vendor, call.vendor),
            (self.operation, call.operation),
            (self.region, call.region),
            (self.cluster, call.cluster),
            (self.key, call.credential.key),
            (self.offset, call.offset),
        )
        if any(want is not None and want != have for want, have in wanted):
            return False
        if any(call.parameters.get(name) != value for name, value in self.parameters.items()):
            return False
        if self.page == "last":
            return last
        return self.page is None or call.number == (1 if self.page == "first" else self.page)

    def take(self) -> bool:
        """Count one fitting call; whether it is hit."""
        self.seen += 1
        if self.seen <= self.skip or (self.times and self.hits >= self.times):
            return False
        self.hits += 1
        return True

    def refuses(self) -> bool:
        """Whether an error body is asked for."""
        return self.body is None and (self.status is not None or self.code is not None)


CONDITIONS = frozenset(item.name for item in fields(Fault)) - {"id", "seen", "hits"}


def read_fault(document: dict[str, Any]) -> Fault:
    """A fault from JSON; ValueError names what is wrong."""
    if unknown := set(document) - CONDITIONS:
        raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
    return Fault(**document)


def spoil_call(fault: Fault, call: Call) -> Call:
    """The call as a fault wants it answered: the page before, under the number of this one."""
    if fault.duplicate_page and call.size is not None:
        return replace(call, skew=-call.size)
    return call


def spoil_listed(fault: Fault, answer: Listed) -> None:
    """Change what a listing says before it becomes bytes."""
    if fault.total and answer.total_field:
        told = answer.around[answer.total_field]
        answer.around[answer.total_field] = type(told)(int(told) + fault.total)
    if fault.lacks:
        del answer.page()[-fault.lacks :]
    if fault.bad_item is not None:
        items = answer.page()
        bad = BAD_ITEMS.get(fault.bad_item) or _wrong_types(items)
        items[len(items) // 2 : len(items) // 2 + 1] = [bad]


def _wrong_types(items: list[bytes]) -> bytes:
    """The middle item with every text a list and every number a text."""
    image: Document = orjson.loads(items[len(items) // 2]) if items else {"ImageId": "x"}
    return orjson.dumps({name: [value] if isinstance(value, str) else "x" for name, value in image.items()})


def spoil_reply(fault: Fault, call: Call, answer: Callable[[], Reply], request_id: str) -> Reply:
    """The answer that reaches the client. `answer` makes the right one, if it is needed."""
    reply = _replacement(fault, call, request_id) or _damaged(fault, answer())
    reply.headers |= fault.headers
    reply.delay += fault.delay
    return reply


def _replacement(fault: Fault, call: Call, request_id: str) -> Reply | None:
    """An answer that does not need the right one."""
    for cut in ("reset", "refuse", "close"):
        if getattr(fault, cut):
            return Reply(cut=cut)
    if fault.throttle:
        return _throttled(fault, call, request_id)
    if fault.redirect:
        target = fault.redirect if isinstance(fault.redirect, str) else "/_elsewhere"
        return Reply(302, b"", {"Location": target, "Content-Type": "text/html"})
    if fault.soft:
        return Reply(fault.status or 200, orjson.dumps(_soft(fault, call, request_id)))
    if fault.html:
        return Reply(fault.status or 200, HTML, {"Content-Type": "text/html; charset=utf-8"})
    bodies = {"empty": b"", "malformed": b'{"Images": {"Image": [', "null": b"null", "list": b"[]"}
    for name, body in bodies.items():
        if getattr(fault, name):
            return Reply(fault.status or 200, body)
    if fault.body is not None:
        return Reply(fault.status or 200, orjson.dumps(fault.body))
    if fault.refuses():
        refusal = _refusal(fault, call)
        return Reply(refusal.status, orjson.dumps(refusal.body(request_id)))
    return None


def _refusal(fault: Fault, call: Call) -> Refusal:
    code = fault.code or (
        BY_STATUS_HUAWEI.get(fault.status or 500, "WKS.00010006") if call.vendor == "huawei" else None
    )
    code = code or ("ServiceUnavailable" if fault.status == 503 else "UnknownError")
    status, text = described(call.vendor, code)
    return Refusal(call.vendor, fault.status or status, code, fault.message or text)


def _throttled(fault: Fault, call: Call, request_id: str) -> Reply:
    """Alibaba tells the wait in ms in x-acs-retry-after, Huawei in s in Retry-After; `true` is a throttle that tells
    none.
    """
    code = fault.code or ("APIGW.0308" if call.vendor == "huawei" else "Throttling.User")
    status, text = described(call.vendor, code)
    refusal = Refusal(call.vendor, fault.status or status, code, fault.message or text)
    header = "Retry-After" if call.vendor == "huawei" else "x-acs-retry-after"
    headers = {} if fault.throttle is True else {header: str(fault.throttle)}
    return Reply(refusal.status, orjson.dumps(refusal.body(request_id)), headers)


def _soft(fault: Fault, call: Call, request_id: str) -> Document:
    """An error that HTTP calls a success: ENS's Code in the body, Success false of the 2023-07-01 API."""
    message = fault.message or described(call.vendor, fault.code or "CallInterface")[1]
    if call.version == "2023-07-01":
        return {"RequestId": request_id, "Success": False, "ImageId": None}
    code = fault.code or (500 if fault.soft is True else fault.soft)
    return {"RequestId": request_id, "Code": code, "Message": message}


def _damaged(fault: Fault, reply: Reply) -> Reply:
    """The right answer, hurt on its way."""
    if fault.huge:
        body = reply.whole()
        padding = b'"Padding":"%b"' % (b"x" * HUGE)
        return replace(reply, chunks=None, body=b"{" + padding + (b"," if len(body) > 2 else b"") + body[1:])
    if fault.truncate or fault.reset_body:
        return replace(reply, chunks=None, body=reply.whole(), cut="truncate" if fault.truncate else "reset-body")
    return reply
