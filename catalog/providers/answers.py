"""From what the wire brought to a document, or to the one ProviderError: what both vendors share.

An answer is believed only after its raw bytes were JSON of the documented outer shape: the SDKs take `null`, a list,
HTML or a redirect for success (PROVIDERS.md section 4).
"""

import json
import math
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import quote, quote_plus

from catalog.providers.base import ProviderError
from catalog.providers.shape import ShapeError, number

# Control characters, and the marks that turn the direction of a text around: neither belongs on a screen or in a log
# line.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]+")
MESSAGE_LENGTH, CODE_LENGTH, REQUEST_ID_LENGTH = 500, 100, 100


@dataclass(frozen=True, slots=True, repr=False)
class Refusal:
    """What a vendor's error body said, in its own words, before it is classified and made safe."""

    code: str
    message: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Call:
    """One call to a cloud: its operation, whether it writes, and the secrets no text about it may hold."""

    operation: str
    write: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def error(self, code: str, message: str, *, kind: str, request_id: object = None, **facts: Any) -> ProviderError:
        """The ProviderError of this call, every text made safe."""
        tidy = safe(request_id, self.secrets, REQUEST_ID_LENGTH) if isinstance(request_id, str) else None
        return ProviderError(
            self.operation,
            safe(code, self.secrets, CODE_LENGTH) or "Unknown",
            safe(message, self.secrets, MESSAGE_LENGTH) or "The cloud gave no reason.",
            kind=kind,
            request_id=tidy or None,
            **facts,
        )

    def malformed(self, message: str, *, code: str = "MalformedAnswer", **facts: Any) -> ProviderError:
        """An answer that is not of the documented shape. Asked for once more by Patience; of a write it tells
        nothing."""
        return self.error(
            code, message, kind="malformed", retryable=not self.write, outcome_known=not self.write, **facts
        )


@dataclass(frozen=True, slots=True)
class Answered:
    """A believed answer: the call it belongs to, its JSON object and its request id."""

    call: Call
    body: dict[str, Any] = field(repr=False)
    request_id: str | None = None

    def malformed(self, problem: str) -> ProviderError:
        message = f"The answer does not have the documented shape: {problem}."
        return self.call.malformed(message, status=200, request_id=self.request_id)

    def items(self, *path: str) -> list[dict[str, Any]]:
        """The list of objects at a path, such as Images.ImageInfo. Raises ProviderError if it is not one."""
        value: Any = self.body
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.malformed(f"{'.'.join(path)} is not a list of objects")
        return value

    def total(self, name: str) -> int:
        """A count, as a number or, as ENS sends it, as its digits. Raises ProviderError."""
        total = number(self.body.get(name))
        if total is None:
            raise self.malformed(f"{name} is not a number")
        return total

    def mapped[T](self, items: list[dict[str, Any]], to_item: Callable[[dict[str, Any]], T]) -> list[T]:
        """Every item mapped. One that is not of the documented shape fails the answer: it is never skipped."""
        try:
            return [to_item(item) for item in items]
        except ShapeError as error:
            problem = str(error)
        raise self.malformed(problem)


def safe(text: object, secrets: Iterable[str], length: int) -> str:
    """Text fit for the screen and the log: no secret, no control character, one line, at most `length` characters."""
    whole, most = str(text), length * 20
    text = whole[:most]
    spellings = sorted({form for secret in secrets if secret for form in _spellings(secret)}, key=len, reverse=True)
    for form in spellings:
        text = text.replace(form, "[hidden]")
    if len(whole) > most:  # the cut may have left the begin of one
        begun = max((n for form in spellings for n in range(len(form)) if text.endswith(form[:n])), default=0)
        text = text[: len(text) - begun]
    text = _UNPRINTABLE.sub(" ", text).strip()
    return text if len(text) <= length else text[: length - 1] + "…"


def _spellings(secret: str) -> set[str]:
    """A secret as clouds repeat it. A gateway that refuses a signature tells the request it signed for its part: a
    parameter is written as JSON, then encoded for the address, and once more for the text that is signed; or all of
    them are told as JSON again.
    """
    plain = {secret}
    for _ in range(2):
        plain |= {json.dumps(text, ensure_ascii=ascii)[1:-1] for text in plain for ascii in (True, False)}
    plain |= {text.replace("/", r"\/") for text in plain}
    once = {encode(text) for text in plain for encode in (_encoded, quote_plus)}
    once |= {_ESCAPE.sub(lambda escape: escape[0].lower(), text) for text in once}
    return plain | once | {_encoded(text) for text in once} | {b64encode(secret.encode()).decode()}


