"""Requests on the pages: the editor's button asks, the admin decides, and everyone sees what it has come to."""

import re

import pytest
from django.db import connection

from accounts.models import SealedSecret
from catalog.models import Registration
from catalog.registration import TABLE
from catalog.requests import to_be_seen
from tests.catalog.registering import ADD, CANARY, LIST, filled_in, review, send, text
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script> ' \" \u202e 镜像"


@pytest.fixture
def account(make_account):
    return make_account(name="Aero HPC production")


@pytest.fixture
def editor(as_user, eve):
    return as_user(eve)


@pytest.fixture
def admin(as_user, alice):
    return as_user(alice)


@pytest.fixture
def viewer(as_user, bob):
    return as_user(bob)


@pytest.fixture
def container(account):
    return filled_in(account)


@pytest.fixture
def asked(editor, container):
    """Asked for on the page, password and all."""
    return send(editor, container)


def page(asked):
    return f"{LIST}{asked.id}/"


def decide(client, asked, decision, word=""):
    return client.post(f"{page(asked)}decide/", {"decision": decision, "word": word}, follow=True)


def test_the_editors_last_button_asks_and_says_who_decides(editor, alice, container):
    _fields, shown = review(editor, container)
    for part in (
        ">Request</button>",
        "Admins register; as an editor you ask for it.",
        "7 days",
        "Alice Liddell",
        "••••",
    ):
        assert part in shown
    assert ">Register</button>" not in shown and CANARY not in shown


def test_an_admin_registers_at_once(admin, container):
    _fields, shown = review(admin, container)
    assert ">Register</button>" in shown and "as an editor" not in shown
    made = send(admin, container)
    assert (made.state, made.decision) == ("pending", "")


def test_a_viewer_sees_neither_form_nor_button(viewer, asked):
    assert viewer.get(ADD).status_code == 403
    for address in (LIST, "/t/aero/images/", page(asked)):
        assert ADD not in text(viewer.get(address))
    assert "decide/" not in text(viewer.get(page(asked)))


def test_what_an_editor_sends_is_a_request_with_its_password_sealed(asked, eve):
    assert (asked.state, asked.requested_by, asked.requester) == ("requested", eve.email, eve)
    assert SealedSecret.sealed.filter(table=TABLE, row=asked.id).count() == 1


def test_sending_twice_is_one_request(editor, container):
    fields, _shown = review(editor, container)
    first, second = (editor.post(ADD, fields | {"step": "send"}) for _ in range(2))
    assert first["Location"] == second["Location"] and Registration.objects.count() == 1


def test_its_page_shows_an_admin_the_exact_call_masked_and_what_looks_wrong(admin, asked):
    shown = text(admin.get(page(asked)))
    for part in ("This waits for you", "eve@example.org", "cri-xyz795ygf8k9", "••••••••", "Approve and register",
                 "does not look like an Enterprise instance.", "A word to who asked"):  # fmt: skip
        assert part in shown
    assert CANARY not in shown and "hx-get" not in shown.partition("registration-state")[2][:200]


def test_who_asked_follows_it_and_sees_it_change_by_itself(editor, admin, asked, alice):
    shown = text(editor.get(page(asked)))
    for part in ("Waiting for an admin", "Alice Liddell", "every 10s", f"{page(asked)}withdraw/"):
        assert part in shown
    assert "Approve" not in shown
    decide(admin, asked, "approve")
    follow = text(editor.get(page(asked), headers={"HX-Request": "true"}))
    assert "<html" not in follow and "Waiting for a worker" in follow and "hx-get" in follow


def test_an_admin_approves(admin, asked):
    shown = text(decide(admin, asked, "approve", "fine"))
    assert "Approved. The worker sends it now." in shown and "Waiting for a worker" in shown
    asked.refresh_from_db()
    assert (asked.state, asked.decision_word) == ("pending", "fine")
    assert "Approved" in shown and "fine" in shown, "its history tells"


