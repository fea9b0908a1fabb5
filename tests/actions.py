"""What the product's own code calls its actions in the audit trail."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_ACTION = re.compile(r"[a-z_]+\.[a-z_]+")
# Where a name is put together, and what it comes to.
MADE = {
    "catalog/actions/outcomes.py": {"registration.lookup_requested", "removal.lookup_requested"},
    "catalog/actions/overrides.py": {"image.overridden", "image.override_removed"},
    "catalog/actions/registrations.py": {"registration.requested"},
    "catalog/actions/requests.py": {
        f"registration.{way}" for way in ("approved", "declined", "withdrawn", "expired", "dropped")
    },
    "catalog/shelving.py": {"registration.seen", "removal.seen"},
    "catalog/writes.py": {"registration.confirmed", "registration.denied"}
    | {f"{noun}.{way}" for noun in ("registration", "removal") for way in ("succeeded", "rejected", "unknown")},
}  # fmt: skip


def actions_in_code() -> set[str]:
    """Every action that a module which writes audit rows names. A name that is put together must be in MADE."""
    found = set().union(*MADE.values())
    for package in ("accounts", "catalog"):
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            if "migrations" not in path.parts and _writes_audit(tree):
                found |= _named(tree, path.relative_to(ROOT).as_posix())
    return found


def _writes_audit(tree: ast.Module) -> bool:
    names = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return any(alias.name in ("audit", "record", "reject_rest") for node in names for alias in node.names)


def _named(tree: ast.Module, file: str) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _ACTION.fullmatch(node.value):
            found.add(node.value)
        if isinstance(node, ast.JoinedStr) and _is_action(node):
            assert file in MADE, f"{file}:{node.lineno} puts the name of an action together: say what it comes to"
    return found


def _is_action(node: ast.JoinedStr) -> bool:
    text = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    return bool(_ACTION.fullmatch(text))
