"""What a cloud, a colleague or whoever names an image may write, in every text that pages show."""

from typing import Any

from django.db.models import CharField, JSONField, Model, TextField

from accounts.models import CloudAccount, Team, User
from catalog.models import (
    Batch,
    Breaker,
    Image,
    ImageChange,
    Registration,
    Removal,
    SavedView,
    Source,
    SyncRun,
)
from tests.catalog.shelf import put
from tests.isolation.world import World

MARK = "zzpwn"
RTL = "\u202e"
# A formula, a way out of an attribute of either quote, of a script and of a title, a door for HTMX, and text that turns
# what comes after it around.
SPOILED = (
    f"=1+1'\"><b data-{MARK} hx-get=/{MARK}/ hx-trigger=load>{RTL}x</b><script>window.{MARK}=1</script>"
    f"<img src=/{MARK}.png onerror=window.{MARK}=1></title></textarea>{{{{ 7|add:7 }}}}&lt;javascript:{MARK}"
)
# What turns text around is taken out of a cloud's errors as they come in (catalog/providers/answers.py).
PRINTABLE = SPOILED.replace(RTL, "")
ERROR = {
    "operation": PRINTABLE, "code": PRINTABLE, "message": PRINTABLE * 20, "request_id": PRINTABLE, "kind": "invalid",
    "outcome_known": False,
}  # fmt: skip
# What of these models is text that somebody wrote; all else is a word of ours, an address or an ID that was checked.
TEXTS: dict[type[Model], tuple[str, ...]] = {
    Team: ("name",),
    User: ("name",),
    CloudAccount: ("name",),
    Source: ("account_name", "last_error"),
    SyncRun: ("error",),
    SavedView: ("name",),
    Batch: ("account_name", "title"),
    Registration: (
        "account_name", "name", "version", "description", "vm_image_id", "registry_url", "registry_server",
        "registry_user", "registry_cri_id", "remote_id", "request_id", "decision_word", "error",
    ),
    Removal: ("account_name", "name", "version", "remote_id", "request_id", "error"),
    Breaker: ("error",),
    ImageChange: ("before", "after"),
}  # fmt: skip


def spoil(world: World) -> None:
    """Everything of the team that is shown says SPOILED; the images that do are the world's last ones."""
    for model, names in TEXTS.items():
        for row in model._base_manager.all():
            if row == world.admin:  # what they call themselves is theirs to see
                continue
            changed = {
                name: _spoiled(model, name, str(row.pk)[-6:]) for name in names if getattr(row, name) is not None
            }
            model._base_manager.filter(pk=row.pk).update(**changed)
    for n, source in enumerate(world.sources):
        source.refresh_from_db()
        world.images.append(_image(source, n))
    for row in (world.team, world.admin, world.account):
        row.refresh_from_db()


def _spoiled(model: type[Model], name: str, own: str) -> Any:
    """`own` makes it unlike the others, whatever is cut off."""
    field = model._meta.get_field(name)
    if isinstance(field, JSONField):
        return ERROR
    assert isinstance(field, CharField | TextField)
    return SPOILED[: field.max_length - len(own) if field.max_length else None] + own


def _image(source: Source, n: int) -> Image:
    container = source.kind == "alibaba_ehpc_container"
    own: dict[str, Any] = {"type": "container", "repository": SPOILED, "tag": SPOILED} if container else {}
    return put(
        source, SPOILED + "名" * 300_000, key=f"spoiled {n}", remote_id=f"{SPOILED}{n}", version=SPOILED,
        description=SPOILED * 2_000, distribution=SPOILED, os_version=SPOILED, disk_format=SPOILED, status=SPOILED,
        cluster=SPOILED[:200], os="linux", arch="x86_64", visibility="private", extra={SPOILED: SPOILED},
        document={SPOILED: [SPOILED, {SPOILED: SPOILED}], "long": "x" * 1_000_000}, **own,
    )  # fmt: skip


# Every text with RTL in it that could turn around what is beside it in its line: not alone there, and not isolated.
ISOLATED = f"""
() => {{
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {{
    const text = walker.currentNode.data;
    let element = walker.currentNode.parentElement;
    if (!text.includes("{RTL}") || ["OPTION", "TEXTAREA", "SCRIPT", "STYLE"].includes(element.tagName)) continue;
    let style = getComputedStyle(element);
    while (["inline", "contents"].includes(style.display) && !/isolate|plaintext/.test(style.unicodeBidi)) {{
      element = element.parentElement;
      style = getComputedStyle(element);
    }}
    const alone = element.textContent.trim() === text.trim();
    if (style.display !== "inline" && !alone)
      found.push(element.tagName + "." + element.className + ": " + element.textContent.trim().slice(0, 60));
  }}
  return found;
}}"""
