"""*Test connection*: what each operation answers to the credential, filled in by the worker."""

import json

import pytest
from django.utils import timezone

from accounts.models import AuditEvent, CloudAccount
from catalog import actions, connection_tests, tasks
from catalog.connection_matrix import Matrix, connection_matrix
from catalog.models import ConnectionTest
from catalog.providers import PROVIDERS
from tests.clouds import credentials

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("simulated")]
ALIBABA_KINDS = [kind for kind, provider in PROVIDERS.items() if provider.vendor == "alibaba"]


@pytest.fixture
def draft(team):
    def make(credential=credentials.ALIBABA, **fields) -> CloudAccount:
        return actions.create_cloud_account(
            team,
            "test",
            vendor=credential.vendor,
            name="",
            credential=credential.as_json(),
            simulated=True,
            draft=True,
            **fields,
        )

    return make


def checks(*kinds, region="cn-hangzhou", **fields):
    return [{"kind": kind, "region": region, **fields} for kind in kinds]


def run(account, wanted) -> ConnectionTest:
    test = actions.request_test(account.team, "test", account, wanted)
    assert test.state == "queued"
    tasks.test_connection(str(test.id))
    test.refresh_from_db()
    return test


def outcomes(test) -> dict[str, str]:
    return {result["kind"]: result["outcome"] for result in test.results}


def test_a_good_credential_is_allowed_everything(draft, cloud):
    test = run(draft(), checks(*ALIBABA_KINDS))
    assert outcomes(test) == dict.fromkeys(ALIBABA_KINDS, "allowed")
    assert test.state == "done" and test.finished_at
    assert all(result["region"] == "cn-hangzhou" and result["operation"] for result in test.results)


def test_huawei_is_tested_too(draft):
    test = run(draft(credentials.HUAWEI), checks("huawei_workspace", region="cn-north-4"))
    assert outcomes(test) == {"huawei_workspace": "allowed"}


@pytest.mark.parametrize(
    ("credential", "outcome"),
    [
        (credentials.ALIBABA_INACTIVE, "authentication"),
        (credentials.ALIBABA_EXPIRED, "authentication"),
        (credentials.ALIBABA_DENIED, "permission"),
        (credentials.ALIBABA_IN_DEBT, "billing"),
        (credentials.ALIBABA_NOT_ENABLED, "not_enabled"),
    ],
)
def test_what_is_wrong_with_a_credential_is_told_by_operation(draft, credential, outcome):
    (result,) = run(draft(credential), checks("alibaba_ehpc_custom")).results
    assert result["outcome"] == outcome and result["operation"] == "ListCustomImages"
    assert result["code"] and result["message"] and result["request_id"]


def test_one_denied_operation_does_not_hide_the_others(draft, cloud):
    cloud.fail(operation="DescribeImageInfos", status=400, code="NoPermission", times=0)
    found = outcomes(run(draft(), checks(*ALIBABA_KINDS)))
    assert found.pop("alibaba_ens_public") == "permission" and set(found.values()) == {"allowed"}


def test_a_region_that_does_not_exist_is_told(draft):
    (result,) = run(draft(), checks("alibaba_ehpc_custom", region="cn-nowhere")).results
    assert result["outcome"] in ("invalid", "not_found", "unreachable")


def test_a_test_is_run_once(draft, cloud):
    test = run(draft(), checks("alibaba_ens_public"))
    before = len(cloud.requests())
    tasks.test_connection(str(test.id))
    assert len(cloud.requests()) == before


def test_the_matrix_fills_row_by_row(draft, monkeypatch):
    seen = []
    real = connection_tests.providers.check

    def watch(*args):
        seen.append(len(ConnectionTest.objects.get().results))
        return real(*args)

    monkeypatch.setattr("catalog.connection_tests.providers.check", watch)
    run(draft(), checks(*ALIBABA_KINDS[:3]))
    assert seen == [0, 1, 2]


def test_a_draft_that_is_over_ends_quietly(draft):
    account = draft()
    test = actions.request_test(account.team, "test", account, checks("alibaba_ens_public"))
    test_id = str(test.id)
    CloudAccount.with_drafts.all().delete()
    tasks.test_connection(test_id)
    assert not ConnectionTest.objects.exists(), "the test went with its draft"


def test_a_test_that_nobody_ran_ends_after_five_minutes(draft):
    from datetime import timedelta

    from django.db.models.functions import Now

    account = draft()
    test = actions.request_test(account.team, "test", account, checks("alibaba_ens_public"))
    tasks.tidy()
    test.refresh_from_db()
    assert test.state == "queued"
    ConnectionTest.objects.update(created_at=Now() - timedelta(minutes=6))
    tasks.tidy()
    test.refresh_from_db()
    assert test.state == "done" and test.results == []


