"""A loopback server that gives canned answers over real sockets, for what no well-meaning server would send."""

import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Reply:
    """One answer. `then` is "" (whole), "reset" (before any byte), "close" (without a byte), "cut" (half of the
    body), "drip"."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    then: str = ""
    delay: float = 0.0


def as_json(document: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(json.dumps(document).encode(), status, {"Content-Type": "application/json", **headers})


HTML = Reply(b"<!DOCTYPE html><html><body>Bad gateway</body></html>", 200, {"Content-Type": "text/html"})
RESET, CLOSE = Reply(then="reset"), Reply(then="close")


@dataclass
class Received:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    line: str


class Canned:
    """`with Canned(reply, reply) as server`: the replies in turn, the last one again for all that follow."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.received: list[Received] = []
        self._lock = threading.Lock()
        canned = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                parts = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                query = dict(parse_qsl(parts.query, keep_blank_values=True))
                canned._send(self, Received(self.command, parts.path, query, headers, body, self.path))

            do_POST = do_CONNECT = do_GET

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _next(self, received: Received) -> Reply:
        with self._lock:
            self.received.append(received)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def _send(self, handler: BaseHTTPRequestHandler, received: Received) -> None:
        reply = self._next(received)
        time.sleep(reply.delay)
        if reply.then in ("reset", "close"):
            if reply.then == "reset":
                handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.close_connection = True
            handler.connection.close()
            return
        try:
            handler.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                handler.send_header(name, value)
            handler.end_headers()
            if reply.then == "drip":
                for place in range(len(reply.body)):
                    handler.wfile.write(reply.body[place : place + 1])
                    time.sleep(0.02)
            else:
                handler.wfile.write(reply.body[: len(reply.body) // 2] if reply.then == "cut" else reply.body)
        except OSError:  # The client had enough.
            handler.close_connection = True
        if reply.then == "cut":
            handler.close_connection = True

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
