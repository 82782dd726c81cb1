"""Remove secrets from settings and from foreign texts before they are shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from urllib.parse import quote, unquote

MASK = "***"
"""The text that replaces a secret."""

LEAST = 4
"""Characters of the shortest secret that is masked: masking a shorter one would reveal it, since it
is missing in every other word.
"""

_PATH = re.compile(r"[^\s-][^\r\n]{0,254}")
_URL = re.compile(r"://[^\s'\"]*")
# In any case: libraries pass servers' texts on in lower case.
_FORMS = (
    re.compile(r"-----BEGIN .*?(?:-----END [^-]*-----|\Z)", re.DOTALL | re.IGNORECASE),
    # As in HTTP headers.
    re.compile(r"(?<=\bbasic )[\w+/=.~-]{4,}|(?<=\bbearer )[\w+/=.~-]{4,}", re.IGNORECASE),
    # Seeds of NATS, and tokens as NATS and etcd sign them.
    re.compile(r"\bS[ACNOUX][A-Z2-7]{56}\b", re.IGNORECASE),
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+", re.IGNORECASE),
)

Mask = Callable[[str], str]


def path_or_mask(text: str) -> str:
    """Return a setting that should be a path, for a message. A text that does not look like a path
    is masked: it may be the key itself.
    """
    looks_like_one = text.startswith("/") or "." in text
    return text if looks_like_one and "-----" not in text and _PATH.fullmatch(text) else MASK


def without(text: str, secrets: Iterable[str | None]) -> str:
    """Return a foreign text without secrets, as `hiding` masks them."""
    return hiding(secrets)(text)


def hiding(secrets: Iterable[str | None]) -> Mask:
    """Return a function that masks these secrets in a text, in any case, and everything that has
    the form of a secret, such as credentials in a URL.
    """
    given = (secret for secret in secrets if secret)
    written = {way for secret in given for way in _ways(secret) if len(way) >= LEAST}
    # Longest first: one secret may be the beginning of another.
    longest_first = sorted(written, key=len, reverse=True)
    known = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)

    def mask(text: str) -> str:
        if written:
            text = known.sub(MASK, text)
        for form in _FORMS:
            text = form.sub(MASK, text)
        return _URL.sub(_without_credentials, text)

    return mask


def credentials(urls: Iterable[str]) -> set[str]:
    """Return the passwords in URLs, and user names without a password, which are tokens."""
    found = set()
    for url in urls:
        before, at, _ = url.rpartition("@")
        user, _, password = before.rpartition("://")[2].partition(":")
        if at:
            found.add(password or user)
    return found


def _ways(secret: str) -> set[str]:
    """Return the ways a secret may be written in a text: plain, in a URL, in JSON, in a repr."""
    ways = {secret, unquote(secret)}
    for way in tuple(ways):
        # The second is the repr of a text with both kinds of quotes.
        ways |= {repr(way)[1:-1], repr(way + "'\"")[1:-4]}
        ways |= {quote(way, safe=""), json.dumps(way)[1:-1]}
    return ways


def _without_credentials(url: re.Match[str]) -> str:
    before, at, host = url[0].rpartition("@")
    return f"://{MASK}@{host}" if at else before + host


def printable(text: str) -> str:
    """Return a text in one line, with control characters escaped."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )
