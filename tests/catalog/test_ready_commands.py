"""The command to copy: documented operations and parameters only, and nothing a shell could misread."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Team, User
from catalog.models import Image, Registration, Source
from catalog.ready_commands import ready_command
from tests.catalog.shelf import put


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("alibaba_ehpc_custom", "aliyun ecs DescribeImages --RegionId cn-hangzhou --ImageId m-bp1"),
        ("alibaba_ens_public", "aliyun ens DescribeImages --ImageId m-bp1"),
        ("alibaba_ens_self", "aliyun ens DescribeSelfImages --ImageId m-bp1"),
        ("huawei_workspace", "hcloud Workspace ListImages --cli-region=cn-north-4 --image_id=m-bp1"),
    ],
)
def test_the_cloud_is_asked_for_one_image(make_source: Callable[..., Source], kind: str, command: str) -> None:
    found = ready_command(put(make_source(kind), "one", remote_id="m-bp1"), None)
    assert found and found.text == command and found.tool in ("Alibaba Cloud CLI", "KooCLI")


def test_the_parameter_is_one_of_the_vendors_own_model() -> None:
    from huaweicloudsdkworkspace.v2 import ListImagesRequest

    assert "image_id" in inspect.signature(ListImagesRequest).parameters


@pytest.mark.parametrize(
    ("repository", "tag", "reference"),
    [
        ("registry.cn-hangzhou.aliyuncs.com/ai/torch", "2.1", "registry.cn-hangzhou.aliyuncs.com/ai/torch:2.1"),
        ("localhost:5000/ai/torch", None, "localhost:5000/ai/torch"),
        ("busybox", "latest", None),
        ("ai/torch", "2.1", None),
        ("registry.example/x; rm -rf /", "1", None),
        ("registry.example/$(id)", "1", None),
        (None, None, None),
    ],
)
def test_a_container_is_pulled_by_a_reference_that_names_its_registry(
    make_source: Callable[..., Source], repository: str | None, tag: str | None, reference: str | None
) -> None:
    image = put(make_source("alibaba_ehpc_container"), "box", type="container", repository=repository, tag=tag)
    found = ready_command(image, None)
    assert (found and found.text) == (reference and f"docker pull {reference}")


def test_what_was_registered_here_is_pulled_from_where_it_was_registered(
    make_source: Callable[..., Source], team: Team
) -> None:
    image = put(make_source("alibaba_ehpc_registered"), "box", type="container")
    made = Registration(team=team, registry_url="team-registry-vpc.cn-hangzhou.cr.aliyuncs.com/ml/trainer:2.1")
    found = ready_command(image, made)
    assert found and found.text == "docker pull team-registry-vpc.cn-hangzhou.cr.aliyuncs.com/ml/trainer:2.1"


@pytest.mark.parametrize("remote_id", ["m-1; rm -rf /", "$(id)", "--help", "m 1", "m-1\n", "m" * 500, "镜像"])
def test_an_id_that_a_shell_could_misread_has_no_command(make_source: Callable[..., Source], remote_id: str) -> None:
    assert ready_command(put(make_source("alibaba_ens_self"), "one", remote_id=remote_id), None) is None


def test_what_is_not_there_has_no_command(make_source: Callable[..., Source]) -> None:
    for state in ("missing", "archived"):
        assert ready_command(put(make_source("alibaba_ens_self"), state, state=state), None) is None
    assert ready_command(put(make_source("alibaba_ehpc_registered"), "vm"), None) is None


def test_it_is_on_the_page_and_in_the_drawer(make_source: Callable[..., Source], bob: User, as_user: Any) -> None:
    image: Image = put(make_source("alibaba_ens_self"), "one", remote_id="m-bp1")
    for headers in ({}, {"HX-Request": "true", "HX-Target": "drawer"}):
        html = as_user(bob).get(f"/t/aero/images/{image.id}/", headers=headers).content.decode()
        assert 'data-copy="aliyun ens DescribeSelfImages --ImageId m-bp1"' in html
