"""What a container of the image does, by its first argument: web (the default), worker, beat, health, or manage ARGS...

Each becomes the process itself, so that it gets the container's signals.
"""

import http.client
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import NoReturn

from config.home import ROOT
from config.web import web_words

ROLES = ("web", "worker", "beat", "manage", "health")


def becomes(*words: str) -> NoReturn:
    os.execv(sys.executable, [sys.executable, *words])  # noqa: S606 - no shell is wanted


def check() -> None:
    """The system checks, the database's too: a key or a setting that is wrong stops the start, not a request."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "check", "--database", "default"], stdout=sys.stderr
    )
    if done.returncode != 0:
        sys.exit(done.returncode)


def web() -> NoReturn:
    check()
    workers, port = os.environ.get("WEB_WORKERS") or "2", os.environ.get("PORT") or "8000"
    becomes(*web_words("0.0.0.0", port, "--respawn-failed-workers", workers=workers))  # noqa: S104 - a container's


def worker() -> NoReturn:
    check()
    threads = os.environ.get("WORKER_THREADS") or "8"
    options = ["-P", "threads", "--concurrency", threads, "--loglevel", os.environ.get("LOG_LEVEL") or "INFO"]
    becomes("-m", "celery", "-A", "config", "worker", *options, "--without-gossip")


def beat() -> NoReturn:
    check()
    becomes("-m", "celery", "-A", "config", "beat", "--schedule", "/tmp/beat-schedule")  # noqa: S108 - private to the container


def health(role: str) -> int:
    """0 where the web answers without an error of its own, or where this host's worker answers a ping."""
    if role == "worker":
        node = f"celery@{os.uname().nodename}"
        ping = ["-m", "celery", "-A", "config", "inspect", "ping", "--destination", node, "--timeout", "5"]
        return subprocess.run([sys.executable, *ping], stdout=subprocess.DEVNULL).returncode
    client = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or "8000"), timeout=5)
    host = (os.environ.get("PUBLIC_URL") or "http://localhost").partition("//")[2]
    try:
        client.request("GET", "/health/", headers={"Host": host, "X-Forwarded-Proto": "https"})
        return int(client.getresponse().status >= 500)
    except (OSError, http.client.HTTPException):
        return 1


def main(arguments: Sequence[str]) -> int:
    role, *rest = arguments or ["web"]
    if role == "manage":
        becomes(str(ROOT / "manage.py"), *rest)
    if role == "health":
        return health(*rest or ["web"])
    if role not in ROLES or rest:
        sys.exit(f"bootshelf: {' '.join(arguments)}: not one of web, worker, beat, manage ARGS...")
    return {"web": web, "worker": worker, "beat": beat}[role]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
