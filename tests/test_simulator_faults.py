"""Every fault the simulated clouds can be told to have, as the vendors' SDKs and a bare socket experience it."""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.clouds import sdks
from tests.clouds.server import Simulator
from tests.test_simulator_listings import EHPC_2018, EHPC_2023, ENS, MYCLUSTER, refused
from tests.test_simulator_registering import listed, vm


def containers(cloud: Simulator, **query: Any) -> Any:
    return sdks.rpc(cloud, EHPC_2018, "ListContainerImages", ClusterId=MYCLUSTER, **query)


def desktops(cloud: Simulator, **query: Any) -> Any:
    from huaweicloudsdkworkspace.v2 import ListImagesRequest

    client = sdks.workspace(cloud, project_id=cloud.project_id("cn-north-4"))
    return client.list_images(ListImagesRequest(**query))


def failure(call: Callable[[], Any]) -> BaseException:
    with pytest.raises(Exception, match=r"(?s).*") as caught:
        call()
    return caught.value


# Which calls


def test_a_fault_hits_the_page_it_names_once(cloud: Simulator) -> None:
    cloud.fail(operation="ListContainerImages", page=2, status=503, code="ServiceUnavailable")
    assert containers(cloud)["PageNumber"] == 1
    status, code, message = refused(lambda: containers(cloud, PageNumber=2))
    assert (status, code) == (503, "ServiceUnavailable") and message.startswith("The request has failed")
    assert containers(cloud, PageNumber=2)["PageNumber"] == 2


@pytest.mark.parametrize(("page", "failing"), [("first", 1), ("last", 9), (3, 3)])
def test_a_page_may_be_the_first_or_the_last(cloud: Simulator, page: int | str, failing: int) -> None:
    cloud.fail(operation="ListContainerImages", page=page, times=0, code="DbError")
    for number in range(1, 10):
        if number == failing:
            assert refused(partial(containers, cloud, PageNumber=number))[1] == "DbError"
        else:
            containers(cloud, PageNumber=number)


def test_a_fault_may_wait_for_the_nth_call_and_come_several_times(cloud: Simulator) -> None:
    cloud.fail(operation="ListClusters", skip=1, times=2, status=500)
    statuses = []
    for _ in range(5):
        try:
            sdks.rpc(cloud, EHPC_2018, "ListClusters")
            statuses.append(200)
        except Exception as error:
            statuses.append(error.status_code)
    assert statuses == [200, 500, 500, 200, 200]
    (fault,) = cloud.faults()
    assert (fault["seen"], fault["hits"]) == (5, 2)


@pytest.mark.parametrize(
    "condition",
    [
        {"region": "cn-shanghai"},
        {"cluster": "ehpc-sh-4kTz81vYba"},
        {"vendor": "huawei"},
        {"key": "NOBODY"},
        {"parameters": {"PageSize": "49"}},
        {"operation": "ListClusters"},
        {"offset": 10},
    ],
)
def test_a_fault_leaves_other_calls_alone(cloud: Simulator, condition: dict[str, Any]) -> None:
    cloud.fail(status=500, **condition)
    assert containers(cloud)["TotalCount"]
    assert cloud.faults()[0]["seen"] == 0


def test_healing_ends_every_fault(cloud: Simulator) -> None:
    cloud.fail(status=500, times=0)
    cloud.heal()
    assert containers(cloud)["TotalCount"]


def test_a_misspelt_fault_is_refused(cloud: Simulator) -> None:
    with pytest.raises(RuntimeError, match="a fault has no stauts"):
        cloud.fail(stauts=500)
    with pytest.raises(RuntimeError, match="bad_item"):
        cloud.fail(bad_item="rotten")


# The vendors' error bodies


@pytest.mark.parametrize(
    ("version", "action", "code", "status"),
    [
        (EHPC_2018, "ListCustomImages", "ImageNotFound", 404),
        (EHPC_2018, "ListCustomImages", "EcsError", 406),
        (EHPC_2018, "ListContainerImages", "AgentError", 406),
        (EHPC_2018, "ListContainerImages", "UnknownError", 500),
        (EHPC_2023, "ListImages", "NotAuthorized", 407),
        (EHPC_2023, "AddImage", "ImageInUse", 403),
        (EHPC_2023, "AddImage", "InDebt", 400),
        (EHPC_2023, "AddImage", "AliyunError", 406),
        (ENS, "DescribeImageInfos", "CallInterface", 400),
        (ENS, "DescribeImageInfos", "NoPermission", 400),
    ],
)
def test_a_documented_code_brings_its_status_and_text(
    cloud: Simulator, version: str, action: str, code: str, status: int
) -> None:
    cloud.fail(operation=action, code=code)
    told, named, message = refused(lambda: sdks.rpc(cloud, version, action, ClusterId=MYCLUSTER))
    assert (told, named) == (status, code) and len(message) > 10


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 500, 503])
def test_huawei_fails_with_a_code_for_every_documented_status(cloud: Simulator, status: int) -> None:
    cloud.fail(vendor="huawei", operation="ListImages", status=status)
    told, code, message = refused(lambda: desktops(cloud))
    assert told == status and code.startswith(("WKS.", "APIGW.")) and message


