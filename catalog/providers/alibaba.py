"""Alibaba Cloud: the credential and its form, the client of the three APIs, the meaning of its error codes.

The wire is PROVIDERS.md sections 1, 3 and 4: RPC, signed ACS3-HMAC-SHA256 by the vendor's own SDK. SDK imports stay
inside the functions that call.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self

from django.utils.translation import gettext_lazy as _

from catalog.providers.alibaba_errors import classify, refusal, request_id
from catalog.providers.answers import Answered, Call, document, perform
from catalog.providers.base import Connection
from catalog.providers.credentials import (
    CredentialForm as VendorCredentialForm,
)
from catalog.providers.credentials import check_credential, clean_expiry, expiry_field, key_field, secret_field
from catalog.providers.endpoints import base_url

if TYPE_CHECKING:
    from catalog.providers.wire import GuardedSession

FIELDS = {"access_key_id": True, "access_key_secret": True, "security_token": False}
# The field whose last characters may be shown, and those no text may hold.
KEY_ID = "access_key_id"
SECRETS = ("access_key_id", "access_key_secret", "security_token")

EHPC, EHPC_2023, ENS = "alibaba-ehpc", "alibaba-ehpc-2023", "alibaba-ens"
# Endpoint name: (API version, host). ENS has one host for every region; the 2023 API is published on a second one,
# ehpcinstant.<region>, which an operator chooses by PROVIDER_ENDPOINTS. Both sites share these hosts.
APIS = {
    EHPC: ("2018-04-12", "ehpc.{region}.aliyuncs.com"),
    EHPC_2023: ("2023-07-01", "ehpc.{region}.aliyuncs.com"),
    ENS: ("2017-11-10", "ens.aliyuncs.com"),
}
# What the cloud counts calls of, by account and region; both versions of E-HPC are one product.
PRODUCTS = {EHPC: "E-HPC", EHPC_2023: "E-HPC", ENS: "ENS"}


def validate_credential(data: object) -> dict[str, str]:
    """{"access_key_id", "access_key_secret", "security_token"?}, checked. Raises CredentialError."""
    return check_credential(data, FIELDS)


class CredentialForm(VendorCredentialForm):
    """An AccessKey pair, or a temporary one with its STS token."""

    FIELDS = FIELDS
    access_key_id = key_field(_("AccessKey ID"))
    access_key_secret = secret_field(_("AccessKey secret"))
    security_token = secret_field(
        _("STS token"), required=False, help_text=_("Only for temporary credentials issued by STS.")
    )
    expires_at = expiry_field()  # type: ignore[assignment]  # fields leave the class; the method stays

    def clean_expires_at(self) -> Any:
        return clean_expiry(self.cleaned_data["expires_at"])


class Client:
    """One API in one region with one credential, for one run. A context manager: leaving it closes the connections.

    Every call returns an answer, or raises ProviderError.
    """

    def __init__(self, connection: Connection, region: str, api: str) -> None:
        self.connection, self.region, self.api = connection, region, api
        self.version, host = APIS[api]
        self.scheme, self.host = base_url(connection, api, region, host.format(region=region))
        self._session: GuardedSession | None = None
        self._sdk: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._session is not None:
            self._session.close()

    def read[T](
        self, operation: str, query: Mapping[str, object], take: Callable[[Answered], T], method: str = "POST"
    ) -> T:
        """What `take` finds in the answer of one read, tried again as the connection's patience allows: also when
        `take` finds the answer to be of another shape."""
        return self.connection.patience.read(lambda: take(self._generic(operation, query, method)))

    def typed(self, call: Call, method: str, request: object, extra: Mapping[str, str]) -> Answered:
        """One call, sent once, through the typed client of the 2023 API: its `method` with `request`, and the
        parameters that its models lack as `extra`."""
        from darabonba.runtime import ExtendsParameters, RuntimeOptions

        runtime = RuntimeOptions(extends_parameters=ExtendsParameters(queries=self._query(extra)))
        return self._send(call, lambda sdk: getattr(sdk, method)(request, runtime))

    def call(self, operation: str, *, write: bool = False, secrets: tuple[str, ...] = ()) -> Call:
        """The Call all texts of an operation are made with; the credential is among its secrets."""
        own = tuple(value for name, value in self.connection.revealed().items() if name in SECRETS and value)
        return Call(operation, write, own + secrets)

    def _query(self, query: Mapping[str, object]) -> dict[str, str]:
        # No document lists RegionId: the host names the region. The simulator has one address for all of them.
        region = {"RegionId": self.region} if self.connection.names_region else {}
        return {key: str(value) for key, value in {**region, **query}.items() if value is not None and value != ""}

    def _generic(self, operation: str, query: Mapping[str, object], method: str) -> Answered:
        def send(sdk: Any) -> object:
            from alibabacloud_tea_openapi import models as openapi
            from darabonba.runtime import RuntimeOptions

            params = openapi.Params(
                action=operation,
                version=self.version,
                protocol="HTTPS",
                pathname="/",
                method=method,
                auth_type="AK",
                style="RPC",
                req_body_type="formData",
                body_type="binary",  # the bytes as they came: they are parsed once, by us
            )
            return sdk.call_api(params, openapi.OpenApiRequest(query=self._query(query)), RuntimeOptions())

        return self._send(self.call(operation), send)

    def _send(self, call: Call, use: Callable[[Any], object]) -> Answered:
        session = self._open()
        self.connection.take_turn(call.operation, PRODUCTS[self.api], self.region)

        def send() -> object:
            token = _session_in_use.set(session)
            try:
                return use(self._sdk or self._build())
            finally:
                _session_in_use.reset(token)

        body = document(call, perform(call, session, send), refusal, classify)
        return Answered(call, body, request_id(body))

    def _open(self) -> "GuardedSession":
        if self._session is None:
            from catalog.providers.wire import GuardedSession

            self._session = GuardedSession()
        return self._session

    def _build(self) -> Any:
        from alibabacloud_ehpc20230701.client import Client as Ehpc2023
        from alibabacloud_tea_openapi import models as openapi
        from alibabacloud_tea_openapi.client import Client as OpenApi

        from catalog.providers.wire import CONNECT_SECONDS, READ_SECONDS

        _tame_sdk()
        credential = self.connection.revealed()
        config = openapi.Config(
            access_key_id=credential["access_key_id"],
            access_key_secret=credential["access_key_secret"],
            security_token=credential.get("security_token"),
            region_id=self.region,
            endpoint=self.host,
            protocol=self.scheme.upper(),
            connect_timeout=CONNECT_SECONDS * 1000,
            read_timeout=READ_SECONDS * 1000,
        )
        self._sdk = (Ehpc2023 if self.api == EHPC_2023 else OpenApi)(config)
        return self._sdk


_session_in_use: "ContextVar[GuardedSession | None]" = ContextVar("session_in_use", default=None)


def _tame_sdk() -> None:
    """Make the SDK send through our session and keep it from writing to the log.

    The SDK keeps one requests session a host for the whole process, with no way to hand it another: answers were mixed
    up after a fork, redirects followed and sizes unbounded (PROVIDERS.md sections 4 and 5). So the one function that
    makes its sessions gives ours while a call of ours is going on.
    """
    import logging
    import warnings

    from darabonba.core import DaraCore

    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"alibabacloud_|darabonba|Tea")
    logger = logging.getLogger("darabonba-core")
    logger.handlers.clear()
    logger.disabled = True
    make = DaraCore._get_session
    if getattr(make, "ours", False):
        return

    def get_session(*args: Any, **kwargs: Any) -> Any:
        return _session_in_use.get() or make(*args, **kwargs)

    get_session.ours = True  # type: ignore[attr-defined]
    DaraCore._get_session = staticmethod(get_session)
