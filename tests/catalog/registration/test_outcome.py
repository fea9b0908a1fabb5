"""An outcome that nobody knows: every try is shown, an admin decides with them before them, and one decision holds."""

from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from accounts.models import AuditEvent, User
from catalog import actions
from catalog.models import Image, Registration, Source
from catalog.outcome_forms import evidence
from catalog.sync import sync_now
from tests.catalog.registration.asked import LISTING, REGION, VM, sent, settle, settle_all
from tests.waiting import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulated")]

OTHER = {"ImageId": "m-other", "ImageType": "VM", "Name": "cfd-base", "Version": "V9", "Description": "<b>theirs</b>"}


@pytest.fixture
def lost(send: Any, cloud: Any) -> Registration:
    """Nobody knows, and an hour of asking found nothing but an image like it."""
    cloud.fail(operation="AddImage", reset=True)
    made = send(VM)
    cloud.add(listing=LISTING, region=REGION, items=[OTHER])
    return settle_all(made)


def page(client: Client, made: Registration, name: str = "") -> str:
    return client.get(f"/t/aero/registrations/{made.id}/{name}").content.decode()


def decide(client: Client, made: Registration, how: str, **fields: str) -> Any:
    fields = {"seen": evidence(Registration.objects.get(id=made.id))} | fields
    return client.post(f"/t/aero/registrations/{made.id}/{how}/", fields, follow=True)


def audited(made: Registration) -> list[tuple[str, str]]:
    rows = AuditEvent.objects.filter(target_id=made.id, action__startswith="registration.").order_by("at", "id")
    return [(row.actor, row.action) for row in rows]


# What the page shows


def test_each_try_is_shown_with_what_was_asked_and_found(send: Any, cloud: Any, admin: Client) -> None:
    cloud.fail(operation="AddImage", reset=True)
    made = settle(send(VM))
    shown = page(admin, made)
    assert "ListImages ImageType=VM ImageNames=cfd-base" in shown and "The cloud lists no such image." in shown
    assert "five times over an hour" in shown and "It is not there…" not in shown and "Look once more now" in shown
    cloud.add(listing=LISTING, region=REGION, items=[OTHER])
    settle(made)
    cloud.fail(operation="ListImages", status=407, code="NotAuthorized")
    settle(made)
    shown = page(admin, made)
    assert "Not this one, but 1 like it." in shown and "m-other" in shown and "V9" in shown
    assert "The cloud could not be asked." in shown and "NotAuthorized" in shown
    assert [len(look["found"]) for look in made.looks] == [0, 1, 0] and made.lookups == 3


def test_after_the_last_try_the_page_asks_an_admin_and_no_longer_asks_the_server(
    lost: Registration, admin: Client
) -> None:
    shown = page(admin, lost)
    for part in ("An admin decides", "It is there…", "It is not there…", "Look once more now"):
        assert part in shown
    assert "hx-get" not in shown and "&lt;b&gt;theirs" not in shown and "<b>theirs" not in shown


def test_who_may_not_decide_reads_who_can(lost: Registration, as_user: Any, bob: User, eve: User) -> None:
    for person in (bob, eve):
        shown = page(as_user(person), lost)
        assert "It is there…" not in shown and "Alice Liddell" in shown
        for how in ("found", "absent", "look"):
            assert as_user(person).post(f"/t/aero/registrations/{lost.id}/{how}/").status_code == 403
    lost.refresh_from_db()
    assert lost.state == "unknown"


def test_it_hides_other_teams_registrations(lost: Registration, as_user: Any, charlie: User) -> None:
    for how in ("", "found/", "absent/"):
        assert as_user(charlie).get(f"/t/aero/registrations/{lost.id}/{how}").status_code == 404
        assert as_user(charlie).get(f"/t/umbra/registrations/{lost.id}/{how}").status_code == 404


# Deciding


def test_an_image_that_was_listed_is_chosen(lost: Registration, admin: Client) -> None:
    asked = page(admin, lost, "found/")
    assert "cfd-base · V9 · m-other" in asked and "ListImages ImageType=VM" in asked
    done = decide(admin, lost, "found", which="0").content.decode()
    assert "Decided: the image is there." in done and "decided by alice@example.org" in done
    lost.refresh_from_db()
    assert (lost.state, lost.remote_id, lost.settled_by, lost.error) == (
        "succeeded",
        "m-other",
        "alice@example.org",
        None,
    )
    assert (lost.image.name, lost.image.version, lost.image.remote_id) == ("cfd-base", "V9", "m-other")
    assert audited(lost)[-1] == ("alice@example.org", "registration.confirmed")
    assert sync_now(lost.image.source, "test", 10).state == "complete"
    lost.refresh_from_db()
    assert lost.state == "seen" and lost.image.missing_since is None


