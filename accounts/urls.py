from django.urls import path

from accounts import views

urlpatterns = [
    path("", views.home, name="home"),
    path("teams/add/", views.team_add, name="team_add"),
    path("t/<slug:slug>/team/", views.team_detail, name="team_detail"),
    path("t/<slug:slug>/team/rename/", views.team_rename, name="team_rename"),
    path("t/<slug:slug>/team/leave/", views.team_leave, name="team_leave"),
    path("t/<slug:slug>/team/transfer/", views.team_transfer, name="team_transfer"),
    path("t/<slug:slug>/team/members/<uuid:member_id>/", views.member_edit, name="member_edit"),
    path("t/<slug:slug>/team/members/<uuid:member_id>/remove/", views.member_remove, name="member_remove"),
    path("t/<slug:slug>/team/second-factor/", views.second_factor_choose, name="second_factor_choose"),
    path("t/<slug:slug>/team/invite/", views.invitation_add, name="invitation_add"),
    path(
        "t/<slug:slug>/team/invitations/<uuid:invitation_id>/resend/", views.invitation_resend, name="invitation_resend"
    ),
    path(
        "t/<slug:slug>/team/invitations/<uuid:invitation_id>/revoke/", views.invitation_revoke, name="invitation_revoke"
    ),
    path("invitations/<str:token>/", views.invitation_open, name="invitation_open"),
    path("invitation/", views.invitation_accept, name="invitation_accept"),
    path("language/", views.language_choose, name="language_choose"),
    path("theme/", views.theme_choose, name="theme_choose"),
    path("keys/", views.keys_choose, name="keys_choose"),
    path("mails/", views.mails_choose, name="mails_choose"),
]
