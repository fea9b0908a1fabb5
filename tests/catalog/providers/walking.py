"""A listing of canned answers, walked, for the tests of paging."""

from catalog.providers import list_pages
from catalog.providers.base import Page
from tests.catalog.providers.canned import Canned
from tests.catalog.providers.conftest import connection_for, target_for


def pages_of(server: Canned, kind: str) -> list[Page]:
    return list(list_pages(kind, connection_for(server.url, kind), target_for(kind)))


def ids(pages: list[Page]) -> list[str]:
    return [image.remote_id for page in pages for image in page.images]