def test_an_image_is_named_by_its_id_without_the_white_space(lost: Registration, admin: Client) -> None:
    decide(admin, lost, "found", which="other", remote_id="  m-bp1typed\n")
    lost.refresh_from_db()
    assert (lost.state, lost.remote_id, lost.image.version) == ("succeeded", "m-bp1typed", "V1.0")


@pytest.mark.parametrize("fields", [{}, {"which": "other"}, {"which": "7"}, {"which": "other", "remote_id": "a b"},
                                    {"which": "other", "remote_id": "m" * 301}])  # fmt: skip
def test_a_choice_that_is_none_is_refused_and_nothing_lost(
    lost: Registration, admin: Client, fields: dict[str, str]
) -> None:
    refused = decide(admin, lost, "found", **fields)
    assert refused.status_code == 422 and "errorlist" in refused.content.decode()
    assert "What the cloud said" in refused.content.decode()
    lost.refresh_from_db()
    assert lost.state == "unknown" and not Image.objects.exists()


def test_an_image_that_is_not_there_may_be_registered_again(
    lost: Registration, admin: Client, send: Any, cloud: Any
) -> None:
    assert "Is the image not there?" in page(admin, lost, "absent/")
    done = decide(admin, lost, "absent").content.decode()
    assert "It can be registered again." in done and "An admin looked and did not find the image." in done
    assert f"?like={lost.id}" in done and "decided by alice@example.org" in done
    lost.refresh_from_db()
    assert (lost.state, lost.error["code"], lost.settled_by) == ("rejected", "NotThere", "alice@example.org")
    assert audited(lost)[-1] == ("alice@example.org", "registration.denied")
    assert send(VM).state == "succeeded" and len(sent(cloud)) == 2, "each was asked for by a person"


def test_of_two_admins_who_decide_at_once_one_wins_and_the_other_is_told(
    lost: Registration, as_user: Any, alice: User, eve: User
) -> None:
    eve.memberships.update(role="admin")
    clients = [as_user(alice), as_user(eve)]
    found, absent = at_once(
        lambda: decide(clients[0], lost, "found", which="other", remote_id="m-1").content.decode(),
        lambda: decide(clients[1], lost, "absent").content.decode(),
    )
    lost.refresh_from_db()
    winner, loser = (found, absent) if lost.state == "succeeded" else (absent, found)
    assert "Decided: the image is" in winner and "There is nothing to decide any more." in loser
    assert f"{lost.settled_by} decided it meanwhile." in loser
    assert len([action for _, action in audited(lost) if action.endswith(("confirmed", "denied"))]) == 1
    assert Image.objects.exists() is (lost.state == "succeeded"), "what did not win left nothing"


def test_who_comes_later_is_told_and_led_back(lost: Registration, admin: Client, alice: User) -> None:
    actions.deny_registration(lost.team, alice, lost)
    for how in ("found", "absent"):
        answer = admin.get(f"/t/aero/registrations/{lost.id}/{how}/", follow=True).content.decode()
        assert "alice@example.org decided it meanwhile." in answer and "Not registered" in answer
    assert "decided it meanwhile" in decide(admin, lost, "found", which="other", remote_id="m-1").content.decode()
    assert not Image.objects.exists()


def test_who_saw_less_than_is_known_looks_again(lost: Registration, admin: Client) -> None:
    stale = lost.looks[-2]["at"] + "-before"
    for how, fields in (("found", {"which": "other", "remote_id": "m-1"}), ("absent", {})):
        refused = decide(admin, lost, how, seen=stale, **fields)
        assert refused.status_code == 422 and "asked once more meanwhile" in refused.content.decode()
        assert f'name="seen" value="{lost.looks[-1]["at"]}"' in refused.content.decode()
    lost.refresh_from_db()
    assert lost.state == "unknown"


# Looking once more


