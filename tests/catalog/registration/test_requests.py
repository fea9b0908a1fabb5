"""An editor asks, an admin decides: what waits, how it ends, and what becomes of the password."""

import pytest

from accounts.models import AuditEvent, SealedSecret
from accounts.secrets import open_secret
from catalog import actions, registration, tasks
from catalog.models import Registration
from catalog.registration_spec import PASSWORD, validate_spec
from catalog.requests import decided_unseen
from tests.catalog.registration.asked import CANARY, CONTAINER, REGION, VM, age, sent
from tests.waiting import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulated")]

WEEK = 7 * 24 * 3600


@pytest.fixture
def request_one(account, eve):
    """A request of Eve's, its password sealed at the review as the page does it."""

    def make(document=VM, **fields):
        spec, errors = validate_spec(document | fields)
        assert spec, errors
        coming = actions.keep_password(account.team, (document | fields).get(PASSWORD) or "none")
        if PASSWORD not in document | fields:
            SealedSecret.sealed.filter(row=coming).delete()
        return actions.request_registration(account.team, eve, account, REGION, spec, registration_id=coming)

    return make


def is_sealed(asked):
    return SealedSecret.sealed.filter(row=asked.id).exists()


def trail(asked):
    rows = AuditEvent.objects.filter(target_id=asked.id).order_by("id")
    return [(row.actor, row.action.removeprefix("registration.")) for row in rows]


def fresh(asked):
    return Registration.objects.get(id=asked.id)


def test_a_request_waits_and_nothing_is_sent(request_one, eve, cloud):
    asked = request_one(CONTAINER)
    assert (asked.state, asked.requested_by, asked.requester) == ("requested", eve.email, eve)
    for beat in (tasks.settle_registrations, tasks.tidy):
        beat()
    tasks.register_image(str(asked.id))
    assert fresh(asked).state == "requested" and not sent(cloud)
    assert open_secret(asked.team_id, registration.TABLE, asked.id, PASSWORD).reveal() == CANARY
    assert trail(asked) == [(eve.email, "requested")]
    assert CANARY not in str(list(AuditEvent.objects.values()))


def test_approved_it_is_sent_once_with_its_password(request_one, alice, eve, cloud):
    asked = request_one(CONTAINER)
    actions.approve_request(asked.team, alice, asked.id, " go ahead ")
    found = fresh(asked)
    assert (found.state, found.decision, found.decided_by) == ("pending", "approved", alice.email)
    assert (found.decision_word, found.told_at, found.requested_by) == ("go ahead", None, eve.email)
    for _ in range(2):
        tasks.register_image(str(asked.id))
    assert fresh(asked).state == "succeeded" and len(sent(cloud)) == 1
    assert not is_sealed(asked)
    assert trail(asked) == [(eve.email, "requested"), (alice.email, "approved"), ("worker", "succeeded")]
    assert AuditEvent.objects.get(action="registration.approved").changes["word"] == "go ahead"


def test_declined_it_is_over_and_its_password_forgotten(request_one, alice, eve, cloud):
    asked = request_one(CONTAINER)
    actions.decline_request(asked.team, alice, asked.id, "take 2.2")
    found = fresh(asked)
    assert (found.state, found.decision, found.decision_word) == ("declined", "declined", "take 2.2")
    assert found.finished_at and not is_sealed(asked)
    tasks.register_image(str(asked.id))
    assert not sent(cloud)
    assert trail(asked) == [(eve.email, "requested"), (alice.email, "declined")]


@pytest.mark.parametrize("word", ["", "  \n ", "x" * 501])
def test_declining_takes_a_word_and_no_novel(request_one, alice, word):
    asked = request_one()
    with pytest.raises(actions.ActionError) as refused:
        actions.decline_request(asked.team, alice, asked.id, word)
    assert refused.value.field == "word" and fresh(asked).state == "requested"
    assert trail(asked)[1:] == []


def test_withdrawn_it_is_over_and_no_news_to_who_withdrew_it(request_one, eve):
    asked = request_one(CONTAINER)
    actions.withdraw_request(asked.team, eve, asked.id)
    found = fresh(asked)
    assert (found.state, found.decision) == ("declined", "withdrawn") and found.told_at
    assert not is_sealed(asked)
    assert trail(asked) == [(eve.email, "requested"), (eve.email, "withdrawn")]


