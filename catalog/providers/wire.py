"""How a request leaves and an answer arrives: the one requests session both SDKs send through.

The SDKs build and sign; this session sends. It follows no redirect, reads no .netrc, takes a loopback address past
every proxy, bounds an answer in bytes and in time, keeps the raw answer for the shape to be checked, and keeps
urllib3 from logging an address that may hold a registry password (PROVIDERS.md sections 4 and 5). Imported only where
a cloud is called.
"""

import logging
import os
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.utils import resolve_proxies

from catalog.providers.base import MAX_ANSWER
from catalog.providers.endpoints import is_loopback

CONNECT_SECONDS, READ_SECONDS = 5, 30
# One whole answer, so that a cloud that drips a byte now and then cannot hold a worker.
ANSWER_SECONDS = 300.0
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came. Header names are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class WireFailure(OSError):
    """There is no answer. `kind` and `retryable` are ProviderError's; `sent` tells whether the cloud may have acted
    on it.

    The text is ours alone: that of requests holds the address, and the address may hold a password.
    """

    def __init__(
        self, code: str, message: str, *, kind: str = "unreachable", sent: bool, retryable: bool = True
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.kind, self.sent, self.retryable = code, message, kind, sent, retryable


class GuardedSession(requests.Session):
    """A session for one client of one run. After a send, `answer` or `failure` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # a default entry in .netrc would replace the signature
        self.answer: Answer | None = None
        self.failure: WireFailure | None = None

    def forget(self) -> None:
        self.answer = self.failure = None

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        self.forget()
        url = request.url or ""
        proxies = {} if is_loopback(urlsplit(url).hostname or "") else resolve_proxies(request, None, trust_env=True)
        verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        kwargs |= {"stream": True, "allow_redirects": False, "proxies": proxies, "verify": verify}
        kwargs["timeout"] = (CONNECT_SECONDS, READ_SECONDS)
        try:
            with _quiet():
                response = super().send(request, **kwargs)
                body = _read_body(response)
        except WireFailure as failure:
            self.failure = failure
        except (OSError, urllib3.exceptions.HTTPError, ValueError) as error:
            self.failure = _failure(error, urlsplit(url).hostname or "")
        if self.failure is not None:
            raise self.failure
        response._content, response._content_consumed = body, True
        response.encoding = response.encoding or "utf-8"
        headers = {name.lower(): value for name, value in response.headers.items()}
        self.answer = Answer(response.status_code, headers, body)
        return response


def _read_body(response: requests.Response) -> bytes:
    raw: Any = response.raw
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length[:15]) > MAX_ANSWER:
        response.close()
        raise _too_large()
    deadline = time.monotonic() + ANSWER_SECONDS
    chunks: list[bytes] = []
    size = 0
    while chunk := raw.read1(_CHUNK, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER or time.monotonic() > deadline:
            response.close()
            raise _too_large() if size > MAX_ANSWER else WireFailure("ReadTimeout", _TOO_SLOW, sent=True)
    raw.release_conn()
    return b"".join(chunks)


_TOO_SLOW = "The answer was still arriving after five minutes."


def _too_large() -> WireFailure:
    size = MAX_ANSWER // (1024 * 1024)
    return WireFailure(
        "AnswerTooLarge", f"The answer is larger than {size} MiB.", kind="too_large", sent=True, retryable=False
    )


def _failure(error: Exception, host: str) -> WireFailure:
    """What happened, by the exceptions' types: their texts hold the address."""
    chain = list(_causes(error))

    def has(*types: type[BaseException]) -> bool:
        return any(isinstance(cause, types) for cause in chain)

    if has(urllib3.exceptions.ProxyError):
        return WireFailure("ProxyFailed", "The proxy could not be reached or refused.", sent=False)
    if has(ssl.SSLCertVerificationError):
        return WireFailure("CertificateInvalid", f"{host} has no valid certificate.", sent=False, retryable=False)
    if has(urllib3.exceptions.NameResolutionError, socket.gaierror, UnicodeError):
        again = any(isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN for cause in chain)
        return WireFailure(
            "HostNotFound", f"The host {host} was not found. Is the region right?", sent=False, retryable=again
        )
    if has(urllib3.exceptions.NewConnectionError):
        refused = has(ConnectionRefusedError)
        text = f"{host} refused the connection." if refused else f"{host} could not be reached."
        return WireFailure("ConnectionRefused" if refused else "HostUnreachable", text, sent=False)
    if has(urllib3.exceptions.ConnectTimeoutError):
        return WireFailure(
            "ConnectTimeout", f"{host} did not take the connection within {CONNECT_SECONDS} s.", sent=False
        )
    if has(urllib3.exceptions.LocationValueError, requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader):
        return WireFailure(
            "InvalidRequest", "The request could not be built.", kind="invalid", sent=False, retryable=False
        )
    if has(urllib3.exceptions.ReadTimeoutError, TimeoutError):
        return WireFailure("ReadTimeout", f"{host} did not answer within {READ_SECONDS} s.", sent=True)
    if has(urllib3.exceptions.DecodeError):
        return WireFailure("MalformedAnswer", "The answer could not be unpacked.", kind="malformed", sent=True)
    if has(urllib3.exceptions.IncompleteRead):
        return WireFailure("AnswerCut", f"{host} broke off in the middle of its answer.", sent=True)
    if has(ssl.SSLError):
        return WireFailure("TLSFailed", f"{host} and Bootshelf could not agree on encryption.", sent=True)
    return WireFailure("ConnectionReset", f"{host} closed the connection without an answer.", sent=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and all it was made of: requests and urllib3 keep the reason in args, `reason`, cause or context."""
    todo, seen = [error], set[int]()
    while todo:
        current = todo.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inside = [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
        todo += [cause for cause in inside if isinstance(cause, BaseException)]


_muted: ContextVar[bool] = ContextVar("muted", default=False)
_LOGGERS = ("connectionpool", "connection", "poolmanager", "response", "util.retry", "util.request", "util.url")


class _Mute(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not _muted.get()


_MUTE = _Mute()


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing urllib3 says of this exchange reaches a log, whatever the level: its lines hold the whole address."""
    for name in _LOGGERS:
        logging.getLogger(f"urllib3.{name}").addFilter(_MUTE)
    token = _muted.set(True)
    try:
        yield
    finally:
        _muted.reset(token)
