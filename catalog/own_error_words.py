"""The words for what Bootshelf finds itself, by its own codes. catalog/errors.py finds them."""

from django.utils.translation import gettext_lazy as _

from catalog.error_words import BY_KIND, Words

OWN: dict[str, Words] = {
    "Abandoned": Words(
        _("Worker lost"),
        _("The worker was lost again and again while it ran this sync."),
        _("Have the operator look at the worker's log and its memory, then press Sync now."),
    ),
    "Interrupted": Words(
        _("Interrupted"),
        _("Bootshelf was stopped while it was at work."),
        _("If it lasts, have the operator look at the worker's log."),
        passes=True,
    ),
    "Internal": Words(
        _("Our fault"), _("Bootshelf itself failed."), _("Have the operator look at the worker's log."), passes=True
    ),
    "Database": Words(
        _("Our database"),
        _("Bootshelf's database refused what the sync wrote."),
        _("Have the operator look at the worker's log."),
        passes=True,
    ),
    "DatabaseFull": Words(
        _("Database full"),
        _("Bootshelf's database has no room left."),
        _("Have the operator make room on its disks."),
        passes=True,
    ),
    "SourceRemoved": Words(
        _("Source removed"), _("The source was deleted while it was listed."), _("There is nothing to do.")
    ),
    "SuspectListing": Words(
        _("Needs a look"),
        _("The listing is complete but lacks so many images that a mistake is likelier than a loss."),
        _("Look in the cloud's console. If the images are really gone, an admin accepts the listing on its page."),
    ),
    "InvalidRegion": Words(
        BY_KIND["invalid"].label,
        _("This is not the name of a region."),
        _("Delete the source and add it again with a region such as cn-hangzhou."),
    ),
    "InvalidEndpoint": Words(
        _("Wrong endpoint"),
        _("The address that the operator set for this cloud cannot be used."),
        _("Have the operator correct PROVIDER_ENDPOINTS."),
    ),
    "AccountDeleted": Words(
        _("Account deleted"),
        _("The cloud account was deleted before this was sent."),
        _("Register the image again with another cloud account."),
    ),
    "BatchCancelled": Words(
        _("Not sent"),
        _("The batch was cancelled before this was sent."),
        _("Register what is missing again from the page of the batch."),
    ),
    "BatchStopped": Words(
        _("Not sent"),
        _("The cloud refused an image before it for a reason that holds for the others too."),
        _("Look at what the batch's page says of it. Once that is mended, register the rejected again from there."),
    ),
    "NotThere": Words(
        _("Not there"),
        _("An admin looked and did not find the image."),
        _("Register it again. Should it be there after all, the cloud says so."),
    ),
    "StillListed": Words(
        _("Still there"),
        _("The cloud still lists the image an hour after it was asked to remove it."),
        _("Remove it once more. If it stays, remove it in the E-HPC console."),
    ),
    "PasswordUnreadable": Words(
        _("Password unreadable"),
        _("The stored registry password does not open with the keys this server has."),
        _("Register the image again and enter the password anew."),
    ),
    "CredentialUnreadable": Words(
        _("Key unreadable"),
        _("The stored credential does not open with the keys this server has."),
        _("Enter the credential again, or have the operator put the right keyset back."),
        needs_key=True,
    ),
    "KeysetMissing": Words(
        _("No keyset"),
        _("This server lacks the keyset that opens what it sealed. Nothing was sent to the cloud."),
        _("Have the operator set BOOTSHELF_KEYSET, then try again."),
    ),
    "NoSimulator": Words(
        _("No simulator"),
        _("This account is simulated, and no simulator is running."),
        _("Start Bootshelf with ./run, which brings the simulator along, or connect a real cloud account."),
    ),
    "RealCredential": Words(
        _("Refused here"),
        _("A real credential is never signed towards the simulator."),
        _("Have the operator take the simulator out of PROVIDER_ENDPOINTS."),
    ),
}
