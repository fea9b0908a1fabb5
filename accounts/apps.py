from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in

        from accounts import (
            checks,  # noqa: F401 - registers the system checks
            security_events,
            sessions,
        )

        user_logged_in.connect(sessions.begin, dispatch_uid="session-begins")
        security_events.connect()
