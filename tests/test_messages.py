"""Every text is in Chinese too: what the sources hold now against what locale/ holds."""

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from django.test import Client
from django.utils.formats import date_format, number_format
from django.utils.timezone import datetime
from django.utils.translation import get_language, gettext, ngettext, override

from config import messages
from config.messages import PO, compiled, in_sources, translated, untranslated

AGAIN = "python -m config.messages brings them in; translate them in locale/zh_Hans/LC_MESSAGES/django.po, then again."


def texts(catalog: Catalog) -> set[tuple[str | None, str]]:
    """Each with its context; one and many are parted by a bar."""
    found = [message for message in catalog if message.id]
    return {(one.context, one.id if isinstance(one.id, str) else " | ".join(one.id)) for one in found}


def test_every_text_of_the_sources_is_translated():
    found = translated()
    found.update(in_sources(), no_fuzzy_matching=True)
    left = untranslated(found)
    assert not left, "\n".join([*left, AGAIN])


def test_no_text_is_kept_that_no_source_has():
    assert texts(translated()) - texts(in_sources()) == set(), AGAIN


def test_what_django_reads_is_what_the_translators_wrote():
    assert PO.with_suffix(".mo").read_bytes() == compiled(translated()), AGAIN


def test_bringing_the_files_up_to_date_twice_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    here = tmp_path / "django.po"
    here.write_bytes(PO.read_bytes())
    monkeypatch.setattr(messages, "PO", here)
    messages.update()
    first = here.read_bytes(), here.with_suffix(".mo").read_bytes()
    messages.update()
    assert (here.read_bytes(), here.with_suffix(".mo").read_bytes()) == first


@pytest.mark.parametrize(
    ("said", "fuzzy", "is_left"),
    [
        ("%(n)s 个 <b>镜像</b>", False, False),
        ("<b>镜像</b>：%(n)s 个", False, False),
        ("", False, True),
        (" ", False, True),
        ("%(n)s 个 <b>镜像</b>", True, True),
        ("%(m)s 个 <b>镜像</b>", False, True),
        ("%(n)d 个 <b>镜像</b>", False, True),
        ("一个 <b>镜像</b>", False, True),
        ("%(n)s 个 <b>镜像<b>", False, True),
        ("%(n)s 个镜像", False, True),
    ],
)
def test_a_translation_is_whole_and_sure_or_it_is_none(said: str, fuzzy: bool, is_left: bool):
    catalog = Catalog(locale="zh_Hans", fuzzy=False)
    catalog.add("%(n)s <b>image</b>", said, flags=["fuzzy"] if fuzzy else [])
    assert untranslated(catalog) == (["%(n)s <b>image</b>"] if is_left else [])


def test_marked_texts_are_found_wherever_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "page.html").write_text(
        '{% load i18n %}\n  <p title="{% translate "A title" %}">{{ _("A value") }}\n'
        "{% blocktranslate count n=n with who=user.name %}{{ who }}'s image{% plural %}{{ who }}'s {{ n }} images"
        '{% endblocktranslate %}</p>\n{% translate "Ended" context "OS support" %}\n',
        encoding="utf-8",
    )
    (tmp_path / "code.py").write_text(
        'from django.utils.translation import gettext as _t, ngettext\n_t("In "\n   "two parts")\n'
        'ngettext("%(n)s page", "%(n)s pages", 2)\n_(not_a_text)\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    monkeypatch.setattr(messages, "SOURCES", (".",))
    assert texts(in_sources()) == {
        (None, "A title"),
        (None, "A value"),
        (None, "%(who)s's image | %(who)s's %(n)s images"),
        ("OS support", "Ended"),
        (None, "In two parts"),
        (None, "%(n)s page | %(n)s pages"),
    }


def test_numbers_days_and_plurals_are_as_people_write_them():
    with override("zh-hans"):
        assert number_format(1904123, force_grouping=True) == "1,904,123"
        assert date_format(datetime(2026, 11, 20, 9, 5), "DATETIME_FORMAT") == "2026年11月20日 09:05"
        assert ngettext("%(n)s source", "%(n)s sources", 1) == ngettext("%(n)s source", "%(n)s sources", 2)


@pytest.mark.django_db
def test_the_pages_of_the_sign_in_library_are_chinese_too():
    page = Client(headers={"accept-language": "zh-CN,zh;q=0.9"}).get("/account/password/reset/").content.decode()
    with override("zh-hans"):
        assert get_language() == "zh-hans"
        assert gettext("Password Reset") != "Password Reset"
        assert gettext("Password Reset") in page