@pytest.mark.parametrize("end", ["", "/"])
def test_a_real_credential_is_never_signed_towards_the_simulator(team, cloud, settings, end):
    settings.PROVIDER_ENDPOINTS = {name: url + end for name, url in cloud.endpoints().items()}
    account = actions.create_cloud_account(
        team, "test", vendor="alibaba", name="real", credential=credentials.ALIBABA.as_json()
    )
    (result,) = run(account, checks("alibaba_ens_public")).results
    assert (result["code"], cloud.requests()) == ("RealCredential", [])


@pytest.mark.parametrize(
    "wanted", [[], checks("no_such_kind"), checks("huawei_workspace"), checks("alibaba_ens_public", region="../x")]
)
def test_a_test_of_nothing_or_of_nonsense_is_refused(draft, wanted):
    account = draft()
    with pytest.raises(actions.ActionError):
        actions.request_test(account.team, "test", account, wanted)
    assert not ConnectionTest.objects.exists() and not AuditEvent.objects.exists()


def matrix(test) -> Matrix:
    return connection_matrix(test, test.cloud_account.vendor)


def granted(test) -> list[str]:
    text = matrix(test).policy
    return json.loads(text)["Statement"][0]["Action"] if text else []


def test_the_policy_to_paste_has_what_was_denied_and_nothing_that_was_allowed(draft, cloud):
    cloud.fail(operation="ListContainerImages", status=403, code="NoPermission", times=0)
    cloud.fail(operation="DescribeSelfImages", status=403, code="NoPermission", times=0)
    cloud.fail(operation="ListImages", status=400, code="InDebt", times=0)
    test = run(draft(), checks(*ALIBABA_KINDS))
    assert granted(test) == ["ehpc:ListContainerImages", "ens:DescribeSelfImages"]
    statement = json.loads(matrix(test).policy)
    assert statement["Version"] == "1" and statement["Statement"][0]["Resource"] == "*"


def test_a_call_that_could_not_be_tried_for_want_of_another_is_in_the_policy_too(draft, cloud):
    cloud.fail(operation="ListClusters", status=403, code="NoPermission", times=0)
    test = run(draft(), checks("alibaba_ehpc_container"))
    assert granted(test) == ["ehpc:ListClusters", "ehpc:ListContainerImages"]
    assert matrix(test).rows[0].cells[0].operation == "ListClusters"


def test_huaweis_policy_is_of_iams_form(draft, cloud):
    cloud.fail(vendor="huawei", operation="ListImages", status=403, times=0)
    test = run(draft(credentials.HUAWEI), checks("huawei_workspace", region="cn-north-4"))
    told = json.loads(matrix(test).policy)
    assert told == {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["workspace:images:list"]}]}


def test_what_is_all_allowed_needs_no_policy(draft):
    test = run(draft(), checks("alibaba_ens_public"))
    assert matrix(test).policy == "" and matrix(test).is_whole


def test_a_test_that_did_not_end_never_says_that_all_is_allowed(team, as_user, alice, make_account):
    account = make_account()
    for state in ("done", "running"):
        ConnectionTest.objects.create(
            team=team, cloud_account=account, state=state, checks=[*checks("alibaba_ens_public", cluster="")],
            finished_at=timezone.now() if state == "done" else None,
        )  # fmt: skip
        shown = as_user(alice).get(f"/t/aero/accounts/{account.id}/").content.decode()
        assert "Everything is allowed" not in shown
        assert ("did not come to its end: 0 of 1" in shown) == (state == "done")


def test_without_the_keyset_a_test_ends_and_says_so(draft, monkeypatch):
    account = draft()
    test = actions.request_test(account.team, "test", account, checks("alibaba_ens_public"))
    monkeypatch.delenv("BOOTSHELF_KEYSET")
    tasks.test_connection(str(test.id))
    test.refresh_from_db()
    assert test.state == "done" and [result["code"] for result in test.results] == ["KeysetMissing"]


def test_an_account_is_tested_where_its_sources_are_and_for_what_they_call(as_user, alice, make_account, make_source):
    account = make_account()
    make_source("alibaba_ens_self", account, region="cn-hangzhou")
    make_source("alibaba_ehpc_container", account, region="cn-shanghai", cluster="ehpc-sh-1")
    make_source("alibaba_ehpc_container", account, region="cn-shanghai", cluster="ehpc-sh-2")
    assert as_user(alice).post(f"/t/aero/accounts/{account.id}/test/").status_code == 302
    test = ConnectionTest.objects.get()
    assert [(one["kind"], one["region"]) for one in test.checks] == [
        ("alibaba_ehpc_container", "cn-shanghai"),
        ("alibaba_ens_self", "cn-hangzhou"),
    ]
    assert test.checks[0]["cluster"].startswith("ehpc-sh-")
    cells = [[cell.outcome for cell in row.cells] for row in matrix(test).rows]
    assert cells == [["", "none"], ["none", ""]], "what no source needs is not tried"
