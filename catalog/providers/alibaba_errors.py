"""What Alibaba's error codes mean: the seeds' (PROVIDERS.md section 6) and those of its gateway.

The first row that matches wins. A code matches a row when it is it, or starts with it and a dot follows; a row ending
in * matches any beginning.
"""

from typing import Any

from catalog.providers.answers import Refusal

# A row: the kind, and its codes. Asking again can help for those in AGAIN. A clock that is wrong is no fault of the
# credential; a nonce used twice is made anew.
AGAIN = frozenset({"throttled", "unavailable"})
TABLE: tuple[tuple[str, str], ...] = (
    ("invalid", "InvalidTimeStamp"),
    (
        "authentication",
        """InvalidAccessKeyId InvalidAccessKey InvalidAccessKeySecret MissingAccessKeyId SignatureDoesNotMatch
        IncompleteSignature InvalidSignature InvalidSecurityToken MissingSecurityToken SecurityTokenExpired
        Forbidden.AccessKeyDisabled""",
    ),
    (
        "billing",
        "InDebt Forbidden.InDebt Forbidden.Arrearage Arrearage Account.Arrearage InvalidAccountStatus OverdueBill",
    ),
    (
        "not_enabled",
        "NotEnabled Forbidden.NotEnabled ServiceNotOpened ServiceNotEnabled ServiceNotActivated ProductNotOpened",
    ),
    ("permission", "NotAuthorized NoPermission Forbidden AccessDenied Unauthorized UnauthorizedOperation"),
    ("throttled", "Throttling* RequestLimitExceeded TooManyRequests FlowControl"),
    ("conflict", "ImageAlreadyExists ImageInUse"),
    ("not_found", "ImageNotFound LoginNotFound InstanceIdNotFound ClusterNotFound ManagerNotFound"),
    (
        "invalid",
        "InvalidContainerType InvalidAction InvalidVersion UnsupportedOperation UnsupportedHTTPMethod MissingParameter",
    ),
    (
        "unavailable",
        """EcsError AliyunError DbError ExecFail AgentError UnknownError CallInterface ServiceUnavailable InternalError
        SystemError ServiceTimeout ServiceBusy SignatureNonceUsed""",
    ),
)
_BY_STATUS = {401: "authentication", 403: "permission", 404: "not_found", 407: "permission", 409: "conflict"}


def classify(code: str, message: str, status: int) -> tuple[str, bool]:
    """(kind, whether asking again can help) of an error code."""
    for kind, codes in TABLE:
        if any(_matches(code, row) for row in codes.split()):
            return kind, kind in AGAIN
    if status == 429:
        return "throttled", True
    if code.endswith((".NotFound", "NotFound", "NotExist")):
        return "not_found", False
    if status >= 500:
        return "unavailable", True
    return _BY_STATUS.get(status, "invalid"), False


def _matches(code: str, row: str) -> bool:
    if row.endswith("*"):
        return code.startswith(row[:-1])
    return code == row or code.startswith(f"{row}.")


def refusal(body: dict[str, Any]) -> Refusal | None:
    """The error an object reports, also inside a 200: a Code that is neither 0 nor 200 (ENS), or Success false."""
    code = body.get("Code", body.get("code"))
    failed = body.get("Success") in (False, "false")
    fine = code in (None, "", 0, 200, "0", "200")
    if fine and not failed:
        return None
    message = body.get("Message", body.get("message"))
    return Refusal(
        "NotSuccessful" if fine else str(code),
        message if isinstance(message, str) and message.strip() else "The cloud reported a failure without a reason.",
        request_id(body),
    )


def request_id(body: dict[str, Any]) -> str | None:
    """The answer's RequestId; the seed's own example ends in a newline."""
    found = body.get("RequestId", body.get("requestId"))
    return found.strip() or None if isinstance(found, str) else None
