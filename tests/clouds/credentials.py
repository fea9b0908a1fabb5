"""The keys the simulated clouds know. None of them opens anything real.

The demo team and the tests sign with these. A `Credential.state` other than "active" makes the cloud refuse:
"inactive" (the key is switched off), "denied" (no permission), "in_debt", "not_enabled", "expired" (its security
token ran out).
"""

from dataclasses import dataclass

STATES = ("active", "inactive", "denied", "in_debt", "not_enabled", "expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A key of one vendor ("alibaba" or "huawei"). `denied` names single operations it may not call."""

    vendor: str
    key: str
    secret: str
    token: str | None = None
    state: str = "active"
    denied: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.vendor not in ("alibaba", "huawei") or self.state not in STATES:
            raise ValueError(f"no such vendor or state: {self.vendor!r}, {self.state!r}")

    def as_json(self) -> dict[str, str]:
        """The credential as the product's `add_cloud_account --credential` takes it."""
        names = ("access_key_id", "access_key_secret") if self.vendor == "alibaba" else ("access_key", "secret_key")
        document = {names[0]: self.key, names[1]: self.secret}
        return document | ({"security_token": self.token} if self.token else {})


def _alibaba(key: str, secret: str, token: str | None = None, state: str = "active") -> Credential:
    return Credential(vendor="alibaba", key=key, secret=secret, token=token, state=state)


def _huawei(key: str, secret: str, token: str | None = None, state: str = "active") -> Credential:
    return Credential(vendor="huawei", key=key, secret=secret, token=token, state=state)


ALIBABA = _alibaba("SIMULATED-ACCESS-KEY", "simulated-access-key-secret")
ALIBABA_STS = _alibaba("STS.SIMULATED-KEY", "simulated-sts-secret", token="simulated-security-token+/=")
ALIBABA_EXPIRED = _alibaba("STS.SIMULATED-EXPIRED", "simulated-sts-secret", token="expired-token", state="expired")
ALIBABA_INACTIVE = _alibaba("SIMULATED-INACTIVE", "simulated-secret-inactive", state="inactive")
ALIBABA_DENIED = _alibaba("SIMULATED-DENIED", "simulated-secret-denied", state="denied")
ALIBABA_IN_DEBT = _alibaba("SIMULATED-IN-DEBT", "simulated-secret-in-debt", state="in_debt")
ALIBABA_NOT_ENABLED = _alibaba("SIMULATED-NOT-ENABLED", "simulated-secret-not-enabled", state="not_enabled")

HUAWEI = _huawei("SIMULATED-HUAWEI-AK", "simulated-huawei-secret-key")
HUAWEI_STS = _huawei("SIMULATED-HUAWEI-STS", "simulated-huawei-sts-secret", token="simulated-huawei-token+/=")
HUAWEI_EXPIRED = _huawei("SIMULATED-HUAWEI-EXPIRED", "simulated-huawei-sts", token="expired-token", state="expired")
HUAWEI_INACTIVE = _huawei("SIMULATED-HUAWEI-INACTIVE", "simulated-huawei-inactive", state="inactive")
HUAWEI_DENIED = _huawei("SIMULATED-HUAWEI-DENIED", "simulated-huawei-denied", state="denied")
HUAWEI_IN_DEBT = _huawei("SIMULATED-HUAWEI-IN-DEBT", "simulated-huawei-in-debt", state="in_debt")
HUAWEI_NOT_ENABLED = _huawei("SIMULATED-HUAWEI-NOT-ENABLED", "simulated-huawei-not-enabled", state="not_enabled")

KNOWN = (
    ALIBABA,
    ALIBABA_STS,
    ALIBABA_EXPIRED,
    ALIBABA_INACTIVE,
    ALIBABA_DENIED,
    ALIBABA_IN_DEBT,
    ALIBABA_NOT_ENABLED,
    HUAWEI,
    HUAWEI_STS,
    HUAWEI_EXPIRED,
    HUAWEI_INACTIVE,
    HUAWEI_DENIED,
    HUAWEI_IN_DEBT,
    HUAWEI_NOT_ENABLED,
)
# The credential of each vendor that simply works, in the product's own form.
DEFAULT = {"alibaba": ALIBABA.as_json(), "huawei": HUAWEI.as_json()}
