"""The words for every error: by the cloud's code, else by the kind of ProviderError. catalog/errors.py finds them.

The tables are the seeds' own error tables, with what the clouds answer to a wrong key. What Bootshelf itself finds is
in catalog/own_error_words.py.
"""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Words(NamedTuple):
    label: Promise
    title: Promise
    advice: Promise
    needs_grant: bool = False
    passes: bool = False  # trouble that may be over when it is tried again
    needs_key: bool = False  # another credential mends it


_SUPPORT = _("If it lasts, quote the request ID to the cloud's support.")

RETRIED = _("Nothing to do now: Bootshelf tries again by itself at the next sync.")
TRY_AGAIN = _("Try again in a moment.")
_NEW_KEY = _("Replace the credential of this cloud account with a key that works.")
_OPEN_KIND = _("Look at the cloud's own message. If it does not help, quote the request ID to the cloud's support.")

BY_KIND: dict[str, Words] = {
    "authentication": Words(
        _("Credential refused"), _("The cloud does not accept this credential."), _NEW_KEY, needs_key=True
    ),
    "permission": Words(
        _("Not allowed"),
        _("The credential is valid but is not allowed to do this."),
        _("Have an administrator of the cloud account grant the permission, then try again."),
        True,
    ),
    "billing": Words(
        _("In debt"),
        _("The cloud refuses because the account has overdue payments."),
        _("Settle the bill in the cloud's billing console, then try again."),
    ),
    "not_enabled": Words(
        _("Not enabled"),
        _("This product is not switched on in the cloud account."),
        _("Open the product's console once with the cloud account and enable the service, then try again."),
    ),
    "not_found": Words(
        _("Not found"),
        _("What was asked for does not exist there."),
        _("Check the region and the IDs. If it was removed on purpose, stop listing it."),
    ),
    "invalid": Words(
        _("Not accepted"),
        _("The cloud does not accept one of the values sent."),
        _("Check the region, the IDs and the other values against the cloud's message, correct them and try again."),
    ),
    "conflict": Words(
        _("Already exists"),
        _("Something of this kind is already there."),
        _("Use what exists, or choose another name or version."),
    ),
    "throttled": Words(
        _("Too many calls"),
        _("The cloud asks for fewer calls: its limit for this account was reached."),
        _("If it happens often, sync less often."),
        passes=True,
    ),
    "unavailable": Words(_("Cloud trouble"), _("The cloud has trouble of its own."), _SUPPORT, passes=True),
    "unreachable": Words(
        _("Unreachable"),
        _("The cloud could not be reached, or the connection was cut."),
        _("If it lasts, check the region's spelling, this server's network, its proxy and its name service."),
        passes=True,
    ),
    "malformed": Words(
        _("Odd answer"),
        _("The answer is not of the documented shape, so it was not believed."),
        _("A proxy that answers in the cloud's place is a common cause."),
        passes=True,
    ),
    "incomplete": Words(
        _("Incomplete"),
        _("The listing was not complete, so nothing was changed."),
        _("Images added or removed during the sync are a common cause."),
        passes=True,
    ),
    "too_large": Words(
        _("Too large"),
        _("The answer is larger than Bootshelf reads."),
        _("Narrow the source so that it lists less: by cluster, owner or system."),
    ),
}
OPEN = Words(_("Failed"), _("The call failed."), _OPEN_KIND)

_PERMISSION, _UNAVAILABLE = BY_KIND["permission"], BY_KIND["unavailable"]
_INVALID_FIELD = Words(
    BY_KIND["invalid"].label,
    _("The cloud does not accept the value of one field."),
    _("Correct the field that the cloud's message names and try again."),
)

# What another call says otherwise.
BY_OPERATION: dict[tuple[str, str], Words] = {
    ("RemoveImage", "AccountDeleted"): Words(
        _("Account deleted"),
        _("The cloud account was deleted before this was sent."),
        _("Remove the image in the E-HPC console."),
    ),
}

