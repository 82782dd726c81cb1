"""What may be repeated of a setting, and of a text that somebody else sends: nothing secret."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from urllib.parse import quote, unquote

MASK = "***"
"""What stands where a secret was."""

LEAST = 4
"""Characters: hiding what is shorter would tell it, by what is missing in every other word."""

_PATH = re.compile(r"[^\s-][^\r\n]{0,254}")
_URL = re.compile(r"://[^\s'\"]*")
# Whatever the case: libraries hand servers' words on in lower case.
_FORMS = (
    re.compile(r"-----BEGIN .*?(?:-----END [^-]*-----|\Z)", re.DOTALL | re.IGNORECASE),
    # As HTTP has them.
    re.compile(r"(?<=\bbasic )[\w+/=.~-]{4,}|(?<=\bbearer )[\w+/=.~-]{4,}", re.IGNORECASE),
    # Seeds of NATS, and tokens as NATS and etcd sign them.
    re.compile(r"\bS[ACNOUX][A-Z2-7]{56}\b", re.IGNORECASE),
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+", re.IGNORECASE),
)

Mask = Callable[[str], str]


def path_or_mask(text: str) -> str:
    """A setting that should be a path, to be named in a message. What does not look like one may be
    the key itself, put there by mistake."""
    looks_like_one = text.startswith("/") or "." in text
    return text if looks_like_one and "-----" not in text and _PATH.fullmatch(text) else MASK


def without(text: str, secrets: Iterable[str | None]) -> str:
    """A text of somebody else's in which nothing secret is repeated: see `hiding`."""
    return hiding(secrets)(text)


def hiding(secrets: Iterable[str | None]) -> Mask:
    """What hides these secrets wherever they turn up in a text, in whatever case; and whatever
    looks like a secret by its form, such as credentials in a URL."""
    given = (secret for secret in secrets if secret)
    written = {way for secret in given for way in _ways(secret) if len(way) >= LEAST}
    # Longest first: one may be the beginning of another.
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
    """The passwords in URLs, and what stands there alone, which is a token."""
    found = set()
    for url in urls:
        before, at, _ = url.rpartition("@")
        user, _, password = before.rpartition("://")[2].partition(":")
        if at:
            found.add(password or user)
    return found


def _ways(secret: str) -> set[str]:
    """How a text may be written where it turns up: as it is, in a URL, in JSON, in a repr."""
    ways = {secret, unquote(secret)}
    for way in tuple(ways):
        # The second is that of a text with both kinds of quotes in it, without these.
        ways |= {repr(way)[1:-1], repr(way + "'\"")[1:-4]}
        ways |= {quote(way, safe=""), json.dumps(way)[1:-1]}
    return ways


def _without_credentials(url: re.Match[str]) -> str:
    before, at, host = url[0].rpartition("@")
    return f"://{MASK}@{host}" if at else before + host
