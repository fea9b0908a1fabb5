"""No query of a web request runs longer than QUERY_SECONDS; what the pages say then."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from accounts.models import User
from catalog.models import Image, Source
from config.deadline import limit_queries, ran_out
from tests.catalog.shelf import put
from tests.processes import ROOT, manage, process_environment

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/t/aero/images/"
ASK_THE_WEB = """
import config.wsgi, json
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT current_setting('statement_timeout'), current_setting('application_name')")
    print(json.dumps(cursor.fetchone()))
"""


@contextmanager
def slow(what: str) -> Iterator[None]:
    """Every query with this in it takes a second, and the database ends it after a tenth of that."""

    def sleep(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        return (
            execute("SELECT pg_sleep(1)", None, many, context) if what in sql else execute(sql, params, many, context)
        )

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 100")
    try:
        with connection.execute_wrapper(sleep):
            yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")


@pytest.fixture
def image(make_source: Callable[..., Source]) -> Image:
    return put(make_source("alibaba_ehpc_custom"), "solver", arch="arm64")


@pytest.fixture
def viewer(bob: User, as_user: Callable[[User], Client]) -> Client:
    client = as_user(bob)
    client.get(URL)  # what a session writes once is written
    return client


def web_settings(**environment: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", ASK_THE_WEB], cwd=ROOT, env=process_environment(**environment), capture_output=True
    )
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.decode()


def test_the_web_has_a_deadline_and_commands_have_none(db: None) -> None:
    assert web_settings() == ["2s", "bootshelf"]
    assert web_settings(QUERY_SECONDS="7") == ["7s", "bootshelf"]
    assert web_settings(QUERY_SECONDS="0") == ["0", "bootshelf"]
    told = manage("shell", "-v0", "-c", "from django.db import connection as c; q = c.cursor();"
                  " q.execute('SHOW statement_timeout'); print(q.fetchone()[0])")  # fmt: skip
    assert (told.stdout, told.returncode) == ("0\n", 0), told.stderr


def test_it_adds_to_what_the_address_of_the_database_says() -> None:
    options = {"options": "-c search_path=shelf", "connect_timeout": 10}
    limit_queries(options, 2)
    assert options == {"options": "-c search_path=shelf -c statement_timeout=2000 -c jit=off", "connect_timeout": 10}


def test_only_a_query_that_was_ended_counts() -> None:
    with connection.cursor() as cursor, pytest.raises(OperationalError) as ended:
        cursor.execute("SET statement_timeout = 10")
        cursor.execute("SELECT pg_sleep(1)")
    connection.cursor().execute("SET statement_timeout = 0")
    assert ran_out(ended.value) and not ran_out(OperationalError("the server went away"))


@pytest.mark.parametrize("what", ["catalog_facetcount", "WITH picked"])
def test_the_images_page_says_what_to_narrow_and_keeps_the_filter(viewer: Client, image: Image, what: str) -> None:
    with slow(what):
        response = viewer.get(f"{URL}?arch=arm64&q=solver&sort=-size")
    html = response.content.decode()
    assert response.status_code == 200 and "The search was stopped after 2 seconds: search for a longer" in html
    assert "No image fits" not in html and f"<bdi>{image.name}</bdi></a>" not in html
    assert f'href="{URL}?q=solver&amp;sort=-size"' in html, "the chip of the architecture leads on without it"
    assert f'href="{URL}?arch=arm64&amp;sort=-size"' in html
    assert 'name="arch" value="arm64" checked' in html
    again = viewer.get(f"{URL}?arch=arm64&q=solver&sort=-size").content.decode()
    assert f"<bdi>{image.name}</bdi>" in again, "the next request is none the worse"


def test_without_a_search_it_offers_another_filter(viewer: Client, image: Image) -> None:
    with slow("WITH picked"):
        html = viewer.get(f"{URL}?arch=arm64").content.decode()
    assert "The list was stopped after 2 seconds: choose one source" in html
    assert '<span class="n">1</span>' in html, "the counts were there in time"


def test_htmx_gets_that_as_results(viewer: Client, image: Image) -> None:
    with slow("catalog_facetcount"):
        response = viewer.get(f"{URL}?arch=arm64", headers={"HX-Request": "true", "HX-Target": "image-results"})
    html = response.content.decode()
    assert response.status_code == 200 and html.lstrip().startswith('<section id="image-results"')
    assert "The list was stopped after 2 seconds" in html and '<span class="n">0+</span>' in html


@pytest.mark.parametrize("path", ["sources/", "images/{id}/"])
@pytest.mark.parametrize("what", ["catalog_source", "catalog_"])
def test_other_pages_are_one_sentence(viewer: Client, image: Image, path: str, what: str) -> None:
    """Also where what is slow is what every page asks."""
    with slow(what):
        response = viewer.get(f"/t/aero/{path}".format(id=image.id))
    html = response.content.decode()
    assert response.status_code == 503 and "was stopped; nothing was changed" in html and "Traceback" not in html


def test_a_badge_that_takes_too_long_is_left_out(viewer: Client, image: Image) -> None:
    with slow("catalog_imagechange"):
        response = viewer.get(URL)
    assert response.status_code == 200 and f"<bdi>{image.name}</bdi>" in response.content.decode()
