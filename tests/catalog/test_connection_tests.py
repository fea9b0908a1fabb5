"""*Test connection*: what each operation answers to the credential, filled in by the worker."""

import pytest

from accounts.models import AuditEvent, CloudAccount
from catalog import actions, connection_tests, tasks
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
