"""What the browser keeps of a registration between form, review and sending: its coming id, signed for team and person.

The registry password is sealed under that id (actions.keep_password) and never travels back. Sending twice, as by a
double click or a reload, finds the registration of that id already there.
"""

from uuid import UUID, uuid4

from django.core import signing

from accounts.models import Team, User
from accounts.secrets import Secret, is_sealed
from catalog import actions
from catalog.models import Registration
from catalog.registration import TABLE
from catalog.registration_spec import PASSWORD

SALT = "catalog.review"
# Shorter than the password is kept (actions.registrations.REVIEW_LIFE).
LIFE_SECONDS = 30 * 60


def read_token(token: str, team: Team, user: User) -> UUID | None:
    """The id, if the token is ours, of this team and person, and not over."""
    try:
        document = signing.loads(token, salt=SALT, max_age=LIFE_SECONDS)
    except signing.BadSignature:
        return None
    if (document["team"], document["user"]) != (str(team.id), str(user.id)):
        return None
    return UUID(document["id"])


def make_token(registration_id: UUID, team: Team, user: User) -> str:
    document = {"id": str(registration_id), "team": str(team.id), "user": str(user.id)}
    return signing.dumps(document, salt=SALT)


def begin(team: Team, password: Secret[str] | None, earlier: UUID | None) -> UUID:
    """The id of the coming registration: a new one for a password just typed, or where the earlier one was used up."""
    if password:
        return actions.keep_password(team, password)
    if earlier is None or Registration.objects.filter(id=earlier).exists():
        return uuid4()
    return earlier


def has_password(team: Team, registration_id: UUID | None) -> bool:
    return registration_id is not None and is_sealed(team.id, TABLE, registration_id, PASSWORD)
