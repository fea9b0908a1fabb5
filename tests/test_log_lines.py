"""What the log's handler writes: a line an event, with its time and zone, whatever strangers put into it."""

import io
import logging
import re
from collections.abc import Iterator

import pytest
from django.test import Client

from config.log_lines import Line

FORGED = "m-1\n2026-01-01T00:00:00+0000 INFO accounts alice signed in\r\x1b[2K\x85\u2028\x00"


@pytest.fixture
def written() -> Iterator[list[str]]:
    """What the settings' own formatter makes of records, in order."""
    lines: list[str] = []
    [console] = [one for one in logging.getLogger().handlers if isinstance(one.formatter, Line)]

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(console.format(record))

    handler = Kept()
    logger = logging.getLogger("bootshelf.test")
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)


def test_a_line_has_its_time_with_the_zone(written):
    logging.getLogger("bootshelf.test").warning("run %s failed", 7)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} WARNING bootshelf.test run 7 failed", written[0])


def test_nobody_forges_a_line(written):
    logging.getLogger("bootshelf.test").error("image %s", FORGED)
    assert len(written[0].splitlines()) == 1 and written[0].isprintable()
    assert written[0].endswith(
        r"image m-1\n2026-01-01T00:00:00+0000 INFO accounts alice signed in\r\x1b[2K\x85\u2028\x00"
    )


def test_nor_by_what_an_error_says(written):
    try:
        raise ValueError(FORGED)
    except ValueError:
        logging.getLogger("bootshelf.test").exception("it failed")
    first, *others = written[0].splitlines()
    assert first.endswith("it failed") and len(others) > 3
    assert all(line.startswith("  ") for line in others)


def test_chinese_stays_readable(written):
    logging.getLogger("bootshelf.test").error("镜像 %s", "云计算")
    assert written[0].endswith("镜像 云计算")


@pytest.fixture
def told() -> Iterator[io.StringIO]:
    """What the settings' handler writes, with its filters."""
    [console] = [one for one in logging.getLogger().handlers if isinstance(one.formatter, Line)]
    stream = io.StringIO()
    before = console.setStream(stream)
    yield stream
    console.setStream(before)


def test_a_refused_request_says_who_asked(told, as_user, alice, bob, charlie):
    for user, path, words in (
        (charlie, "/t/aero/images/", "Not Found: /t/aero/images/ (charlie@example.org from 127.0.0.1)"),
        (
            bob,
            "/t/aero/team/audit/",
            "Forbidden (Permission denied): /t/aero/team/audit/ (bob@example.org from 127.0.0.1)",
        ),
        (bob, "/nowhere/100%25s/", "Not Found: /nowhere/100%s/ (bob@example.org from 127.0.0.1)"),
    ):
        as_user(user).get(path)
        assert any(line.endswith(words) for line in told.getvalue().splitlines()), words


def test_nobody_is_nobody(db, told):
    Client(REMOTE_ADDR="192.0.2.7").get("/nowhere/")
    Client(enforce_csrf_checks=True, REMOTE_ADDR="192.0.2.8").post("/account/login/")
    Client(headers={"host": "evil.example"}, REMOTE_ADDR="192.0.2.9").get("/")
    for line, address in zip(told.getvalue().splitlines(), (7, 8, 9), strict=False):
        assert line.endswith(f"(nobody from 192.0.2.{address})")
    assert told.getvalue().count("nobody") >= 3


@pytest.mark.parametrize("header", ["", "x", "10.0.0.1, <b>", "\x1b[31m"])
def test_a_proxy_that_names_no_address_breaks_no_line(db, told, settings, header):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert Client(headers={"x-forwarded-for": header}).get("/nowhere/").status_code in (403, 404)
    assert re.search(r"/nowhere/ \(nobody from (0\.0\.0\.0|127\.0\.0\.1)\)$", told.getvalue().splitlines()[-1])


def test_the_address_of_a_feed_stays_out_all_the_same(db, told):
    Client().get("/feeds/c4nary/changes.atom")
    assert "/feeds/…" in told.getvalue() and "c4nary" not in told.getvalue() and "(nobody from" in told.getvalue()