def test_after_seven_days_it_is_over_with_its_password(request_one, eve):
    old, young = request_one(CONTAINER), request_one()
    age(old, "created_at", WEEK)
    age(young, "created_at", WEEK - 60)
    tasks.tidy()
    assert [(fresh(one).state, fresh(one).decision) for one in (old, young)] == [
        ("declined", "expired"),
        ("requested", ""),
    ]
    assert not is_sealed(old) and fresh(old).told_at is None
    assert trail(old) == [(eve.email, "requested"), ("worker", "expired")]
    assert tasks.tidy() is None and len(trail(old)) == 2


def test_what_is_too_old_cannot_be_approved_although_no_beat_came(request_one, alice, cloud):
    asked = request_one(CONTAINER)
    age(asked, "created_at", WEEK)
    with pytest.raises(actions.NotWaiting, match="is over"):
        actions.approve_request(asked.team, alice, asked.id)
    tasks.register_image(str(asked.id))
    assert fresh(asked).state == "requested" and not sent(cloud)


def test_of_all_who_decide_at_once_one_wins_and_the_others_are_told(request_one, alice, eve, account):
    asked = request_one(CONTAINER)

    def attempt(decide, user, *word):
        def call():
            try:
                decide(account.team, user, asked.id, *word)
            except actions.NotWaiting as error:
                return error.message
            return None

        return call

    decline, approve = actions.decline_request, actions.approve_request
    told = at_once(
        attempt(decline, alice, "no"), attempt(approve, alice), attempt(decline, alice, "never"),
        attempt(actions.withdraw_request, eve),
    )  # fmt: skip
    assert told.count(None) == 1 and len(trail(asked)) == 2
    sentence = {"approved": "alice@example.org approved it.", "declined": "alice@example.org declined it.",
                "withdrawn": "eve@example.org withdrew it."}[fresh(asked).decision]  # fmt: skip
    assert [one for one in told if one] == [sentence] * 3
    assert is_sealed(asked) == (fresh(asked).state == "pending")


def test_what_is_on_the_shelf_by_now_is_not_approved(request_one, alice, account, make_source, make_image):
    asked = request_one(VM)
    source = make_source("alibaba_ehpc_registered", account)
    make_image(source, name=VM["name"], version=VM["version"])
    with pytest.raises(actions.AlreadyOnShelf):
        actions.approve_request(asked.team, alice, asked.id)
    assert fresh(asked).state == "requested"
    actions.decline_request(asked.team, alice, asked.id, "there is one")


def test_of_two_requests_of_one_image_one_is_approved(request_one, alice):
    first, second = request_one(), request_one()
    actions.approve_request(first.team, alice, first.id)
    with pytest.raises(actions.ActionError, match="being registered right now"):
        actions.approve_request(second.team, alice, second.id)
    assert fresh(second).state == "requested"


def test_who_asked_and_is_an_admin_by_now_decides_and_needs_no_telling(request_one, eve):
    asked = request_one()
    eve.memberships.update(role="admin")
    actions.approve_request(asked.team, eve, asked.id)
    assert fresh(asked).decided_by == eve.email and fresh(asked).told_at


def test_with_the_cloud_account_its_requests_end(request_one, alice, eve, account):
    asked = request_one(CONTAINER)
    actions.delete_cloud_account(account.team, alice, account, "archive")
    ended = fresh(asked)
    assert (ended.state, ended.decision, ended.decided_by) == ("declined", "dropped", alice.email)
    assert not is_sealed(asked) and ended.finished_at
    told = AuditEvent.objects.get(actor=alice.email, action="cloud_account.deleted")
    assert (told.changes["requests_ended"], told.changes["ended_with_it"]) == (1, [asked.name])
    assert list(decided_unseen(eve.memberships.get())) == [ended], "who asked is told"
    with pytest.raises(actions.NotWaiting, match="account was deleted"):
        actions.approve_request(asked.team, alice, asked.id)


def test_one_person_has_so_many_waiting_and_no_more(request_one, account, monkeypatch):
    monkeypatch.setattr("catalog.actions.requests.MOST_WAITING", 2)
    request_one(), request_one()
    with pytest.raises(actions.ActionError, match="2 of your requests wait"):
        request_one()
    assert Registration.objects.count() == 2


def test_a_request_of_another_team_is_not_there(request_one, alice, other_team):
    asked = request_one()
    with pytest.raises(Registration.DoesNotExist):
        actions.approve_request(other_team, alice, asked.id)