def test_the_message_may_be_given(cloud: Simulator) -> None:
    cloud.fail(operation="ListClusters", status=418, code="Teapot", message="short and stout")
    assert refused(lambda: sdks.rpc(cloud, EHPC_2018, "ListClusters")) == (418, "Teapot", "short and stout")


def test_alibaba_throttles_with_and_without_a_wait(cloud: Simulator) -> None:
    cloud.fail(operation="ListClusters", throttle=True)
    cloud.fail(operation="ListClusters", throttle=1500)
    plain = failure(lambda: sdks.rpc(cloud, EHPC_2018, "ListClusters"))
    told = failure(lambda: sdks.rpc(cloud, EHPC_2018, "ListClusters"))
    assert (type(plain).__name__, plain.code) == ("ClientException", "Throttling.User")
    assert (type(told).__name__, told.retry_after) == ("ThrottlingException", 1500)


def test_huawei_throttles_with_retry_after(cloud: Simulator) -> None:
    cloud.fail(vendor="huawei", operation="ListImages", throttle=2)
    assert failure(lambda: desktops(cloud)).status_code == 429


# Answers that are no answers: how the SDKs take them is in PROVIDERS.md section 4


@pytest.mark.parametrize("how", ["reset", "close", "truncate", "reset_body"])
def test_a_cut_connection_is_an_exception_in_both_sdks(cloud: Simulator, how: str) -> None:
    cloud.fail(times=2, **{how: True})
    assert type(failure(lambda: containers(cloud))).__name__ == "UnretryableException"
    assert failure(lambda: desktops(cloud))
    assert containers(cloud)["TotalCount"] and desktops(cloud).total_count


def test_connections_may_be_refused_until_it_listens_again(cloud: Simulator) -> None:
    containers(cloud)
    cloud.fail(operation="ListClusters", refuse=True)
    assert failure(lambda: sdks.rpc(cloud, EHPC_2018, "ListClusters"))
    with pytest.raises(ConnectionRefusedError):
        cloud.health()
    cloud.listen()
    assert cloud.health()["status"] == "ok" and containers(cloud)["TotalCount"]


@pytest.mark.parametrize("how", ["html", "empty", "malformed"])
def test_a_body_that_is_not_json_is_a_success_for_huaweis_sdk(cloud: Simulator, how: str) -> None:
    cloud.fail(times=2, **{how: True})
    assert type(failure(lambda: containers(cloud))).__name__ == "UnretryableException"
    assert desktops(cloud).images is None


def test_json_null_is_no_exception_for_alibabas_sdk(cloud: Simulator) -> None:
    cloud.fail(operation="ListImages", null=True)
    from alibabacloud_ehpc20230701 import models

    assert sdks.ehpc_2023(cloud).list_images(models.ListImagesRequest()).body is None


def test_a_list_may_stand_for_the_object(cloud: Simulator) -> None:
    cloud.fail(operation="ListContainerImages", list=True)
    assert containers(cloud) == []


@pytest.mark.parametrize("bad", ["null", "string", "number", "list", "no_id", "wrong_type"])
def test_one_item_in_the_middle_may_be_bad(cloud: Simulator, bad: str) -> None:
    good = containers(cloud)["Images"]["Images"]
    cloud.fail(operation="ListContainerImages", bad_item=bad)
    items = containers(cloud)["Images"]["Images"]
    assert [number for number, item in enumerate(items) if item != good[number]] == [5]


def test_a_redirect_leads_elsewhere(cloud: Simulator) -> None:
    cloud.fail(times=2, redirect=True)
    assert containers(cloud) == {}
    assert desktops(cloud).images is None


def test_ens_may_fail_inside_a_success(cloud: Simulator) -> None:
    cloud.fail(operation="DescribeImageInfos", soft=5)
    body = sdks.rpc(cloud, ENS, "DescribeImageInfos")
    assert body["Code"] == 5 and "Images" not in body


def test_any_body_may_be_served(cloud: Simulator) -> None:
    cloud.fail(operation="ListProjects", body={"projects": [{"id": "a"}, {"id": "b"}]})
    assert "Multiple project ids" in str(failure(lambda: sdks.workspace(cloud)))


def test_a_delay_delays_and_the_server_answers_others_meanwhile(cloud: Simulator) -> None:
    cloud.fail(operation="ListClusters", delay=0.3)
    started, ended = time.monotonic(), []

    def wait() -> None:
        sdks.rpc(cloud, EHPC_2018, "ListClusters")
        ended.append(time.monotonic() - started)

    slow = threading.Thread(target=wait)
    slow.start()
    while not cloud.requests("ListClusters"):
        pass
    containers(cloud)
    assert not ended
    slow.join()
    assert ended[0] >= 0.3