BY_CODE: dict[str, Words] = {
    # Seeds ListCustomImages, ListContainerImages, DescribeImageInfos, AddImage.
    "NotAuthorized": _PERMISSION,
    "NoPermission": _PERMISSION,
    "NotEnabled": BY_KIND["not_enabled"],
    "InDebt": BY_KIND["billing"],
    "InvalidParams": _INVALID_FIELD,
    "InvalidParameter": _INVALID_FIELD,
    "MissingParameter": Words(
        BY_KIND["invalid"].label,
        _("The cloud misses a value it needs."),
        _("Fill in the field that the cloud's message names and try again."),
    ),
    "InvalidContainerType": Words(
        BY_KIND["invalid"].label,
        _("This cluster does not support the container type that was asked for."),
        _("Use a cluster with Singularity or Docker switched on."),
    ),
    "ImageNotFound": Words(
        _("Image not found"),
        _("The cloud does not know this image."),
        _("Check the image ID and its region: an ECS image exists in one region only."),
    ),
    "ImageAlreadyExists": Words(
        _("Already exists"),
        _("This image is registered already: by its name, version and type, or by its image ID."),
        _("Use the image that exists, or choose another name or version."),
    ),
    "ImageInUse": Words(
        _("In use"), _("Jobs still use this image."), _("Wait until these jobs end, or stop them, then try again.")
    ),
    "LoginNotFound": Words(
        _("No login node"),
        _("The cluster has no login node that answers, and container images are read through it."),
        _("Start the cluster's login node in the E-HPC console, then try again."),
    ),
    "InstanceIdNotFound": Words(
        BY_KIND["not_found"].label, _("The cloud does not know this instance."), BY_KIND["not_found"].advice
    ),
    "EcsError": Words(_UNAVAILABLE.label, _("E-HPC could not call ECS, on which it depends."), _SUPPORT, passes=True),
    "AliyunError": Words(
        _UNAVAILABLE.label,
        _("Another Alibaba Cloud product, on which this one depends, failed."),
        _SUPPORT,
        passes=True,
    ),
    "DbError": Words(_UNAVAILABLE.label, _("The cloud's own database failed."), _SUPPORT, passes=True),
    "ExecFail": Words(
        _UNAVAILABLE.label,
        _("The cluster failed to run the command that lists its images."),
        _("Check the cluster in the E-HPC console."),
        passes=True,
    ),
    "AgentError": Words(
        _UNAVAILABLE.label,
        _("The agent inside the cluster does not answer."),
        _("Check in the E-HPC console that the cluster is running."),
        passes=True,
    ),
    "UnknownError": Words(
        _UNAVAILABLE.label, _("The cloud itself does not know what went wrong."), _SUPPORT, passes=True
    ),
    "CallInterface": Words(
        _UNAVAILABLE.label, _("The cloud failed while it carried out the call."), _SUPPORT, passes=True
    ),
    "ServiceUnavailable": Words(
        _UNAVAILABLE.label, _("The cloud's service is unavailable for the moment."), _SUPPORT, passes=True
    ),
    # Seed Huawei Workspace: the HTTP status is what is documented.
    "400": BY_KIND["invalid"],
    "401": BY_KIND["authentication"],
    "403": _PERMISSION,
    "404": BY_KIND["not_found"],
    "405": Words(
        BY_KIND["invalid"].label,
        _("The cloud does not offer this operation at this address."),
        _("Check that Workspace is offered in this region. If an operator set the endpoint, check it."),
    ),
    "500": _UNAVAILABLE,
    "503": BY_KIND["unavailable"],
    # What both vendors answer to a key that is wrong, off or over.
    "InvalidAccessKeyId": Words(
        _("Key unknown"),
        _("The cloud does not know this access key, or it is switched off."),
        _NEW_KEY,
        needs_key=True,
    ),
    "SignatureDoesNotMatch": Words(
        _("Wrong secret"),
        _("The secret does not belong to this access key."),
        _("Enter the key and its secret again, both from the same key pair."),
        needs_key=True,
    ),
    "IncompleteSignature": Words(
        _("Wrong secret"), _("The cloud does not accept the signature."), _NEW_KEY, needs_key=True
    ),
    "InvalidSecurityToken": Words(
        _("Token expired"),
        _("The STS token is over or does not belong to this key."),
        _("Replace the credential with a fresh STS token, or with a lasting key."),
        needs_key=True,
    ),
    "InvalidTimeStamp": Words(
        _("Clock is off"),
        _("The clock of this server differs too much from the cloud's."),
        _("Set the server's clock by NTP, then try again."),
    ),
}
