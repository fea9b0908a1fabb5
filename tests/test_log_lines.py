"""What the log's handler writes: a line an event, with its time and zone, whatever strangers put into it."""

import logging
import re
from collections.abc import Iterator

import pytest

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
