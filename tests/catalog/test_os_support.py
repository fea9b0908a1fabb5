"""The table of os_support.toml is sound, and a version finds its row, or none."""

from datetime import date, timedelta
from urllib.parse import urlsplit

import pytest

from catalog.os_support import ENDING_DAYS, STATES, TABLE, UNKNOWN, BadTable, Row, read, state_of, support
from catalog.providers.systems import KNOWN_DISTRIBUTIONS, parse_system

TODAY = date(2026, 11, 21)
ROWS = list(TABLE.values())


def test_it_has_forty_rows_and_more():
    assert len(ROWS) >= 40


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.distribution} {row.version}")
def test_each_row_is_a_day_of_a_known_system_with_its_source(row):
    assert row.distribution in KNOWN_DISTRIBUTIONS
    assert date(2010, 1, 1) < row.ends < date(2040, 1, 1)
    assert row.source and urlsplit(row.url).scheme == "https" and urlsplit(row.url).netloc
    assert support(row.distribution, row.version, TODAY).row is row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.distribution} {row.version}")
def test_each_row_is_found_from_a_name_as_clouds_write_it(row):
    """A row that no parsed name leads to would say nothing of any image."""
    system = parse_system(f"{row.distribution} {row.version}")
    assert support(system.distribution, system.version, TODAY).row is row


@pytest.mark.parametrize(
    ("days_left", "state"),
    [
        (ENDING_DAYS + 1, "supported"),
        (ENDING_DAYS, "ending"),
        (1, "ending"),
        (0, "ending"),
        (-1, "past"),
        (-4000, "past"),
    ],
)
def test_the_last_day_of_support_is_a_day_of_support(days_left, state):
    row = Row("Ubuntu", "22.04", TODAY + timedelta(days=days_left), "source", "https://example.org")
    assert state_of(row, TODAY) == state and state in STATES
    found = support("Ubuntu", "22.04", TODAY, {("Ubuntu", "22.04"): row})
    assert found == (state, row) and found.ends == row.ends


@pytest.mark.parametrize(
    ("distribution", "version", "row"),
    [
        ("CentOS", "7", "7"),
        ("CentOS", "7.2", "7"),
        ("CentOS", "7.9.2009", "7"),
        ("Ubuntu", "22.04", "22.04"),
        ("Ubuntu", "22.04.3", "22.04"),
        ("Debian", "12.4.0", "12"),
        ("Alibaba Cloud Linux", "2.1903", "2"),
        ("Amazon Linux", "2", "2"),
        ("Amazon Linux", "2023", "2023"),
        ("Amazon Linux", "2018.03", "2018.03"),
        ("Windows Server", "2012", "2012"),
        ("Windows Server", "2012 R2", "2012 R2"),
        ("Windows", "8", "8"),
        ("Windows", "8.1", "8.1"),
        ("SUSE", "15 SP4", "15 SP4"),
        ("openEuler", "22.03 SP3", "22.03 SP3"),
    ],
)
def test_a_version_finds_the_longest_row_that_ends_before_a_dot(distribution, version, row):
    assert support(distribution, version, TODAY).row == TABLE[distribution, row]


def test_the_longest_row_wins():
    short = Row("Windows", "8", date(2016, 1, 12), "source", "https://example.org")
    table = {("Windows", "8"): short, ("Windows", "8.1"): Row("Windows", "8.1", TODAY, "source", "https://example.org")}
    assert support("Windows", "8.1.3", TODAY, table).row == table["Windows", "8.1"]
    assert support("Windows", "8.2", TODAY, table).row == short


@pytest.mark.parametrize(
    ("distribution", "version"),
    [
        (None, None),
        (None, "22.04"),
        ("", ""),
        ("unknown", "unknown"),
        ("other", "22.04"),
        ("Ubuntu", None),
        ("Ubuntu", ""),
        ("Ubuntu", "unknown"),
        ("Ubuntu", "22"),
        ("Ubuntu", "22.4"),
        ("Ubuntu", "."),
        ("Ubuntu", "22.04\0"),
        ("ubuntu", "22.04"),
        ("CentOS", "70.1"),
        ("CentOS", "7-9"),
        ("CentOS", "٧"),
        ("SUSE", "15"),
        ("SUSE", "12 SP50"),
        ("SUSE", "15 sp4"),
        ("SUSE", " 15 SP4"),
        ("openEuler", "22.03"),
        ("EulerOS", "2.5"),
        ("Windows", "10"),
        ("Windows", "11"),
        ("Windows Server", "2012 R3"),
        ("Amazon Linux", "20"),
        ("CentOS", "." * 5000),
    ],
)
def test_unknown_stays_unknown(distribution, version):
    assert support(distribution, version, TODAY) == UNKNOWN
    assert UNKNOWN.ends is None


GOOD = """
rows = [{ distribution = "Ubuntu", version = "22.04", ends = 2027-06-01, source = "maker" }]
[sources.maker]
name = "The maker's page"
url = "https://example.org/lifecycle"
"""


def test_a_good_table_is_read():
    assert read(GOOD) == {
        ("Ubuntu", "22.04"): Row(
            "Ubuntu", "22.04", date(2027, 6, 1), "The maker's page", "https://example.org/lifecycle"
        )
    }


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("rows = [", "rows = ", "not TOML"),
        ('"Ubuntu"', '"ubuntu"', "row 1: 'ubuntu' is no spelling"),
        ("2027-06-01", '"2027-06-01"', "row 1: `ends` is a day"),
        ("2027-06-01", "2027-06-01T00:00:00", "row 1: `ends` is a day"),
        ("ends = 2027-06-01, ", "", "row 1: `ends` is a day"),
        ("2027-06-01", "2027-02-30", "not TOML"),
        ('version = "22.04"', "version = 22.04", "row 1: `version` is a text"),
        ('"22.04"', '""', "row 1: `version` is a text"),
        ('"22.04"', '"22.04 "', "row 1: `version` is a text"),
        ('version = "22.04", ', "", "row 1: it has distribution, version, source"),
        ('version = "22.04"', 'version = "22.04", note = "?"', "row 1: it has"),
        (', source = "maker"', "", "row 1: it has"),
        ('source = "maker"', 'source = ""', "row 1: `source` is a text"),
        ('source = "maker"', 'source = "hearsay"', "row 1: there is no source 'hearsay'"),
        ('name = "The maker\'s page"', 'name = ""', "source maker: `name` is a text"),
        ("https://", "http://", "is no https address"),
        ("https://example.org/lifecycle", "https:///lifecycle", "is no https address"),
        ('source = "maker" }]', 'source = "maker" }, 3]', "row 2: it has"),
        ("rows = [", "lines = [", "nothing else"),
        ("[sources.maker]", "[maker]", "nothing else"),
        ("[sources.maker]", "[sources.second]\nname='n'\nurl='https://n.org'\n[sources.maker]", "no row rests on"),
    ],
)
def test_a_table_that_is_wrong_is_refused(good, bad, said):
    assert good in GOOD
    with pytest.raises(BadTable, match=said):
        read(GOOD.replace(good, bad))


def test_a_row_is_there_once():
    row = '{ distribution = "SUSE", version = "15 SP4", ends = 2023-12-31, source = "maker" }, '
    with pytest.raises(BadTable, match="row 2: SUSE 15 SP4 is there twice"):
        read(GOOD.replace("rows = [", f"rows = [{row}{row}"))
