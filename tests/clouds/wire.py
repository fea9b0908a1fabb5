"""A lean HTTP/1.1 server connection on asyncio, with full control over how an answer arrives, or does not.

Written by hand because the faults need what a framework hides (a reset in the middle, a length that lies) and because
the benchmarks page a million images through it. It knows no cloud.
"""

import asyncio
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl

MAX_HEAD = 1024 * 1024
MAX_BODY = 256 * 1024 * 1024
REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True)
class Request:
    """One request as it arrived. Header names are lower case, values the bytes that were signed."""

    method: str
    path: str
    raw_query: str
    raw_headers: dict[str, bytes]
    body: bytes = b""
    query: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.query = dict(parse_qsl(self.raw_query, keep_blank_values=True)) if self.raw_query else {}

    def header(self, name: str) -> str:
        return self.raw_headers.get(name, b"").decode("utf-8", "replace")

    def parameters(self) -> dict[str, str]:
        """Query parameters and, for a form, its fields: Alibaba's RPC calls use either."""
        if self.body and self.header("content-type").startswith("application/x-www-form-urlencoded"):
            return self.query | dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        return self.query


@dataclass(slots=True)
class Reply:
    """One answer: its bytes, or chunks that are sent as they are made; and what goes wrong on the way.

    `delay` in seconds. `cut`: "reset" (RST instead of an answer), "refuse" (the same, and the port is shut), "close"
    (FIN instead of an answer), "truncate" (half of the promised body, then FIN), "reset-body" (half of it, then RST).
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    chunks: Iterator[bytes] | None = None
    delay: float = 0.0
    cut: str | None = None

    def whole(self) -> bytes:
        """The body in one piece, for a fault that has to change it."""
        return self.body if self.chunks is None else b"".join(self.chunks)


def parse_head(head: bytes) -> Request:
    """The request line and headers, without the blank line; ValueError if it is not HTTP."""
    lines = head.split(b"\r\n")
    method, target, _ = lines[0].split(b" ", 2)
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        headers[name.decode("latin-1").lower()] = value.strip()
    path, _, query = target.decode("latin-1").partition("?")
    return Request(method.decode("latin-1"), path, query, headers)


class Connection(asyncio.Protocol):
    """One client: requests in turn, each answered by `answer` before the next is read; `shut` shuts the port."""

    def __init__(
        self, answer: Callable[[Request], Reply], connections: "set[Connection]", shut: Callable[[], None]
    ) -> None:
        self.answer, self.connections, self.shut = answer, connections, shut
        self.buffer = bytearray()
        self.request: Request | None = None
        self.expected = 0
        self.busy: asyncio.Task[None] | None = None
        self.writable = asyncio.Event()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.writable.set()
        self.connections.add(self)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self.connections.discard(self)
        if self.busy:
            self.busy.cancel()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self._next()

    def _next(self) -> None:
        """Read and answer as many whole requests as there are, unless one is still being answered."""
        while self.busy is None and not self.transport.is_closing():
            if self.request is None and not self._read_head():
                return
            request = self.request
            assert request is not None
            if len(self.buffer) < self.expected:
                return
            request.body = bytes(self.buffer[: self.expected])
            del self.buffer[: self.expected]
            self.request = None
            self._send(request, self._answer(request))

    def _read_head(self) -> bool:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > MAX_HEAD:
                self._refuse(414)
            return False
        try:
            self.request = parse_head(bytes(self.buffer[:end]))
            self.expected = int(self.request.header("content-length") or 0)
        except ValueError:
            self._refuse(400)
            return False
        if "transfer-encoding" in self.request.raw_headers or not 0 <= self.expected <= MAX_BODY:
            self._refuse(413)
            return False
        del self.buffer[: end + 4]
        return True

    def _refuse(self, status: int) -> None:
        self.transport.write(b"HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % (status, b"Refused"))
        self.transport.close()

    def _answer(self, request: Request) -> Reply:
        try:
            return self.answer(request)
        except (
            Exception
        ):  # The one boundary: a mistake of the simulator must be seen, and must not look like a cloud's.
            traceback.print_exc(file=sys.stderr)
            return Reply(500, b'{"simulator":"broken, see its stderr"}')

    def _send(self, request: Request, reply: Reply) -> None:
        if reply.delay or reply.chunks is not None:
            self.busy = asyncio.get_running_loop().create_task(self._send_slowly(request, reply))
        else:
            self._send_now(request, reply)

    def _send_now(self, request: Request, reply: Reply) -> None:
        if reply.cut in ("reset", "refuse", "close"):
            if reply.cut == "refuse":
                self.shut()
            self._hang_up(reply.cut)
            return
        head = _head(reply, f"Content-Length: {len(reply.body)}")
        if reply.cut is None:
            self.transport.write(head + reply.body)
            if request.raw_headers.get("connection", b"").lower() == b"close":
                self.transport.close()
        else:
            self.transport.write(head + reply.body[: len(reply.body) // 2])
            self._hang_up(reply.cut)

    async def _send_slowly(self, request: Request, reply: Reply) -> None:
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.chunks is None:
            self._send_now(request, reply)
        else:
            self.transport.write(_head(reply, "Transfer-Encoding: chunked"))
            for chunk in reply.chunks:
                self.transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                await asyncio.sleep(0)
                await self.writable.wait()
            self.transport.write(b"0\r\n\r\n")
        self.busy = None
        self._next()

    def _hang_up(self, how: str) -> None:
        if how not in ("close", "truncate"):
            # With a linger time of zero, closing sends RST; what was written before is flushed first where it can be.
            linger = struct.pack("ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.transport.abort()
        else:
            self.transport.close()


def _head(reply: Reply, length: str) -> bytes:
    headers = {"Content-Type": "application/json;charset=utf-8"} | reply.headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} {REASONS.get(reply.status, 'Unknown')}\r\n{lines}{length}\r\n\r\n".encode()
