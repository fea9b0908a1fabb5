"""A person's own pages, and those of allauth that this product uses: no others exist. What changes something runs in a
transaction, for its audit row.
"""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from allauth.socialaccount import views as sso
from django.db.transaction import atomic
from django.urls import path, re_path
from django.views.generic import RedirectView

from accounts import single_sign_on
from accounts.views import account as ours

urlpatterns = [
    path("", ours.your_account, name="your_account"),
    path("sessions/", ours.session_list, name="session_list"),
    # Signing in and out
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("signup/", atomic(account.signup), name="account_signup"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    # Email and password
    path("email/", atomic(account.email), name="account_email"),
    path("confirm-email/", account.email_verification_sent, name="account_email_verification_sent"),
    re_path(r"^confirm-email/(?P<key>[-:\w]+)/$", atomic(account.confirm_email), name="account_confirm_email"),
    path("password/change/", atomic(account.password_change), name="account_change_password"),
    path("password/set/", atomic(account.password_set), name="account_set_password"),
    path("password/reset/", account.password_reset, name="account_reset_password"),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    path("password/reset/key/done/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        atomic(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    # The second factor
    path("second-factor/", mfa.index, name="mfa_index"),
    path("second-factor/ask/", atomic(mfa.authenticate), name="mfa_authenticate"),
    path("second-factor/confirm/", atomic(mfa.reauthenticate), name="mfa_reauthenticate"),
    path("second-factor/app/", atomic(totp.activate_totp), name="mfa_activate_totp"),
    path("second-factor/app/remove/", atomic(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("second-factor/codes/", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("second-factor/codes/renew/", ours.recovery_codes_renew, name="mfa_generate_recovery_codes"),
    path("second-factor/codes/download/", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("passkeys/", RedirectView.as_view(pattern_name="mfa_index"), name="mfa_list_webauthn"),
    path("passkeys/add/", atomic(passkeys.add_webauthn), name="mfa_add_webauthn"),
    path("passkeys/confirm/", passkeys.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("passkeys/login/", passkeys.login_webauthn, name="mfa_login_webauthn"),
    path("passkeys/<int:pk>/edit/", atomic(passkeys.edit_webauthn), name="mfa_edit_webauthn"),
    path("passkeys/<int:pk>/remove/", atomic(passkeys.remove_webauthn), name="mfa_remove_webauthn"),
    # Single sign-on: 404 where the settings name no provider
    path("sso/<slug:provider_id>/login/", single_sign_on.login, name="openid_connect_login"),
    path("sso/<slug:provider_id>/login/callback/", atomic(single_sign_on.callback), name="openid_connect_callback"),
    path("sso/cancelled/", sso.login_cancelled, name="socialaccount_login_cancelled"),
    path("sso/error/", sso.login_error, name="socialaccount_login_error"),
    path("sso/signup/", atomic(sso.signup), name="socialaccount_signup"),
]
