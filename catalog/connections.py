"""From a cloud account to a connection: the one place of the catalog where a credential is opened, never by the web."""

import json
import time
from collections.abc import Callable
from uuid import UUID

from django.conf import settings

from accounts.models import CloudAccount
from accounts.secrets import KeysetError, Secret, SecretUnreadable, open_secret, seal, shut
from catalog.pace import pace_of
from catalog.providers.base import Connection, Patience, ProviderError
from config.env import ENDPOINT_NAMES

TABLE = "accounts_cloudaccount"


def connect(account: CloudAccount, patience_seconds: float, sleep: Callable[[float], None] = time.sleep) -> Connection:
    """A connection for this account. A simulated one goes to the simulator and nowhere else, a real one never there.

    `sleep` is how its waits are waited, for a turn and after trouble: what it raises ends them.

    Raises ProviderError where the credential does not open (of kind "internal" for want of the keyset, which is no
    fault of the account) or there is no simulator to talk to.
    """
    if account.simulated and not settings.SIMULATOR_URL:
        raise ProviderError(
            "connect", "NoSimulator", "This account is simulated and no simulator is running.", kind="unreachable"
        )
    simulator = (settings.SIMULATOR_URL or "").rstrip("/")
    endpoints: dict[str, str] = (
        dict.fromkeys(ENDPOINT_NAMES, simulator) if account.simulated else settings.PROVIDER_ENDPOINTS
    )
    if not account.simulated and simulator and simulator in [str(url).rstrip("/") for url in endpoints.values()]:
        raise ProviderError(
            "connect", "RealCredential", "A real credential is never signed towards the simulator.", kind="invalid"
        )
    try:
        credential = Secret(json.loads(open_secret(account.team_id, TABLE, account.id, "credential").reveal()))
    except (SecretUnreadable, ValueError):  # of JSON, whose error holds all of what it could not read
        raise ProviderError(
            "connect",
            "CredentialUnreadable",
            "The stored credential does not open. Enter it again.",
            kind="authentication",
        ) from None
    except KeysetError as error:
        raise ProviderError("connect", "KeysetMissing", str(error), kind="internal") from None
    return Connection(
        credential=credential,
        patience=Patience(patience_seconds, sleep=sleep),
        endpoints=endpoints,
        site=account.site,
        names_region=account.simulated,
        pace=pace_of(account.team_id, account.id),
    )


def seal_credential(team_id: UUID, account_id: UUID, credential: Secret[dict[str, str]] | dict[str, str]) -> None:
    """Seal the vendor's JSON object of this account."""
    credential = shut(credential)
    seal(team_id, TABLE, account_id, "credential", Secret(json.dumps(credential.reveal())))