_ESCAPE = re.compile(r"%[0-9A-F]{2}")


def _encoded(text: str) -> str:
    return quote(text, safe="")


def perform(call: Call, session: Any, send: Callable[[], object]) -> Any:
    """Let the SDK send one request and take the raw answer from the guarded session (wire.Answer).

    This is the one boundary of a vendor's SDK: whatever it raises ends here, for its texts can hold the credential.
    Raises ProviderError where there is no answer.
    """
    session.forget()
    raised: BaseException | None = None
    try:
        send()
    except BaseException as error:
        raised = error.with_traceback(None)
        raised.__cause__ = raised.__context__ = None
    if raised and not isinstance(raised, Exception):
        raise raised  # told to stop: without the frames that hold the credential
    answer, failure = session.answer, session.failure
    session.forget()
    if answer is not None:
        return answer
    if failure is not None:
        known = not (call.write and failure.sent)
        raise call.error(
            failure.code,
            failure.message,
            kind=failure.kind,
            retryable=failure.retryable and not call.write,
            outcome_known=known,
        )
    raise call.error(
        "SDKError", f"The vendor's SDK could not build the request ({type(raised).__name__}).", kind="invalid"
    )


def document(
    call: Call, answer: Any, refuse: Callable[[dict[str, Any]], Refusal | None], classify: "Classify"
) -> dict[str, Any]:
    """The answer's JSON object. Raises ProviderError for a refusal and for everything that is not the documented shape.

    `refuse` finds the vendor's error in an object; `classify` names its kind and whether asking again can help.
    """
    status: int = answer.status
    told: dict[str, Any] = {"status": status, "request_id": request_id_in(answer.headers)}
    if 300 <= status < 400:
        raise call.malformed("The cloud answered with a redirect, which is not followed.", code="Redirected", **told)
    body, problem = _object(answer.body)
    refusal = refuse(body) if body is not None else None
    if status >= 400 or refusal is not None:
        _refused(call, answer, refusal, classify, problem)
    if body is None:
        raise call.malformed(problem, **told)
    return body


# (code, message, HTTP status) -> (kind, retryable)
type Classify = Callable[[str, str, int], tuple[str, bool]]


def _refused(call: Call, answer: Any, refusal: Refusal | None, classify: Classify, problem: str) -> NoReturn:
    status: int = answer.status
    told_id = request_id_in(answer.headers)
    if refusal is None and status < 500 and status not in (401, 403, 429):
        raise call.malformed(f"HTTP {status}. {problem or _UNDOCUMENTED}", status=status, request_id=told_id)
    documented = refusal is not None and status < 500 and status != 408
    refusal = refusal or Refusal(f"HTTP{status}", f"The cloud answered HTTP {status}, without a reason.", None)
    kind, retryable = classify(refusal.code, refusal.message, status)
    raise call.error(
        refusal.code,
        refusal.message,
        kind=kind,
        request_id=refusal.request_id or told_id,
        status=status,
        retryable=retryable and not call.write,
        outcome_known=documented or not call.write,
        retry_after=retry_after(answer.headers),
    )


_UNDOCUMENTED = "The answer does not have the documented shape."


def request_id_in(headers: Mapping[str, str]) -> str | None:
    """The request id that stands in a header, whichever vendor's."""
    names = ("x-request-id", "x-acs-request-id", "x-iam-trace-id", "x-openstack-request-id")
    return next((headers[name] for name in names if headers.get(name)), None)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: Alibaba's x-acs-retry-after is in milliseconds, Retry-After in seconds."""
    for name, unit in (("x-acs-retry-after", 1000), ("retry-after", 1)):
        text = headers.get(name, "").strip()
        if text.isascii() and text.isdecimal() and int(text[:12]) > 0:
            return int(text[:12]) / unit
    return None


def _object(body: bytes) -> tuple[dict[str, Any] | None, str]:
    """The JSON object in these bytes, or why there is none."""
    if not body.strip():
        return None, "The answer is empty."
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        start = body[:200].lstrip()[:1]
        return None, "The answer is a web page, not JSON." if start == b"<" else "The answer is not JSON."
    if not isinstance(value, dict):
        return None, _UNDOCUMENTED
    return value, ""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number beyond all bounds")
    return value