def test_a_look_that_an_admin_asks_for_settles_it(lost: Registration, admin: Client, cloud: Any) -> None:
    cloud.add(listing=LISTING, region=REGION, items=[{**OTHER, "ImageId": "m-late", "Version": "V1.0"}])
    shown = admin.post(f"/t/aero/registrations/{lost.id}/look/", follow=True).content.decode()
    assert "It is there…" not in shown and "every 4s" in shown, "it is being looked up"
    settle(lost)
    assert (lost.state, lost.remote_id, lost.settled_by, lost.lookups) == ("succeeded", "m-late", "", 6)
    assert ("alice@example.org", "registration.lookup_requested") in audited(lost)


def test_a_look_that_finds_nothing_leaves_it_to_the_admin(lost: Registration, admin: Client) -> None:
    admin.post(f"/t/aero/registrations/{lost.id}/look/")
    settle(lost)
    assert lost.state == "unknown" and lost.next_lookup_at is None and len(lost.looks) == 6
    assert "Looked up 5 of 5 times." in page(admin, lost)


def test_nothing_is_decided_while_it_is_being_looked_up(lost: Registration, admin: Client) -> None:
    Registration.objects.update(next_lookup_at=Now())
    for how, fields in (("found", {"which": "other", "remote_id": "m-1"}), ("absent", {})):
        assert "It is being looked up just now" in decide(admin, lost, how, **fields).content.decode()
    assert Registration.objects.get().state == "unknown"


def test_one_that_is_known_is_not_looked_up(send: Any, admin: Client) -> None:
    made = send(VM)
    told = admin.post(f"/t/aero/registrations/{made.id}/look/", follow=True).content.decode()
    assert "The outcome is known by now." in told and audited(made)[-1][1] == "registration.succeeded"


def test_without_its_account_the_cloud_cannot_be_asked_and_an_admin_decides(
    send: Any, cloud: Any, admin: Client, account: Any, alice: User
) -> None:
    cloud.fail(operation="AddImage", reset=True)
    made = send(VM)
    actions.delete_cloud_account(account.team, alice, account, "archive")
    shown = page(admin, made)
    assert "The cloud account is gone" in shown and "Look once more now" not in shown and "It is there…" in shown
    told = admin.post(f"/t/aero/registrations/{made.id}/look/", follow=True).content.decode()
    assert "Its cloud account is no longer there" in told
    decide(admin, made, "found", which="other", remote_id="m-1", seen="-")
    made.refresh_from_db()
    assert (made.state, made.remote_id, made.image_id) == ("succeeded", "m-1", None)
    assert "No source lists" in page(admin, made)


# What else settles it


def test_a_sync_settles_it_and_says_so(lost: Registration, cloud: Any, make_source: Any, account: Any) -> None:
    cloud.add(listing=LISTING, region=REGION, items=[{**OTHER, "ImageId": "m-late", "Version": "V1.0"}])
    assert sync_now(make_source(LISTING, account), "test", 10).state == "complete"
    lost.refresh_from_db()
    assert (lost.state, lost.remote_id, lost.error) == ("seen", "m-late", None) and lost.finished_at
    assert audited(lost)[-1] == ("sync", "registration.seen")


def test_an_image_that_exists_is_linked_once_a_sync_has_found_it(send: Any, cloud: Any, admin: Client) -> None:
    cloud.add(listing=LISTING, region=REGION, items=[{**OTHER, "ImageId": VM["image_id"], "Version": "V1.0"}])
    made = send(VM)
    shown = page(admin, made)
    assert made.state == "rejected" and "It is not on the shelf yet." in shown and "every 4s" in shown
    assert sync_now(Source.objects.get(kind=LISTING), "test", 10).state == "complete"
    shown = page(admin, made)
    assert f"/t/aero/images/{Image.objects.get(name='cfd-base').id}/" in shown and "hx-get" not in shown


def test_an_image_of_another_name_made_of_the_same_ecs_image_is_linked(send: Any, cloud: Any, admin: Client) -> None:
    cloud.add(
        listing=LISTING, region=REGION,
        items=[{**OTHER, "ImageId": VM["image_id"], "Name": "other", "Version": "V1.0"}],
    )  # fmt: skip
    made = send(VM)
    assert made.state == "rejected"
    assert sync_now(Source.objects.get(kind=LISTING), "test", 10).state == "complete"
    assert f"/t/aero/images/{Image.objects.get(name='other').id}/" in page(admin, made)