def test_declining_needs_a_word_and_loses_none(admin, asked):
    response = decide(admin, asked, "decline", " ")
    assert response.status_code == 422 and "Say why, in a word" in text(response)
    long = "because " * 80
    response = decide(admin, asked, "decline", long)
    assert (
        response.status_code == 422 and "At most 500 characters." in text(response) and long.strip() in text(response)
    )
    asked.refresh_from_db()
    assert asked.state == "requested"


def test_a_word_survives_a_session_that_is_over(asked, alice, client):
    address = f"{page(asked)}decide/"
    shown = text(client.post(address, {"decision": "decline", "word": "take 2.2"}))
    kept = re.search(r'name="kept" value="([^"]*)"', shown)
    answer = client.post(
        "/account/login/",
        {"login": alice.email, "password": PASSWORD, "kept": kept[1], "next": f"{address}?kept=1"},
    )
    assert answer.status_code == 302
    assert ">\ntake 2.2</textarea>" in text(client.get(answer["Location"]))
    asked.refresh_from_db()
    assert asked.state == "requested"


def test_a_decision_that_is_none_decides_nothing(admin, asked):
    for fields in ({"word": "hm"}, {"word": "hm", "decision": "edit"}, {"word": "h\x00m", "decision": "approve"}):
        response = admin.post(f"{page(asked)}decide/", fields)
        assert response.status_code in (200, 422) and "</textarea>" in text(response)
    asked.refresh_from_db()
    assert asked.state == "requested"


def test_who_asked_reads_the_word_and_asks_again_with_everything_but_the_password(admin, editor, asked):
    decide(admin, asked, "decline", f"Take 2.2.\n{HOSTILE}")
    shown = text(editor.get(page(asked)))
    assert "alice@example.org declined it." in shown and "Take 2.2.<br>&lt;script&gt;" in shown
    assert "<script>alert" not in shown and "Edit and ask again" in shown
    again = text(editor.get(f"{ADD}?like={asked.id}"))
    assert 'value="app-image"' in again and "cri-xyz795ygf8k9" in again and CANARY not in again
    assert not SealedSecret.sealed.filter(table=TABLE).exists()


def test_who_asked_withdraws_after_being_asked(editor, asked):
    confirm = text(editor.get(f"{page(asked)}withdraw/"))
    assert "Withdraw the request?" in confirm
    asked.refresh_from_db()
    assert asked.state == "requested"
    shown = text(editor.post(f"{page(asked)}withdraw/", follow=True))
    assert "Withdrawn." in shown and "Edit and ask again" in shown
    again = text(editor.get(f"{page(asked)}withdraw/", follow=True))
    assert "There is nothing to withdraw any more. eve@example.org withdrew it." in again


def test_of_two_admins_the_second_is_told(admin, as_user, asked, bob):
    bob.memberships.update(role="admin")
    decide(admin, asked, "approve")
    shown = text(decide(as_user(bob), asked, "decline", "no"))
    assert "There is nothing to decide any more. alice@example.org approved it." in shown
    asked.refresh_from_db()
    assert asked.decision == "approved"


def test_what_is_there_by_now_is_shown_and_cannot_be_approved(admin, asked, account, make_source, make_image):
    image = make_image(
        make_source("alibaba_ehpc_registered", account), name="app-image", version="V1.0", type="container"
    )
    shown = text(admin.get(page(asked)))
    assert "is on the shelf already" in shown and f"/t/aero/images/{image.id}/" in shown
    assert "Approve and register" not in shown and ">Decline</button>" in shown
    response = decide(admin, asked, "approve", "kept")
    assert response.status_code == 422 and ">kept</textarea>" in re.sub(r">\s+", ">", text(response))


def test_a_second_request_of_the_same_image_is_told_at_review_and_to_the_admin(editor, admin, asked, container):
    told = "eve@example.org asked for this image already:"
    assert told not in text(admin.get(page(asked)))
    _fields, shown = review(editor, container)
    assert told in shown and page(asked) in shown
    second = send(editor, container)
    assert page(asked) in text(admin.get(page(second))) and page(second) in text(admin.get(page(asked)))


