import sys
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from accounts.management.base import PlainCommand
from catalog import actions, registration
from catalog.registration_spec import PASSWORD, validate_spec, warnings

EXIT_CODES = {"succeeded": 0, "rejected": 1, "unknown": 3}


class Command(PlainCommand):
    help = (
        "Register an image in E-HPC (AddImage), sent once, by this process. The spec is JSON: "
        '{"type": "vm"|"container", "name", "version"?, "description"?, "image_id"?, "registry_url"?, "is_acr"?, '
        '"is_acr_enterprise"?, "registry_cri_id"?, "registry_server"?, "registry_user"?, "registry_password"?}. Prints '
        '{"state": "succeeded|rejected|unknown", "image_id", "error"} and exits 0, 1 or 3.'
    )
    always_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("team", metavar="TEAM", help="the team's slug")
        parser.add_argument("account", metavar="ACCOUNT_NAME", help="the name of a cloud account of the team")
        parser.add_argument("--region", required=True, help="where to register it, cn-hangzhou for one")
        parser.add_argument("--spec", required=True, metavar="FILE|-", help="a file with the JSON, or - for stdin")

    def handle(self, *args: Any, team: str, account: str, region: str, spec: str, json: bool, **options: Any) -> None:
        owner = self.team(team)
        payer = self.account(owner, account)
        document = self.read_json(spec, "spec")
        wanted, errors = validate_spec(document)
        if wanted is None:
            raise CommandError(
                " ".join(f"{field}: {message}" if field else message for field, message in errors.items())
            )
        password = document.get(PASSWORD) or None
        for field, warning in warnings(wanted, region, has_password=bool(password)):
            self.complain(f"Warning: {field}: {warning}")
        try:
            made = actions.create_registration(owner, "register_image", payer, region, wanted, password, queue=False)
        except actions.AlreadyOnShelf:
            self.end("rejected", None, registration.already_on_shelf().as_dict())
        try:
            registration.register(made.id, settings.FOREGROUND_PATIENCE_SECONDS)
        finally:  # also when it is interrupted: what was sent is told
            made.refresh_from_db()
            self.end(made.state, made.remote_id, made.error)

    def end(self, state: str, image_id: str | None, error: dict[str, Any] | None) -> NoReturn:
        """Print the outcome and exit. A call that is still under way, in this process or another, is unknown."""
        outcome = {"seen": "succeeded"}.get(state, state if state in EXIT_CODES else "unknown")
        told = {name: error[name] for name in ("operation", "code", "message", "request_id")} if error else None
        self.tell({"state": outcome, "image_id": image_id, "error": told}, "", True)
        if told:
            self.complain(f"{told['operation']}: {told['code']}: {told['message']}")
        sys.exit(EXIT_CODES[outcome])
