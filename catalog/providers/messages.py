"""The messages of errors in the reader's language.

They are stored in English, as an error was met, and people of both languages read them. `in_words` finds which text a
message was made from. The texts are those of ProviderError and its like all over the catalog (a test holds each against
this table), and the clouds' own where their error tables give the Chinese beside the English. Anything else stays as it
came.
"""

import re

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

# The clouds': seeds ListContainerImages and AddImage, whose Chinese stands in locale/ word by word.
_OF_THE_CLOUDS = (
    _("The specified parameter %(what)s is invalid."),
    _("Unsupported container type: %(what)s."),
    _("The specified login node does not exist."),
    _("An Alibaba Cloud product error occurred."),
    _("A database service error occurred."),
    _("A database error occurred."),
    _("Failed to execute the command: %(what)s."),
    _("The agent service request failed."),
    _("You are not authorized by RAM for this request."),
    _("No authorization is granted."),
    _("An unknown error occurred."),
    _("The request has failed due to a temporary failure of the server."),
    _("The image id already exists."),
    _("Your account has overdue payments."),
    _("You have not enabled this service."),
    _("Image is still used by jobs."),
    _("The specified image does not exist."),
    _("An error occurred while calling the ECS API operation."),
)
# Those of a call that did not come to a believed answer.
_OF_THE_WIRE = (
    _("The answer was still arriving after five minutes."),
    _("The answer is larger than %(size)s MiB."),
    _("The proxy could not be reached or refused."),
    _("%(host)s has no valid certificate."),
    _("The host %(host)s was not found. Is the region right?"),
    _("%(host)s refused the connection."),
    _("%(host)s could not be reached."),
    _("%(host)s did not take the connection within %(seconds)s s."),
    _("The request could not be built."),
    _("%(host)s did not answer within %(seconds)s s."),
    _("The answer could not be unpacked."),
    _("%(host)s broke off in the middle of its answer."),
    _("%(host)s and Bootshelf could not agree on encryption."),
    _("%(host)s closed the connection without an answer."),
    _("The cloud answered with a redirect, which is not followed."),
    _("The cloud answered HTTP %(status)s, without a reason."),
    _("The cloud gave no reason."),
    _("The cloud reported a failure without a reason."),
    _("The answer is empty."),
    _("The answer is a web page, not JSON."),
    _("The answer is not JSON."),
    _("The answer does not have the documented shape."),
    _("The answer does not have the documented shape: %(problem)s."),
    _("%(name)s is not a list of objects"),
    _("%(name)s is not a number"),
    _("an item has no %(name)s"),
    _("an item is nested too deeply"),
    _("HTTP %(status)s. %(problem)s"),
    _("The vendor's SDK could not build the request (%(raised)s)."),
    _("Too many calls of this cloud account are waiting for their turn. This one was not sent."),
)
# Those of a call that cannot be made as it was asked for.
_OF_THE_ASKING = (
    _("The endpoint set for %(name)s is not a base URL."),
    _("The endpoint set for %(name)s is plain http:// and not on this machine."),
    _("There is no provider %(kind)s."),
    _("A region has 2 to 40 small letters, digits and hyphens, as in cn-hangzhou."),
    _("The account has no project named %(region)s. Give the project id with the credential."),
    _("The account has %(n)s projects named %(region)s. Give the project id with the credential."),
    _("The type is neither vm nor container."),
    _("The registration lacks %(name)s."),
    _("The credential is not a JSON object with %(names)s."),
    _("The credential has an unknown key; it takes %(names)s."),
    _("The credential has the unknown key %(name)s; it takes %(names)s."),
    _("The credential lacks %(name)s."),
    _("%(name)s in the credential is not text."),
    _("%(name)s in the credential is blank."),
    _("%(name)s in the credential has white space or characters that no key has."),
    _("This account is simulated and no simulator is running."),
    _("A real credential is never signed towards the simulator."),
    _("The stored credential does not open. Enter it again."),
)
# Those of a sync and of a registration.
_OF_THE_WORK = (
    _("%(problem)s It was read twice."),  # first: it holds one of the next
    _("The cloud counts %(counted)s images of %(cluster)s and listed %(listed)s."),
    _("The cloud counts %(counted)s images and listed %(listed)s."),
    _("The cloud counted %(first)s images of %(cluster)s at first and %(last)s in the end."),
    _("The cloud counted %(first)s images at first and %(last)s in the end."),
    _("The list of clusters stayed incomplete: %(came)s came, %(total)s were counted."),
    _("The list of images stayed incomplete: %(came)s came, %(total)s were counted."),
    _("The images of architecture x86 stayed incomplete: %(came)s came, %(total)s were counted."),
    _("The shelf changed while the listing was read."),
    _("The listing lacks %(lost)s of %(present)s images. Nothing was changed."),
    _("The worker was lost %(n)s times while it ran this sync."),
    _("The source was removed meanwhile."),
    _("Bootshelf itself failed. The log of the worker says where."),
    _("The sync was interrupted."),
    _("The database has no room left (%(state)s)."),
    _("The database refused what the sync wrote (%(state)s)."),
    _("An image of this name, version and type is on the shelf already."),
    _("Bootshelf was interrupted while the call was made."),
    _("The worker was stopped while the call was made."),
    _("The cloud account was deleted before this was sent."),
    _("The registry password does not open. Register the image again."),
    _("The cloud took the registration and did not say what became of it."),
    _("The cloud took the removal and did not say what became of it."),
    _("An admin looked and did not find the image."),
    _("An hour later the cloud still lists the image."),
)
TEXTS = (*_OF_THE_CLOUDS, *_OF_THE_WIRE, *_OF_THE_ASKING, *_OF_THE_WORK)
_LONGEST = 1000
_PLACE = re.compile(r"%\\\((\w+)\\\)s")


def _pattern(text: str) -> re.Pattern[str]:
    places = _PLACE.sub(r"(?P<\1>.+?)", re.escape(text))
    return re.compile(places.removesuffix(r"\.") + r"\.?" if text.endswith(".") else places, re.DOTALL)


_PATTERNS = [(_pattern(text), text) for text in TEXTS]


def in_words(message: str) -> str:
    """A message in the active language, or as it came where no text of this table made it."""
    if len(message) > _LONGEST:
        return message
    for pattern, text in _PATTERNS:
        if found := pattern.fullmatch(message):
            told = found.groupdict()
            if "problem" in told:
                told["problem"] = in_words(told["problem"])
            said = gettext(text)
            return message if said == text else said % told
    return message
