"""An error as a person needs it: cause, what to do, what to quote to the cloud's support (PROVIDERS.md section 6).

A code that has no words of its own is explained by its kind (providers.base.ProviderError).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.error_words import BY_CODE as OF_CLOUDS
from catalog.error_words import BY_KIND, BY_OPERATION, OPEN, RETRIED, TRY_AGAIN, Words
from catalog.own_error_words import OWN
from catalog.providers import PROVIDERS
from catalog.providers.base import ProviderError
from catalog.providers.messages import in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`label` is two or three words for a badge, `title` the cause, `advice` what to do, both whole sentences.

    `grant` is the permission to add, "" where none would help; `needs_key`, whether another credential would.
    `operation`, `code`, `message` and `request_id` are the cloud's own words, already safe for the screen, the message
    in the reader's language where it is known in it; "" where there are none.
    """

    label: str
    title: str
    advice: str
    grant: str
    needs_key: bool
    operation: str
    code: str
    message: str
    request_id: str


BY_CODE = OF_CLOUDS | OWN
# The permission each operation of a vendor needs.
GRANTS = {
    (provider.vendor, operation): action
    for provider in PROVIDERS.values()
    for operation, action in zip(provider.operations, provider.actions, strict=True)
}
# A code that stands for several things, by the kind of error it was.
BY_CODE_AND_KIND = {("APIGW.0301", "invalid"): BY_CODE["InvalidTimeStamp"]}
WRITES = {"AddImage", "RemoveImage"}
GRANTS |= {("alibaba", operation): f"ehpc:{operation}" for operation in WRITES}


def explain(
    error: "ProviderError | Mapping[str, Any]", *, vendor: str = "alibaba", retried: bool | None = None
) -> Explanation:
    """Explain an error, raised or as a row keeps it (ProviderError.as_dict(), with `kind` where it is known).

    `vendor` finds the permission to grant. `retried` says whether Bootshelf tries again by itself; left out, a listing
    is tried again and a write never.
    """
    if isinstance(error, ProviderError):
        error = {**error.as_dict(), "kind": error.kind}
    operation, code, kind = (str(error.get(name) or "") for name in ("operation", "code", "kind"))
    words = BY_OPERATION.get((operation, code)) or BY_CODE_AND_KIND.get((code, kind)) or _own_words(code)
    words = words or BY_KIND.get(kind) or OPEN
    retried = operation not in WRITES if retried is None else retried
    first = [RETRIED if retried else TRY_AGAIN] if words.passes else []
    return Explanation(
        label=str(words.label),
        title=str(words.title),
        advice=" ".join(str(sentence) for sentence in [*first, words.advice]),
        grant=GRANTS.get((vendor, operation), "") if words.needs_grant else "",
        needs_key=words.needs_key,
        operation=operation,
        code=code,
        message=in_words(str(error.get("message") or "")),
        request_id=str(error.get("request_id") or ""),
    )


def is_explained(code: str) -> bool:
    """Whether a code of a cloud has words of its own."""
    return _own_words(code) is not None


def _own_words(code: str) -> Words | None:
    """InvalidParameter.RegionId is an InvalidParameter; `Forbidden.RAM` and the like go by their kind."""
    return BY_CODE.get(code) or BY_CODE.get(re.split(r"[.\s]", code, maxsplit=1)[0])
