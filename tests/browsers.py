"""A pytest plugin (`-p tests.browsers` in pyproject.toml): tests marked `browser` drive the Chromium of this machine.
Where there is none they are skipped, and the end of the run says so."""

import functools
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
REASON = "no Chromium on this machine (Debian: apt-get install chromium)"


@functools.cache
def find_chromium() -> str | None:
    """The path of the system's Chromium. Playwright's own download is not used: it is not to be had everywhere."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if find_chromium() is None:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=REASON))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if REASON in str(report.longrepr)]
    if skipped:
        terminalreporter.section("browser tests were skipped")
        terminalreporter.write_line(f"{len(skipped)} browser tests did not run: {REASON}.")
