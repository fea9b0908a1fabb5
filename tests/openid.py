"""A small OpenID Connect provider on loopback: discovery, authorization code with PKCE, token, userinfo.

Whoever is sent to it is signed in as `person`, its claims, at once. `asked` holds what authorization requests said. It
refuses, as a provider must, a wrong client, a code that was used and a wrong PKCE verifier.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "bootshelf", "c4nary-client-secret"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.person: dict[str, Any] = {"sub": "1", "email": "alice@example.org", "email_verified": True, "name": "A"}
        self.audience, self.issuer = CLIENT, self.url
        self.says: Callable[[dict[str, Any]], Any] = lambda document: document  # of its configuration
        self.asked: list[dict[str, str]] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: set[str] = set()

    def id_token(self) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.audience, "iat": now, "exp": now + 60, **self.person}
        return jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": "1"})


class Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        here = self.server.url
        if address.path == "/.well-known/openid-configuration":
            ends = ("authorization", "token", "userinfo")
            methods = ["client_secret_post"]
            document = {f"{end}_endpoint": f"{here}/{end}" for end in ends} | {
                "issuer": self.server.issuer,
                "jwks_uri": f"{here}/keys",
            }
            return self.tell(200, self.server.says(document | {"token_endpoint_auth_methods_supported": methods}))
        if address.path == "/authorization":
            asked = dict(parse_qsl(address.query))
            self.server.asked.append(asked)
            code = secrets.token_urlsafe()
            self.server.codes[code] = asked
            self.send_response(302)
            self.send_header(
                "Location", f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"
            )
            return self.end_headers()
        if address.path == "/userinfo":
            known = self.headers.get("Authorization", "").removeprefix("Bearer ") in self.server.tokens
            return self.tell(200, self.server.person) if known else self.tell(401, {"error": "invalid_token"})
        return self.tell(404, {})

    def do_POST(self) -> None:
        form = {
            name: values[0]
            for name, values in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()
        }
        asked = self.server.codes.pop(form.get("code", ""), None)
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return self.tell(401, {"error": "invalid_client"})
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or asked.get("code_challenge") != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return self.tell(400, {"error": "invalid_grant"})
        token = secrets.token_urlsafe()
        self.server.tokens.add(token)
        return self.tell(200, {"access_token": token, "token_type": "Bearer", "id_token": self.server.id_token()})

    def tell(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    """It, and the settings that name it."""
    server = Provider()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    settings.OIDC = {
        "provider_id": "oidc", "name": "Aero ID", "client_id": CLIENT, "secret": SECRET,
        "settings": {"server_url": server.url, "oauth_pkce_enabled": True},
    }  # fmt: skip
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [settings.OIDC]}}
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
