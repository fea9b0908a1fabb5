from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"

    def ready(self) -> None:
        from accounts.switching import switched_off
        from catalog.actions.feeds import end_feeds

        switched_off.connect(end_feeds, dispatch_uid="feeds-end")
