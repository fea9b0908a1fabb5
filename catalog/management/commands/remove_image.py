from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from accounts.management.base import PlainCommand
from accounts.models import Team
from catalog import actions, removal
from catalog.management.outcomes import end
from catalog.models import Image
from catalog.outcome_forms import word_of
from catalog.providers import REGISTERED_KIND


class Command(PlainCommand):
    help = (
        "Remove a registered image from E-HPC (RemoveImage), sent once, by this process. On the shelf it is missing "
        'when a sync agrees. Prints {"state": "succeeded|rejected|unknown", "image_id", "error"} and exits 0, 1 or 3.'
    )
    always_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("team", metavar="TEAM", help="the team's slug")
        parser.add_argument("image", metavar="IMAGE", help="the id `images` gives, or the image's ID in E-HPC")
        told = "its name, to confirm (its ID in E-HPC where the name is long)"
        parser.add_argument("--confirm", required=True, metavar="NAME", help=told)

    def handle(self, *args: Any, team: str, image: str, confirm: str, **options: Any) -> None:
        owner = self.team(team)
        found = self.image(owner, image)
        if " ".join(confirm.split()) != word_of(found):
            raise CommandError(f"This is not what the image is called: confirm with {word_of(found)!r}.")
        made = actions.create_removal(owner, "remove_image", found, queue=False)
        try:
            removal.remove(made.id, settings.FOREGROUND_PATIENCE_SECONDS)
        finally:  # also when it is interrupted: what was sent is told
            made.refresh_from_db()
            end(self, made.state, made.remote_id, made.error)

    def image(self, team: Team, text: str) -> Image:
        """By its id here, or by the cloud's, which may stand in several versions and places."""
        listed = Image.objects.filter(team=team).select_related("source__cloud_account")
        by_id = listed.filter(id=text) if _is_uuid(text) else Image.objects.none()
        registered = listed.filter(remote_id=text, source__kind__in=REGISTERED_KIND.values(), missing_since=None)
        found = list(by_id or registered.filter(source__archived_at=None)[:10])
        if not found:
            raise CommandError(f"The team {team.slug} has no registered image {text!r}.")
        if len(found) > 1:
            named = ", ".join(f"{one.id} ({one.name} {one.version or ''} {one.region})" for one in found)
            raise CommandError(f"Several images have this ID. Say which: {named}.")
        return found[0]


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
