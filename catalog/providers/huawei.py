"""Huawei Cloud: the credential and its form, the client of Workspace, the meaning of its errors.

The wire is PROVIDERS.md sections 1, 3 and 4: REST, signed SDK-HMAC-SHA256 by the vendor's own SDK. SDK imports stay
inside the functions that call.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from django.utils.translation import gettext_lazy as _

from catalog.providers.answers import Answered, Call, document, perform, request_id_in
from catalog.providers.base import Connection
from catalog.providers.credentials import (
    CredentialForm as VendorCredentialForm,
)
from catalog.providers.credentials import (
    check_credential,
    clean_expiry,
    expiry_field,
    key_field,
    plain_field,
    secret_field,
)
from catalog.providers.endpoints import base_url
from catalog.providers.huawei_errors import classify, refusal
from catalog.providers.shape import identifier

if TYPE_CHECKING:
    from catalog.providers.wire import GuardedSession

FIELDS = {"access_key": True, "secret_key": True, "security_token": False, "project_id": False}
# The field whose last characters may be shown, and those no text may hold.
KEY_ID = "access_key"
SECRETS = ("access_key", "secret_key", "security_token")

# Hosts follow one pattern in every region, known to the SDK's tables or not, and on both sites.
WORKSPACE, IAM = "huawei-workspace", "huawei-iam"
LIST_IMAGES, LIST_PROJECTS = "ListImages", "KeystoneListProjects"
# What the cloud counts calls of, by account and region.
PRODUCTS = {LIST_IMAGES: "Workspace", LIST_PROJECTS: "IAM"}


def validate_credential(data: object) -> dict[str, str]:
    """{"access_key", "secret_key", "security_token"?, "project_id"?}, checked. Raises CredentialError."""
    return check_credential(data, FIELDS)


class CredentialForm(VendorCredentialForm):
    """An access key pair, temporary or not, and the project, which is looked up where it is left out."""

    FIELDS = FIELDS
    access_key = key_field(_("Access key (AK)"))
    secret_key = secret_field(_("Secret key (SK)"))
    security_token = secret_field(_("Security token"), required=False, help_text=_("Only for temporary access keys."))
    project_id = plain_field(
        _("Project ID"), required=False, help_text=_("Left out, the region's project is looked up in IAM.")
    )
    expires_at = expiry_field()  # type: ignore[assignment]  # fields leave the class; the method stays

    def clean_expires_at(self) -> Any:
        return clean_expiry(self.cleaned_data["expires_at"])


class Client:
    """Workspace in one region with one credential, for one run. A context manager: leaving it closes the
    connections."""

    def __init__(self, connection: Connection, region: str, project_id: str | None = None) -> None:
        self.connection, self.region = connection, region
        self.project_id = project_id or connection.revealed().get("project_id") or None
        self.endpoint = "{}://{}".format(
            *base_url(connection, WORKSPACE, region, f"workspace.{region}.myhuaweicloud.com")
        )
        self.iam = "{}://{}".format(*base_url(connection, IAM, region, f"iam.{region}.myhuaweicloud.com"))
        self._session: GuardedSession | None = None
        self._sdk: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._sdk is not None:
            self._sdk.get_http_client().executor.shutdown(wait=False)
        if self._session is not None:
            self._session.close()

    def call(self, operation: str) -> Call:
        """The Call all texts of an operation are made with; the credential is among its secrets."""
        own = tuple(value for name, value in self.connection.revealed().items() if name in SECRETS and value)
        return Call(operation, secrets=own)

    def list_images[T](
        self, take: Callable[[Answered], T], *, offset: int, limit: int, architecture: str | None = None
    ) -> T:
        """What `take` finds in one page of GET /v2/{project_id}/images. Raises ProviderError."""
        if self.project_id is None:
            self.project_id = self._discover_project()

        def send(sdk: Any) -> object:
            from huaweicloudsdkworkspace.v2 import ListImagesRequest

            return sdk.list_images(ListImagesRequest(limit=limit, offset=offset, architecture=architecture))

        return self._read(LIST_IMAGES, send, take)

    def _discover_project(self) -> str:
        """The project of the region: GET {iam}/v3/projects?name=<region>. None or several is for the person to
        settle."""

        def send(sdk: Any) -> object:
            from huaweicloudsdkcore.auth.internal import IamHelper

            http = sdk.get_http_client()
            request = IamHelper.get_keystone_list_projects_request(http.config, self.iam, region_id=self.region)
            return http.do_request_sync(sdk.get_credentials().process_auth_request(request, http).result())

        def take(answer: Answered) -> tuple[Answered, list[str]]:
            return answer, answer.mapped(answer.items("projects"), lambda project: identifier(project, "id"))

        answer, ids = self._read(LIST_PROJECTS, send, take)
        if len(ids) == 1:
            sdk_credentials = self._sdk.get_credentials()
            sdk_credentials.project_id = ids[0]
            return ids[0]
        which = "has no project" if not ids else f"has {len(ids)} projects"
        message = f"The account {which} named {self.region}. Give the project id with the credential."
        code = "SeveralProjects" if ids else "NoProject"
        raise answer.call.error(code, message, kind="not_found", request_id=answer.request_id)

    def _read[T](self, operation: str, use: Callable[[Any], object], take: Callable[[Answered], T]) -> T:
        """One read, tried again as the connection's patience allows: also when `take` finds it of another shape."""
        call = self.call(operation)

        def once() -> T:
            session = self._open()
            self.connection.take_turn(operation, PRODUCTS[operation], self.region)
            answer = perform(call, session, lambda: use(self._sdk or self._build(session)))
            body = document(call, answer, lambda found: refusal(found, answer.headers), classify)
            return take(Answered(call, body, request_id_in(answer.headers)))

        return self.connection.patience.read(once)

    def _open(self) -> "GuardedSession":
        if self._session is None:
            from catalog.providers.wire import GuardedSession

            self._session = GuardedSession()
        return self._session

    def _build(self, session: "GuardedSession") -> Any:
        """The SDK's client, sending through our session. Its region table is not asked: any region is one."""
        from huaweicloudsdkcore.auth.credentials import BasicCredentials
        from huaweicloudsdkcore.exceptions.exception_handler import DefaultExceptionHandler
        from huaweicloudsdkcore.http.http_client import HttpClient
        from huaweicloudsdkcore.http.http_config import HttpConfig
        from huaweicloudsdkworkspace.v2 import WorkspaceClient

        from catalog.providers.wire import CONNECT_SECONDS, READ_SECONDS

        _tame_sdk()

        class GuardedHttpClient(HttpClient):
            def _init_session(self) -> Any:
                return session

        class GuardedWorkspaceClient(WorkspaceClient):
            def init_http_client(self) -> None:
                self._exception_handler = DefaultExceptionHandler()
                handlers = self._http_handler, self._exception_handler, self._logger
                self._http_client = GuardedHttpClient(self._config, *handlers)

        credential = self.connection.revealed()
        credentials = BasicCredentials(credential["access_key"], credential["secret_key"], self.project_id)
        if credential.get("security_token"):
            credentials = credentials.with_security_token(credential["security_token"])
        config = HttpConfig(
            timeout=(CONNECT_SECONDS, READ_SECONDS), retry_times=0, allow_redirects=False, user_agent="bootshelf"
        )
        builder = GuardedWorkspaceClient.new_builder()
        self._sdk = builder.with_http_config(config).with_credentials(credentials).with_endpoint(self.endpoint).build()
        return self._sdk


def _tame_sdk() -> None:
    """Keep the SDK from writing to the log: with no handler of its own its lines would go to stderr."""
    import logging
    import warnings

    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"huaweicloudsdk")
    logging.getLogger("HuaweiCloud-SDK-GuardedWorkspaceClient").disabled = True
