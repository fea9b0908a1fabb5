"""Files that hold a key: readable by their owner only, whole or not at all."""

import os
import stat
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write the file, in the place of the one that is there, whose owner it keeps. Raises OSError."""
    path = path.resolve()  # the file itself, not a link to it
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        if path.exists() and os.geteuid() == 0:
            os.chown(new, path.stat().st_uid, path.stat().st_gid)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def is_open_to_others(path: Path) -> bool:
    """Whether any user of the machine may read or change the file. Its group may: so a service is given one."""
    return bool(path.stat().st_mode & stat.S_IRWXO)
