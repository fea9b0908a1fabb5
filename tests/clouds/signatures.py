"""Both signature schemes, recomputed from the request as it arrived, in bytes.

ACS3-HMAC-SHA256 (Alibaba) and SDK-HMAC-SHA256 (Huawei), PROVIDERS.md section 3. A request is judged in the order the
real gateways do: is there a signature, is the key known, is the date fresh, does the signature match, and only then
the token.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from tests.clouds.credentials import Credential
from tests.clouds.errors import ALIBABA_GATEWAY, HUAWEI, Refusal, refusal
from tests.clouds.wire import Request

FRESH_SECONDS = 15 * 60
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()

type Keys = Mapping[tuple[str, str], Credential]


def _fields(authorization: str, scheme: str) -> dict[str, str]:
    """`SCHEME A=1,B=2` or `SCHEME A=1, B=2` as a dictionary; empty if it is not that scheme."""
    head, _, rest = authorization.partition(" ")
    if head != scheme:
        return {}
    pairs = (part.strip().partition("=") for part in rest.split(","))
    return {name: value for name, _, value in pairs}


def _age(text: str, shape: str, now: float) -> float | None:
    """Seconds between a date header and now, or None if it is not a date of that shape."""
    try:
        return abs(now - datetime.strptime(text, shape).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def _hmac(secret: str, *parts: bytes) -> str:
    return hmac.new(secret.encode(), b"\n".join(parts), hashlib.sha256).hexdigest()


def _signed_headers(request: Request, names: list[str]) -> bytes:
    """`name:value` lines of the signed headers, values as they came."""
    return b"".join(b"%s:%s\n" % (name.encode(), request.raw_headers[name]) for name in names)


def _canonical_query(request: Request) -> bytes:
    pairs = sorted(request.query.items())
    return "&".join(f"{quote(key, safe='~')}={quote(value, safe='~')}" for key, value in pairs).encode()


def check_alibaba(request: Request, keys: Keys, now: float, nonce_is_new: Callable[[str], bool]) -> Credential:
    """The credential that signed this request with ACS3-HMAC-SHA256; raises the gateway's Refusal."""
    no = _alibaba_refusal
    fields = _fields(request.header("authorization"), "ACS3-HMAC-SHA256")
    if not fields.get("Credential"):
        raise no("MissingAccessKeyId")
    credential = keys.get(("alibaba", fields["Credential"]))
    if credential is None:
        raise no("InvalidAccessKeyId.NotFound")
    if credential.state == "inactive":
        raise no("InvalidAccessKeyId.Inactive")
    age = _age(request.header("x-acs-date"), "%Y-%m-%dT%H:%M:%SZ", now)
    if age is None:
        raise no("InvalidTimeStamp.Format")
    if age > FRESH_SECONDS:
        raise no("InvalidTimeStamp.Expired")
    names = fields.get("SignedHeaders", "").split(";")
    if not _alibaba_covers(request, names):
        raise no("IncompleteSignature")
    if request.header("x-acs-content-sha256") != hashlib.sha256(request.body).hexdigest():
        raise no("SignatureDoesNotMatch")
    expected = alibaba_signature(request, names, credential.secret)
    if not hmac.compare_digest(expected, fields.get("Signature", "")):
        raise no("SignatureDoesNotMatch")
    _check_alibaba_token(request, credential)
    if not nonce_is_new(request.header("x-acs-signature-nonce")):
        raise no("SignatureNonceUsed")
    return credential


def _alibaba_refusal(code: str) -> Refusal:
    return refusal(ALIBABA_GATEWAY, code)


def _alibaba_covers(request: Request, names: list[str]) -> bool:
    """Whether the signature covers the host and every x-acs-* header, in order, and names none that is absent."""
    must = {"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"}
    must |= {name for name in request.raw_headers if name.startswith("x-acs-")}
    return must <= set(names) <= request.raw_headers.keys() and names == sorted(names)


def alibaba_signature(request: Request, names: list[str], secret: str) -> str:
    """The ACS3-HMAC-SHA256 signature this request should carry for these signed headers."""
    canonical = b"\n".join(
        (
            request.method.encode(),
            request.path.encode(),
            _canonical_query(request),
            _signed_headers(request, names),
            ";".join(names).encode(),
            request.raw_headers["x-acs-content-sha256"],
        )
    )
    return _hmac(secret, b"ACS3-HMAC-SHA256", hashlib.sha256(canonical).hexdigest().encode())


def _check_alibaba_token(request: Request, credential: Credential) -> None:
    token = request.header("x-acs-security-token")
    if credential.state == "expired":
        raise _alibaba_refusal("InvalidSecurityToken.Expired")
    if credential.token and not token:
        raise _alibaba_refusal("MissingSecurityToken")
    if token != (credential.token or ""):
        raise _alibaba_refusal("InvalidSecurityToken.Malformed")


def check_huawei(request: Request, keys: Keys, now: float) -> Credential:
    """The credential that signed this request with SDK-HMAC-SHA256; raises the gateway's Refusal (401 APIGW.0301)."""
    fields = _fields(request.header("authorization"), "SDK-HMAC-SHA256")
    key = fields.get("Access", "")
    if not key:
        raise _huawei_refusal("auth token not found")
    credential = keys.get(("huawei", key))
    if credential is None:
        raise _huawei_refusal(f"ak {key} not exist")
    if credential.state == "inactive":
        raise _huawei_refusal(f"ak {key} is inactive")
    age = _age(request.header("x-sdk-date"), "%Y%m%dT%H%M%SZ", now)
    if age is None or age > FRESH_SECONDS:
        raise _huawei_refusal("signature expired")
    names = fields.get("SignedHeaders", "").split(";")
    if not {"host", "x-sdk-date"} <= set(names) <= request.raw_headers.keys() or names != sorted(names):
        raise _huawei_refusal("signed headers are not complete")
    if not hmac.compare_digest(huawei_signature(request, names, credential.secret), fields.get("Signature", "")):
        raise _huawei_refusal("verify aksk signature fail")
    token = request.header("x-security-token")
    if credential.state == "expired":
        raise _huawei_refusal("security token expired")
    if token != (credential.token or ""):
        raise _huawei_refusal("decrypt security token fail")
    return credential


def _huawei_refusal(detail: str) -> Refusal:
    return refusal(HUAWEI, "APIGW.0301", detail)


def huawei_signature(request: Request, names: list[str], secret: str) -> str:
    """The SDK-HMAC-SHA256 signature this request should carry for these signed headers."""
    path = "/".join(quote(part, safe="~") for part in unquote(request.path).split("/"))
    canonical = b"\n".join(
        (
            request.method.encode(),
            (path if path.endswith("/") else path + "/").encode(),
            _canonical_query(request),
            _signed_headers(request, names),
            ";".join(names).encode(),
            hashlib.sha256(request.body).hexdigest().encode() if request.body else EMPTY_SHA256.encode(),
        )
    )
    date = request.raw_headers["x-sdk-date"]
    return _hmac(secret, b"SDK-HMAC-SHA256", date, hashlib.sha256(canonical).hexdigest().encode())
