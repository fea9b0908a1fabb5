import sys
from pathlib import PurePath
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from accounts.management.base import PlainCommand, as_json
from accounts.models import CloudAccount, Team
from accounts.secrets import Secret
from catalog import actions, batch_files, batches, registration
from catalog.actions.base import checked_region
from catalog.batch_command import Outcome, Sending
from catalog.management.outcomes import end
from catalog.registration_spec import PASSWORD, validate_spec, warnings

REFUSED = 2
LISTS = (".csv", ".tsv", ".yaml", ".yml")
LIST_BEGINS = (b"[", b"- ", b"-\n", b"-\r", b"#", b"---", b"%YAML")


class Command(PlainCommand):
    help = (
        "Register an image in E-HPC (AddImage), sent once, by this process. The spec is JSON: "
        '{"type": "vm"|"container", "name", "version"?, "description"?, "image_id"?, "registry_url"?, "is_acr"?, '
        '"is_acr_enterprise"?, "registry_cri_id"?, "registry_server"?, "registry_user"?, "registry_password"?}. Prints '
        '{"state": "succeeded|rejected|unknown", "image_id", "error"} and exits 0, 1 or 3. '
        "Or a list of up to 500 such, each with a region of its own if it likes: in JSON or YAML, or a CSV with these "
        "columns, by the file's ending (.csv, .yaml). A list is checked as a whole first: with an error anywhere, each "
        "is told by its row and field, nothing is sent, and it exits 2. Else one image after another is sent, and a "
        "line for each is printed, with --json {row, name, version, region, state "
        "(succeeded|on_shelf|rejected|not_sent|unknown), image_id, error}; exits 0 if all are on the shelf, 1 if any "
        "was rejected or not sent, 3 if the outcome of any is unknown. Given again, also after it was interrupted, it "
        "goes on where it was: no image is sent twice."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("team", metavar="TEAM", help="the team's slug")
        parser.add_argument("account", metavar="ACCOUNT_NAME", help="the name of a cloud account of the team")
        parser.add_argument("--region", required=True, help="where to register it, cn-hangzhou for one")
        parser.add_argument(
            "--spec", required=True, metavar="FILE|-", help="a file with the spec or the list, or - for stdin"
        )

    def handle(self, *args: Any, team: str, account: str, region: str, spec: str, json: bool, **options: Any) -> None:
        owner = self.team(team)
        payer = self.account(owner, account)
        data = Secret(self.read_bytes(spec, "spec"))
        if is_list(data, spec):
            self.register_list(owner, payer, region, data, spec, json)
        else:
            self.register_one(owner, payer, region, Secret(as_json(data.reveal(), "spec")))

    def register_one(self, owner: Team, payer: CloudAccount, region: str, document: Secret[Any]) -> NoReturn:
        wanted, errors = validate_spec(document.reveal())
        if wanted is None:
            raise CommandError(
                " ".join(f"{field}: {message}" if field else message for field, message in errors.items())
            )
        password = Secret(document.reveal()[PASSWORD]) if document.reveal().get(PASSWORD) else None
        for field, warning in warnings(wanted, region, has_password=bool(password)):
            self.complain(f"Warning: {field}: {warning}")
        try:
            made = actions.create_registration(owner, "register_image", payer, region, wanted, password, queue=False)
        except actions.AlreadyOnShelf:
            end(self, "rejected", None, registration.already_on_shelf().as_dict())
        try:
            registration.register(made.id, settings.FOREGROUND_PATIENCE_SECONDS)
        finally:  # also when it is interrupted: what was sent is told
            made.refresh_from_db()
            end(self, made.state, made.remote_id, made.error)

    def register_list(
        self, owner: Team, payer: CloudAccount, region: str, data: Secret[bytes], path: str, as_json: bool
    ) -> NoReturn:
        title = "" if path == "-" else PurePath(path).name
        check = self.checked(data, title, region)
        sending = Sending(owner, "register_image", payer, title, check, settings.FOREGROUND_PATIENCE_SECONDS)
        if not as_json:
            self.stdout.write(Outcome.header())
        try:
            for outcome in sending:
                self.show(outcome, as_json)
        except KeyboardInterrupt:
            for outcome in sending.interrupted():
                self.show(outcome, as_json)
            self.complain("Interrupted: what was not sent is not sent any more. The same again goes on from here.")
        told = sending.states()
        self.complain(", ".join(f"{n} {state}" for state, n in told.items()) + f" of {len(check.rows)}.")
        sys.exit(3 if "unknown" in told else 1 if told.keys() & {"rejected", "not_sent"} else 0)

    def checked(self, data: Secret[bytes], title: str, region: str) -> batches.Check:
        """The list, without an error; else each is told, and that is all."""
        try:
            check = batches.check_file(batch_files.read_file(data.reveal(), title), checked_region(region))
        except batch_files.NotReadable as error:
            raise CommandError(str(error), returncode=REFUSED) from None
        for one in check.errors:
            self.complain(f"{batches.named(check.unit, one.at)}: {one.field and f'{one.field}: '}{one.sentence}")
        if check.errors:
            at_fault = len({one.at for one in check.errors})
            raise CommandError(
                f"Nothing was sent: {at_fault} of {check.total} images are not as they must be.", returncode=REFUSED
            )
        for one in check.warnings:
            self.complain(f"Warning: {batches.named(check.unit, one.at)}: {one.field}: {one.sentence}")
        return check

    def show(self, outcome: Outcome, as_json: bool) -> None:
        self.tell(outcome.as_dict(), outcome.line(), as_json)
        self.stdout.flush()


def is_list(data: Secret[bytes], path: str) -> bool:
    """Whether it is several specs: by its ending, or since it is a list in JSON or YAML. One spec is a JSON object."""
    begin = data.reveal().removeprefix(b"\xef\xbb\xbf").lstrip()
    return PurePath(path).suffix.lower() in LISTS or begin.startswith(LIST_BEGINS)
