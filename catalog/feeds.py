"""The changes as an Atom feed (RFC 4287), an entry for each set of changes.

Its address is the only key to it: a token of 256 bits that is kept as its SHA-256, belongs to one membership and ends
with it. Times, and what an entry is known by, do not change; strangers' texts are cut, escaped as HTML and then as XML.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import Team
from accounts.tokens import digest_of
from catalog.change_rows import summary
from catalog.change_sets import ChangeSet, Found
from catalog.change_words import FIELD_KINDS, field_label, kind_label, value_words
from catalog.changes import ChangeFilter
from catalog.models import ChangeFeed

ENTRIES = 50
# What XML 1.0 cannot hold, and the signs that turn the direction of the text around them.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_NO_HOST = re.compile("[^A-Za-z0-9.-]")
_NAME_LENGTH = 100


def find_feed(token: str) -> ChangeFeed | None:
    """The feed of this token, if its member may still sign in. One query, whatever the token is."""
    feeds = ChangeFeed.objects.select_related("team", "membership__user")
    return feeds.filter(digest=digest_of(token), membership__user__is_active=True).first()


class _Feed(Atom1Feed):
    """A feed without entries has the time it was made, and not another one each time it is read."""

    def latest_post_date(self) -> datetime:
        return max((item["updateddate"] for item in self.items), default=self.feed["made_at"])


def atom(
    feed: ChangeFeed, asked: ChangeFilter, sets: Iterable[ChangeSet], path: str, at: Callable[[str], str]
) -> bytes:
    """The document. `path` is its own, `at` makes a path an address."""
    team, query = feed.team, asked.query()
    mark = f"?{query}" if query else ""
    words = [f"{chip.label}: {chip.text}" for chip in asked.chips()]
    document = _Feed(
        title=_clean(" · ".join([_("Changes"), team.name, *words])),
        link=at(reverse("catalog:change_list", args=[team.slug]) + mark),
        description="",
        subtitle=_clean(" ".join([_("What syncs found, and what people corrected."), *asked.notices])),
        language=get_language(),
        author_name=_clean(f"Bootshelf · {team.name}"),
        feed_url=at(path + mark),
        feed_guid=_tag(f"changes/{team.id}{mark}"),
        made_at=feed.created_at,
    )
    for one in sets:
        document.add_item(
            title=_clean(f"{asked.names.get(str(one.source_id), '')}: {_title(one, asked)}"),
            link=at(_address(team, one, asked)),
            description=_clean(_content(team, one, asked, at)),
            unique_id=_tag(f"changes/{one.source_id}/{one.at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}{mark}"),
            pubdate=one.at,
            updateddate=one.at,
        )
    return document.writeString("utf-8").encode()


def last_modified(feed: ChangeFeed, sets: Iterable[ChangeSet]) -> datetime:
    """When what is in the feed was there to be seen: a sync is applied a while after its listing ended."""
    return max((max(one.finished_at or one.at, one.at) for one in sets), default=feed.created_at)


def _title(one: ChangeSet, asked: ChangeFilter) -> str:
    """A single change names its image."""
    if one.found > 1:
        return summary(one, asked)
    name = _TURNING.sub("\ufffd", one.rows[0].name[:_NAME_LENGTH])
    return f"{name} – {_words(one.rows[0])}"


def _words(row: Found) -> str:
    if row.kind not in FIELD_KINDS or row.field == "document":
        return kind_label(row.kind)
    return f"{kind_label(row.kind)}: {field_label(row.field)}"


def _content(team: Team, one: ChangeSet, asked: ChangeFilter, at: Callable[[str], str]) -> SafeString:
    def line(row: Found) -> SafeString:
        url = at(reverse("catalog:image_detail", args=[team.slug, row.image_id]))
        name = format_html('<a href="{}"><bdi>{}</bdi></a> – {}', url, row.name[:_NAME_LENGTH], _words(row))
        if row.kind not in FIELD_KINDS or row.field == "document":
            return name
        before, after = value_words(row.field, row.before), value_words(row.field, row.after)
        return format_html("{}: <bdi>{}</bdi> → <bdi>{}</bdi>", name, before, after)

    lines = format_html_join("", "<li>{}</li>", ((line(row),) for row in one.rows))
    more = SafeString("")
    if one.found > len(one.rows):
        more = format_html('<p><a href="{}">{}</a></p>', at(_address(team, one, asked)), _("All of them"))
    return format_html("<ul>{}</ul>{}", lines, more)


def _address(team: Team, one: ChangeSet, asked: ChangeFilter) -> str:
    """Where a set is to be seen: all that one sync did of what is asked, or the image that somebody corrected."""
    if one.run_id:
        return f"{reverse('catalog:change_list', args=[team.slug])}?{asked.of_run(one.run_id).query()}"
    return reverse("catalog:image_detail", args=[team.slug, one.rows[0].image_id])


def _tag(what: str) -> str:
    """A tag URI (RFC 4151): the same for ever, whatever address Bootshelf has."""
    host = _NO_HOST.sub("-", urlsplit(settings.PUBLIC_URL).hostname or "localhost")
    return f"tag:{host},2026:{what}"


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