def test_latency_is_before_every_answer(cloud: Simulator) -> None:
    cloud.latency(0.2)
    started = time.monotonic()
    containers(cloud)
    assert time.monotonic() - started >= 0.2


def test_an_answer_may_be_larger_than_sixty_four_mebibytes(cloud: Simulator) -> None:
    cloud.fail(operation="ListContainerImages", huge=True)
    body = containers(cloud)
    assert len(body["Padding"]) > 64 * 1024 * 1024 and body["Images"]["Images"]


# Pages that lie


@pytest.mark.parametrize("by", [-3, 4])
def test_a_total_may_be_wrong(cloud: Simulator, by: int) -> None:
    truth = containers(cloud)["TotalCount"]
    cloud.fail(operation="ListContainerImages", total=by)
    cloud.fail(operation="DescribeSelfImages", total=by)
    cloud.fail(vendor="huawei", operation="ListImages", total=by)
    assert containers(cloud)["TotalCount"] == truth + by
    assert sdks.rpc(cloud, ENS, "DescribeSelfImages")["TotalCount"] == str(120 + by)
    assert desktops(cloud).total_count == 120 + by


def test_a_page_may_lack_items_that_the_total_counts(cloud: Simulator) -> None:
    whole = containers(cloud)
    cloud.fail(operation="ListContainerImages", lacks=3)
    short = containers(cloud)
    assert short["Images"]["Images"] == whole["Images"]["Images"][:7]
    assert short["TotalCount"] == whole["TotalCount"]


def test_a_page_may_be_the_one_before_again(cloud: Simulator) -> None:
    first = containers(cloud)["Images"]
    cloud.fail(operation="ListContainerImages", page=2, duplicate_page=True)
    second = containers(cloud, PageNumber=2)
    assert (second["PageNumber"], second["Images"]) == (2, first)
    assert containers(cloud, PageNumber=2)["Images"] != first


def test_an_image_may_be_inserted_between_two_pages(cloud: Simulator) -> None:
    first = containers(cloud)
    cloud.fail(operation="ListContainerImages", page=2, shift="insert")
    second = containers(cloud, PageNumber=2)
    assert second["Images"]["Images"][0] == first["Images"]["Images"][-1]
    assert second["TotalCount"] == first["TotalCount"] + 1
    assert containers(cloud)["Images"]["Images"][1:] == first["Images"]["Images"][:-1]


def test_an_image_may_be_removed_between_two_pages(cloud: Simulator) -> None:
    whole = containers(cloud, PageSize=50)["Images"]["Images"]
    cloud.fail(operation="ListContainerImages", page=2, shift="remove")
    second = containers(cloud, PageNumber=2)
    assert second["Images"]["Images"] == whole[11:21]


def test_served_items_shift_too(cloud: Simulator) -> None:
    items = [{"id": str(number), "name": "n"} for number in range(3)]
    cloud.serve(listing="huawei_workspace", region="cn-north-4", items=items)
    cloud.fail(vendor="huawei", operation="ListImages", offset=1, shift="remove")
    assert [image.id for image in desktops(cloud, limit=1, offset=1).images] == ["2"]
    cloud.fail(vendor="huawei", operation="ListImages", shift="insert")
    assert [image.id for image in desktops(cloud).images] == ["1-inserted", "1", "2"]


# AddImage that happened, or not


@pytest.mark.parametrize(
    "how",
    [
        {"reset": True},
        {"close": True},
        {"truncate": True},
        {"html": True},
        {"empty": True},
        {"malformed": True},
        {"null": True},
        {"status": 500},
        {"status": 503, "code": "ServiceUnavailable"},
    ],
)
def test_an_image_may_be_added_and_the_answer_lost(cloud: Simulator, how: dict[str, Any]) -> None:
    cloud.fail(operation="AddImage", apply=True, **how)
    if how == {"null": True}:
        assert vm(cloud) is None
    else:
        assert failure(lambda: vm(cloud))
    assert len(listed(cloud, "VM", "app-image")) == 1
    assert refused(lambda: vm(cloud))[1] == "ImageAlreadyExists"


def test_without_apply_nothing_is_added(cloud: Simulator) -> None:
    cloud.fail(operation="AddImage", reset=True)
    assert failure(lambda: vm(cloud))
    assert listed(cloud, "VM", "app-image") == []


def test_adding_may_be_refused_inside_a_success(cloud: Simulator) -> None:
    cloud.fail(operation="AddImage", soft=True)
    assert vm(cloud).success is False
    assert listed(cloud, "VM", "app-image") == []


def test_the_log_names_the_fault_that_hit(cloud: Simulator) -> None:
    number = cloud.fail(operation="AddImage", reset=True)
    failure(lambda: vm(cloud))
    (record,) = cloud.requests("AddImage")
    assert (record["fault"], record["status"]) == (number, "reset")
