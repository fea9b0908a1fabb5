"""May this person see this row: strangers are led to the sign-in page, outsiders get 404, weak roles 403."""

import uuid

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.test import RequestFactory
from django_htmx.middleware import HtmxMiddleware

from accounts.access import SignInRequired, get_row, get_team, team_context
from accounts.middleware import SignInMiddleware
from accounts.models import CloudAccount, Membership

pytestmark = [pytest.mark.access, pytest.mark.django_db]


def request_of(user, path="/t/aero/images/", **extra) -> HttpRequest:
    request = RequestFactory().get(path, **extra)
    request.user = user
    return request


@pytest.mark.parametrize(
    ("role", "wanted", "let_in"),
    [
        (role, wanted, place >= needed)
        for place, role in enumerate(("viewer", "editor", "admin"))
        for needed, wanted in enumerate(("viewer", "editor", "admin"))
    ],
)
def test_a_member_gets_in_with_the_role_or_a_stronger_one(team, bob, role, wanted, let_in):
    Membership.objects.update(role=role)
    if let_in:
        request = request_of(bob)
        assert get_team(request, "aero", wanted) == team
        assert request.membership.role == role
    else:
        with pytest.raises(PermissionDenied):
            get_team(request_of(bob), "aero", wanted)


def test_an_outsider_cannot_tell_a_team_from_none(team, charlie):
    for slug in ("aero", "no-such-team"):
        with pytest.raises(Http404):
            get_team(request_of(charlie), slug)


def test_a_stranger_must_sign_in_whether_the_team_exists_or_not(team):
    for slug in ("aero", "no-such-team"):
        with pytest.raises(SignInRequired):
            get_team(request_of(AnonymousUser()), slug)


def test_the_answer_takes_one_query(team, alice, django_assert_num_queries):
    with django_assert_num_queries(1):
        get_team(request_of(alice), "aero", "admin")


def test_a_row_of_another_team_is_not_there(team, other_team, make_account):
    theirs = make_account(team=other_team)
    with pytest.raises(Http404):
        get_row(CloudAccount.objects.all(), team, theirs.id)
    assert get_row(CloudAccount.objects.all(), other_team, theirs.id) == theirs


def test_a_row_that_does_not_exist_is_not_there_either(team):
    with pytest.raises(Http404):
        get_row(CloudAccount.objects.all(), team, uuid.uuid4())


def test_templates_learn_what_the_role_allows(team, eve):
    request = request_of(eve)
    assert team_context(request) == {}
    get_team(request, "aero")
    context = team_context(request)
    assert (context["team"], context["may_edit"], context["may_admin"]) == (team, True, False)


# The way to the sign-in page


def led(request: HttpRequest) -> HttpResponse:
    HtmxMiddleware(lambda r: HttpResponse())(request)
    found = SignInMiddleware(lambda r: HttpResponse()).process_exception(request, SignInRequired())
    assert found is not None
    return found


def test_a_stranger_is_led_to_the_sign_in_page_and_back(db):
    assert led(RequestFactory().get("/t/aero/images/?os=linux")).url == (
        "/account/login/?next=/t/aero/images/%3Fos%3Dlinux"
    )


def test_a_fragment_asks_for_the_whole_page_to_sign_in(db):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/t/aero/images/?q=x"}
    response = led(RequestFactory().get("/t/aero/images/?q=xy", headers=headers))
    assert response.headers["HX-Redirect"] == "/account/login/?next=/t/aero/images/%3Fq%3Dx"


def test_a_fragment_from_elsewhere_leads_nowhere_else(db):
    headers = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/t/aero/"}
    response = led(RequestFactory().get("/t/aero/images/", headers=headers))
    assert response.headers["HX-Redirect"] == "/account/login/?next=/t/aero/images/"


def test_what_was_posted_is_not_gone_back_to(db):
    assert led(RequestFactory().post("/t/aero/sources/add/")).url == "/account/login/?next=/"


def test_other_exceptions_are_left_alone(db):
    assert SignInMiddleware(lambda r: HttpResponse()).process_exception(RequestFactory().get("/"), ValueError()) is None


# Home


def test_home_leads_a_member_to_the_images_of_the_team(alice, as_user):
    assert as_user(alice).get("/").url == "/t/aero/images/"


def test_home_says_so_where_there_is_no_team(alice, as_user):
    Membership.objects.all().delete()
    assert as_user(alice).get("/").status_code == 200
