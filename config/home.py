"""BOOTSHELF_HOME: where `./run` keeps its data, and the environment it gives the product.

    postgres/ valkey/   the embedded servers' data
    keyset.json         opens the stored cloud keys
    secret_key          signs sessions and links
    log/                one file a process, of this run and the one before
    run/                locks, and what is up now

What the caller's environment says wins over every value set here; empty counts as not set.
"""

import json
import os
from pathlib import Path

from config.embedded import VARIABLES, EmbeddedError, Server, is_held

ROOT = Path(__file__).resolve().parent.parent


def make_home(start: Path) -> Path:
    """The home, made if it is not there, readable by its owner only; a relative BOOTSHELF_HOME counts from `start`."""
    given = os.environ.get("BOOTSHELF_HOME", "")
    home = (start / given).resolve() if given else ROOT / "var"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in ("run", "log"):
            (home / part).mkdir(mode=0o700, exist_ok=True)
            (home / part / ".writable").touch()
    except OSError as error:
        raise EmbeddedError(f"BOOTSHELF_HOME {home} cannot be used: {error.strerror}.") from None
    return home


def environment(home: Path, url: str) -> dict[str, str]:
    """What every process of this home is to have in its environment, beyond what is there already."""
    wanted = {
        "PUBLIC_URL": url,
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "STATIC_ROOT": str(home / "static"),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    found = {name: value for name, value in wanted.items() if not os.environ.get(name)}
    for name, file in (("SECRET_KEY", "secret_key"), ("BOOTSHELF_KEYSET", "keyset.json")):
        if not os.environ.get(name) and not os.environ.get(f"{name}_FILE"):
            found[f"{name}_FILE"] = str(home / file)
    if not os.access(os.environ.get("HOME", ""), os.W_OK):
        found["HOME"] = str(home)  # Huawei's SDK writes a file there (PROVIDERS.md section 3)
    return found | {"BOOTSHELF_HOME": str(home)}


def servers(home: Path) -> dict[str, Server]:
    """The embedded servers to use, by the variable that takes their address; not those the environment names."""
    return {variable: Server(home, name) for name, variable in VARIABLES.items() if not os.environ.get(variable)}


def running(home: Path) -> dict[str, str]:
    """What `./run` on this home wrote down ("url", "simulator", "pid"), or {} where none is up."""
    if not is_held(home / "run" / "serve.lock"):
        return {}
    try:
        found: dict[str, str] = json.loads((home / "run" / "serve.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found
