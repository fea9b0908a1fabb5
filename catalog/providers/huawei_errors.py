"""What Huawei's errors mean. The seed documents the statuses; the codes are those of its API gateway (PROVIDERS.md
section 6)."""

import re
from collections.abc import Mapping
from typing import Any

from catalog.providers.answers import Refusal, request_id_in

# The gateway's codes that say more than their status. 0301 also stands for a stale date, told by its message.
_GATEWAY = {
    "APIGW.0301": "authentication",
    "APIGW.0302": "permission",
    "APIGW.0303": "authentication",
    "APIGW.0305": "permission",
    "APIGW.0307": "authentication",
    "APIGW.0308": "throttled",
    "APIGW.0201": "unavailable",
}
_BY_STATUS = {401: "authentication", 403: "permission", 404: "not_found", 409: "conflict", 429: "throttled"}
# Workspace refuses with 403 for these too; only the text tells.
_ARREARS = re.compile(r"arrear|overdue|insufficient balance|欠费", re.IGNORECASE)
_NOT_ENABLED = re.compile(r"not (?:been )?(?:enabled|subscribed|opened|activated)|未开通|未启用", re.IGNORECASE)
_STALE = re.compile(r"x-sdk-date|signature expired|request time|timestamp|clock", re.IGNORECASE)
_PAIRS = (("error_code", "error_msg"), ("errorCode", "errorMsg"), ("code", "message"))
_AGAIN = ("throttled", "unavailable")


def classify(code: str, message: str, status: int) -> tuple[str, bool]:
    """(kind, whether asking again can help) of an error."""
    kind = _GATEWAY.get(code) or ("unavailable" if status >= 500 else _BY_STATUS.get(status, "invalid"))
    if kind == "authentication" and _STALE.search(message):
        kind = "invalid"
    elif kind in ("permission", "invalid") and _ARREARS.search(message):
        kind = "billing"
    elif kind in ("permission", "invalid") and _NOT_ENABLED.search(message):
        kind = "not_enabled"
    return kind, kind in _AGAIN


def refusal(body: dict[str, Any], headers: Mapping[str, str]) -> Refusal | None:
    """The error an object reports: error_code and error_msg as the seed has them, or IAM's {"error": {...}}, in any
    status."""
    found = body.get("error") if isinstance(body.get("error"), dict) else body
    assert isinstance(found, dict)
    for code_name, message_name in _PAIRS:
        code, message = found.get(code_name), found.get(message_name)
        if isinstance(code, str | int) and code != "" and (message is None or isinstance(message, str)):
            told = body.get("request_id")
            return Refusal(
                str(code),
                message if message and message.strip() else "The cloud reported a failure without a reason.",
                request_id_in(headers) or (told if isinstance(told, str) else None),
            )
    return None
