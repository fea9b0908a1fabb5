from allauth.usersessions.apps import UserSessionsConfig


class PlacesConfig(UserSessionsConfig):
    """allauth's table of where people are signed in, without the receivers that would keep the keys of the sessions:
    accounts/sessions.py fills it.
    """

    def ready(self) -> None:
        pass
