from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from allauth.account.signals import authentication_step_completed, password_changed, password_set
        from django.contrib.auth.signals import user_logged_in

        from accounts import (
            checks,  # noqa: F401 - registers the system checks
            security_events,
            sessions,
        )

        user_logged_in.connect(sessions.begin, dispatch_uid="session-begins")
        for signal in (user_logged_in, password_changed, password_set):
            signal.connect(sessions.note_place, dispatch_uid="session-placed")
        authentication_step_completed.connect(sessions.renew, dispatch_uid="session-renewed")
        security_events.connect()
