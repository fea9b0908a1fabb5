from django.urls import include, path

from config.health import health

urlpatterns = [
    path("health/", health, name="health"),
    path("account/", include("accounts.account_urls")),
    path("", include("accounts.urls")),
    path("", include("catalog.urls")),
]

handler400 = "accounts.views.bad_request"
handler403 = "accounts.views.forbidden"
handler404 = "accounts.views.not_found"
handler500 = "accounts.views.server_error"
handler429 = "accounts.views.too_many"