def test_who_left_the_team_is_shown_as_such_and_the_request_stays(admin, asked, eve):
    eve.memberships.all().delete()
    assert "Who asked is no longer on this team." in text(admin.get(page(asked)))
    eve.delete()
    assert "eve@example.org" in text(admin.get(page(asked)))
    decide(admin, asked, "approve")
    asked.refresh_from_db()
    assert asked.state == "pending"


BADGE = re.compile(r"requests to see to: </span>(\d+)")


def badge(client):
    found = BADGE.search(text(client.get("/t/aero/images/")))
    return found and found[1]


def test_the_navigation_counts_what_waits_for_whom(admin, editor, viewer, asked, container):
    assert [badge(one) for one in (admin, editor, viewer)] == ["1", None, None]
    second = send(editor, container | {"name": "other"})
    assert badge(admin) == "2"
    assert "2 requests wait for you." in text(admin.get(LIST))
    assert "2 requests wait for an admin." in text(viewer.get(LIST))
    decide(admin, asked, "decline", "no")
    decide(admin, second, "approve")
    assert [badge(one) for one in (admin, editor, viewer)] == [None, "2", None]
    listed = text(editor.get(LIST))
    assert "alice@example.org declined it." in listed and "alice@example.org approved it." in listed
    editor.get(page(asked))
    assert badge(editor) == "1", "the one that was looked at is no news"
    editor.get(page(second))
    assert badge(editor) is None


def test_the_overview_names_what_waits_and_what_was_decided(admin, editor, viewer, asked, make_source, account):
    make_source("alibaba_ehpc_registered", account)
    assert "eve@example.org asks to register app-image V1.0" in text(admin.get("/t/aero/"))
    for other in (editor, viewer):
        assert "asks to register" not in text(other.get("/t/aero/"))
    decide(admin, asked, "decline", "not this one")
    shown = text(editor.get("/t/aero/"))
    assert "app-image V1.0: alice@example.org declined it." in shown and "not this one" in shown
    assert "declined it" not in text(admin.get("/t/aero/"))


def test_it_hides_other_teams_requests(admin, make_account, other_team, charlie, as_user):
    theirs = make_account(team=other_team, name="Theirs")
    other = Registration.objects.create(
        team=other_team, cloud_account=theirs, account_name="Theirs", region="cn-hangzhou", type="vm",
        name="their-image", state="requested", requested_by=charlie.email, requester=charlie,
    )  # fmt: skip
    assert badge(admin) is None and "their-image" not in text(admin.get("/t/aero/"))
    assert decide(admin, other, "approve").status_code == 404
    other.refresh_from_db()
    assert other.state == "requested"


def test_mails_are_turned_off_and_on(editor, eve, settings):
    assert "Turn these mails" not in text(editor.get("/t/aero/team/")), "without a mail server there are none"
    settings.MAIL_IS_SET = True
    for value, button in (("off", "Turn these mails on"), ("on", "Turn these mails off")):
        shown = text(editor.post("/mails/", {"mails": value, "next": "/t/aero/team/"}, follow=True))
        eve.refresh_from_db()
        assert eve.preferences["mails"] == value and button in shown


def test_counting_takes_the_index_made_for_it(asked, alice, eve):
    """However many the team has had."""
    past = {"team": asked.team, "region": "cn-hangzhou", "type": "vm", "requester": eve, "requested_by": eve.email}
    Registration.objects.bulk_create([Registration(**past, name=f"image-{n}", state="seen") for n in range(2000)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_registration")
        for user in (alice, eve):
            sql, params = to_be_seen(user.memberships.get())
            cursor.execute(f"EXPLAIN {sql}", params)
            assert "registration_to_be_seen" in "".join(row[0] for row in cursor.fetchall())
