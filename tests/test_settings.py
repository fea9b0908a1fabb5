"""A wrong setting stops the start with one clear line, as an operator sees it: in a process of its own."""

import pytest

from tests.processes import manage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("DEBUG", "maybe", "DEBUG='maybe' is not a boolean"),
        ("SECRET_KEY", None, "SECRET_KEY is not set"),
        ("DATABASE_URL", "mysql://x", "DATABASE_URL is not a PostgreSQL address"),
        ("PROVIDER_CALLS_PER_SECOND", "0", "PROVIDER_CALLS_PER_SECOND='0' is not a whole number of at least 1"),
        ("PROVIDER_ENDPOINTS", "not json", "PROVIDER_ENDPOINTS is not JSON"),
        ("PROVIDER_ENDPOINTS", "[]", "PROVIDER_ENDPOINTS is not a JSON object"),
        ("PROVIDER_ENDPOINTS", '{"alibaba-ehpc2023": "http://127.0.0.1:1"}', "names 'alibaba-ehpc2023': none of"),
        ("PROVIDER_ENDPOINTS", '{"alibaba-ens@": "http://127.0.0.1:1"}', "names 'alibaba-ens@': none of"),
        ("PROVIDER_ENDPOINTS", '{"alibaba-ens": 5}', "gives alibaba-ens no base URL"),
        ("PROVIDER_ENDPOINTS", '{"alibaba-ens": "ftp://127.0.0.1"}', "gives alibaba-ens no base URL"),
        ("PROVIDER_ENDPOINTS", '{"alibaba-ens": "https://user:word@ens.example"}', "gives alibaba-ens no base URL"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line(setting: str, value: str | None, told: str) -> None:
    ended = manage("check", **{setting: value})
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert told in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_endpoints_of_regions_are_taken() -> None:
    endpoints = '{"alibaba-ehpc@cn-shanghai": "http://127.0.0.1:1", "huawei-iam": "https://iam.example/"}'
    assert manage("check", PROVIDER_ENDPOINTS=endpoints).returncode == 0


def test_arguments_that_are_not_utf8_are_refused_in_one_line(team) -> None:
    ended = manage("images", team.slug, "region=\udcff", "--json")
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "An argument is not text in UTF-8.\n")


def test_chinese_arguments_are_understood_in_the_c_locale(team) -> None:
    ended = manage("images", team.slug, "q=求解器", "--json", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_password_that_is_not_utf8_is_refused_in_one_line(db) -> None:
    ended = manage("create_team", "x", "--name", "X", "--admin", "x@example.org", BOOTSHELF_PASSWORD="\udcff\udcfe")
    assert (ended.returncode, ended.stderr) == (1, "BOOTSHELF_PASSWORD is not text in UTF-8.\n")
