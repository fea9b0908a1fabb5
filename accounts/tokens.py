"""Secrets that stand in an address: 256 bits, kept as their SHA-256 alone."""

import hashlib
import secrets

_BYTES = 32


def new_token() -> str:
    return secrets.token_urlsafe(_BYTES)


def digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
