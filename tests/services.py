"""A pytest plugin (`-p tests.services` in pyproject.toml): a PostgreSQL and a Valkey of its own for each test process.

pytest-django reads the settings before any conftest.py, so the servers start here, before that. DATABASE_URL and
REDIS_URL in the environment replace them; then each xdist worker has a test database (pytest-django names it) and a
Redis database number of its own. What the developer's environment says otherwise does not reach the tests.
"""

import functools
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from config.embedded import VARIABLES, EmbeddedError, Server

KEYSET = (
    '{"primaryKeyId":1,"key":[{"keyData":{"typeUrl":"type.googleapis.com/google.crypto.tink.AesGcmKey",'
    '"keyMaterialType":"SYMMETRIC","value":"GiAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw=="},'
    '"status":"ENABLED","keyId":1,"outputPrefixType":"TINK"}]}'
)
FOR_TESTS = {
    "SECRET_KEY": "for-tests-only-" * 4,
    "BOOTSHELF_KEYSET": KEYSET,
    "PUBLIC_URL": "http://testserver",
    "PROVIDER_CALLS_PER_SECOND": "100000",  # the simulated clouds have no limit, and no test waits for a turn
}
NOT_FOR_TESTS = [
    "ALLOWED_HOSTS",
    "BEHIND_PROXY",
    "BOOTSHELF_KEYSET_FILE",
    "DEBUG",
    "DEFAULT_FROM_EMAIL",
    "EMAIL_HOST",
    "LOG_LEVEL",
    "PORT",
    "PROVIDER_ENDPOINTS",
    "QUERY_SECONDS",
    "SECRET_KEY_FILE",
    "SIGNUP_OPEN",
    "SIMULATOR_URL",
    "STATIC_ROOT",
    "DJANGO_SETTINGS_MODULE",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
]


def _stop(server: Server) -> None:
    if server.release():
        server.wait_until_stopped(3)


def _runs_tests(config: pytest.Config) -> bool:
    """Not so for the process that only hands tests to xdist's workers, nor for one that lists things."""
    options = config.known_args_namespace
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return True
    asking = ("help", "version", "markers", "showfixtures", "collectonly")
    return not any(getattr(options, name, False) for name in asking) and options.numprocesses in (None, 0)


def _own_redis_database(url: str, worker: str) -> str:
    """The given server's database of this worker: gw0 → the given number + 1, and so on; none → the given one."""
    offset = int(worker.removeprefix("gw")) + 1 if worker else 0
    parts = urlsplit(url)
    if parts.scheme == "unix":
        query = dict(parse_qsl(parts.query))
        query["db"] = str(int(query.get("db", "0")) + offset)
        return f"unix://{parts.path}?{urlencode(query)}"
    return parts._replace(path=f"/{int(parts.path.strip('/') or '0') + offset}").geturl()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    for name in NOT_FOR_TESTS:
        os.environ.pop(name, None)
    os.environ.update(FOR_TESTS)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As a script's shell leaves it to a background job, and this process to the commands it starts.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if given := os.environ.get("REDIS_URL", ""):
        # A worker inherits the controller's environment, which is still as it was given.
        os.environ["REDIS_URL"] = _own_redis_database(given, worker)
    home = Path(tempfile.mkdtemp(prefix="bootshelf-tests-"))
    early_config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    os.environ["BOOTSHELF_HOME"] = str(home)
    os.environ["STATIC_ROOT"] = str(home / "static")
    (home / "static").mkdir()
    missing = [name for name, variable in VARIABLES.items() if not os.environ.get(variable)]
    if _runs_tests(early_config):
        for name in missing:
            server = Server(home, name, fast=True)
            try:
                os.environ[VARIABLES[name]] = server.acquire()
            except EmbeddedError as error:
                raise pytest.UsageError(str(error)) from None
            early_config.add_cleanup(functools.partial(_stop, server))
        return (yield)
    # Settings are read here too, and nothing is to connect. A worker must not take these for given ones.
    placeholders = {"DATABASE_URL": "postgresql:///nowhere", "REDIS_URL": "unix:///nowhere"}
    os.environ.update({VARIABLES[name]: placeholders[VARIABLES[name]] for name in missing})
    try:
        return (yield)
    finally:
        for name in missing:
            os.environ.pop(VARIABLES[name], None)
