from django.urls import path

from accounts import views

urlpatterns = [
    path("", views.home, name="home"),
    path("t/<slug:slug>/team/", views.team_detail, name="team_detail"),
    path("t/<slug:slug>/team/second-factor/", views.second_factor_choose, name="second_factor_choose"),
    path("language/", views.language_choose, name="language_choose"),
    path("theme/", views.theme_choose, name="theme_choose"),
    path("keys/", views.keys_choose, name="keys_choose"),
    path("mails/", views.mails_choose, name="mails_choose"),
]
