"""The vendors' own SDKs, pointed at a simulator: the simulator is tested through them, the wire is theirs."""

from typing import Any

from tests.clouds.credentials import ALIBABA, HUAWEI, Credential
from tests.clouds.remote import Remote


def _config(cloud: Remote, credential: Credential) -> Any:
    from alibabacloud_tea_openapi import models

    return models.Config(
        access_key_id=credential.key,
        access_key_secret=credential.secret,
        security_token=credential.token,
        protocol="HTTP",
        endpoint=cloud.url.removeprefix("http://"),
        connect_timeout=5_000,
        read_timeout=10_000,
    )


def rpc(
    cloud: Remote, version: str, action: str, credential: Credential = ALIBABA, method: str = "POST", **query: Any
) -> Any:
    """The body of any Alibaba RPC call, by tea-openapi's generic `call_api`; raises what the SDK raises."""
    from alibabacloud_tea_openapi import models
    from alibabacloud_tea_openapi.client import Client
    from darabonba.runtime import RuntimeOptions

    params = models.Params(
        action=action,
        version=version,
        protocol="HTTP",
        pathname="/",
        method=method,
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    request = models.OpenApiRequest(query={name: str(value) for name, value in query.items()})
    return Client(_config(cloud, credential)).call_api(params, request, RuntimeOptions())["body"]


def ehpc_2023(cloud: Remote, credential: Credential = ALIBABA) -> Any:
    """The typed client of E-HPC 2023-07-01."""
    from alibabacloud_ehpc20230701.client import Client

    return Client(_config(cloud, credential))


def runtime(**queries: str) -> Any:
    """RuntimeOptions that add query parameters the typed client does not know (ImageType, RegionId, ImageCategory)."""
    from darabonba.runtime import ExtendsParameters, RuntimeOptions

    return RuntimeOptions(extends_parameters=ExtendsParameters(queries=queries))


def workspace(
    cloud: Remote, credential: Credential = HUAWEI, region: str = "cn-north-4", project_id: str | None = None
) -> Any:
    """Huawei's Workspace client; without a project id it asks the simulated IAM for one."""
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.region.region import Region
    from huaweicloudsdkworkspace.v2 import WorkspaceClient

    BasicCredentials._CACHE.clear()  # Projects are remembered by key for the life of a process.
    keys = BasicCredentials(credential.key, credential.secret, project_id).with_iam_endpoint(cloud.url)
    if credential.token:
        keys = keys.with_security_token(credential.token)
    builder = WorkspaceClient.new_builder().with_credentials(keys)
    if project_id:
        return builder.with_endpoint(cloud.url).build()
    return builder.with_region(Region(region, cloud.url)).build()


def pages(cloud: Remote, version: str, action: str, path: tuple[str, ...], size: int = 50, **query: Any) -> list[Any]:
    """All images of a paged Alibaba listing, read as its count says."""
    found: list[Any] = []
    number = 1
    while True:
        body = rpc(cloud, version, action, PageNumber=number, PageSize=size, **query)
        items: Any = body
        for step in path:
            items = items[step]
        found += items
        if number * size >= int(body["TotalCount"]):
            return found
        number += 1
