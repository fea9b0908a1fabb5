"""A browser without a screen: it asks the web process over HTTP, fills in forms as they stand on the page, and keeps
every answer whole."""

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import requests
from django.conf import settings
from django.test import Client

from accounts.models import User
from tests.canaries.stage import Stage

EXPORTS = ("text/csv", "application/json", "application/x-ndjson", "application/atom+xml")
UNSENT = ("submit", "file", "radio", "checkbox")  # unless they are checked
TOKEN = "canaries" * 4  # of its forms: a cookie and a header that are the same


@dataclass
class Form:
    """`fields` are what a browser would send of it, `buttons` what else it knows by name."""

    action: str
    fields: dict[str, str]
    buttons: set[str]


class _Forms(HTMLParser):
    """The forms of a page's main part."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open = ""  # the name of the textarea or select that is open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "main":
            self.forms.clear()
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), {}, set()))
        if not self.forms:
            return
        fields, name = self.forms[-1].fields, given.get("name", "")
        if tag in ("textarea", "select"):
            self._open = name
            fields.setdefault(name, "")
        elif tag == "button" and name:
            self.forms[-1].buttons.add(name)
        elif tag == "option" and self._open and ("selected" in given or not fields[self._open]):
            fields[self._open] = given.get("value", "")
        elif tag == "input" and name and ("checked" in given or given.get("type") not in UNSENT):
            fields[name] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("textarea", "select"):
            self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open and self.lasttag == "textarea":
            self.forms[-1].fields[self._open] += data


class Browser:
    """Of one person, or of nobody."""

    def __init__(self, stage: Stage, user: User | None = None) -> None:
        self.stage, self.page, self.at = stage, "", stage.url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set(settings.CSRF_COOKIE_NAME, TOKEN)
        if user:
            client = Client()
            client.force_login(user)
            cookie = client.cookies[settings.SESSION_COOKIE_NAME]
            self._session.cookies.set(cookie.key, cookie.value)

    def ask(self, method: str, path: str, **how: Any) -> requests.Response:
        """One request, no redirect followed. `how` goes to requests."""
        headers = {"X-CSRFToken": TOKEN} | how.pop("headers", {})
        at = urljoin(self.at, path)
        answer = self._session.request(method, at, headers=headers, allow_redirects=False, timeout=60, **how)
        kept = f"{method} {at}\n{answer.status_code}\n{answer.headers}\n\n".encode() + answer.content
        told = answer.headers.get("Content-Type", "")
        is_export = told.startswith(EXPORTS) or "attachment" in answer.headers.get("Content-Disposition", "")
        (self.stage.exports if is_export else self.stage.answers).append(kept)
        self.page, self.at = answer.text, at
        return answer

    def get(self, path: str, **how: Any) -> requests.Response:
        """The page a person ends up at."""
        answer = self.ask("GET", path, **how)
        return self.follow(answer)

    def follow(self, answer: requests.Response) -> requests.Response:
        while answer.is_redirect:
            answer = self.ask("GET", answer.headers["Location"])
        return answer

    def send(self, *, files: Any = None, **filled: str) -> requests.Response:
        """Fill in the form of this page that has these fields and this button, and send it; the page that follows."""
        reader = _Forms()
        reader.feed(self.page)
        form = max(reader.forms, key=lambda form: len((form.fields.keys() | form.buttons) & filled.keys()))
        fields = {name: value for name, value in form.fields.items() if name != "csrfmiddlewaretoken"}
        return self.follow(self.ask("POST", form.action or self.at, data=fields | filled, files=files))
