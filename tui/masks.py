"""What must not be in a text that stays: passwords, tokens, keys.

The net below `backends.masking`, where errors are worded: it goes over all that is logged, whoever
wrote it, and knows the secrets themselves, from the environment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote, unquote

from backends.masking import MASK

SECRETS = ("ETCD_AUTH_PASSWORD", "NATS_AUTH_PASSWORD", "NATS_AUTH_TOKEN", "NATS_AUTH_NKEY")
"""Environment names whose value is one."""
PEM_TEXTS = ("ETCD_AUTH_CA", "ETCD_AUTH_CLIENT_CERT", "ETCD_AUTH_CLIENT_KEY")
"""Environment names whose value may be a path, or PEM text."""
URLS = ("NATS_SERVER", "DYNTOP_METRICS", "ETCD_ENDPOINTS")
"""Environment names with URLs, which may have a password in front of an `@`."""

LEAST = 4
"""Characters: hiding what is shorter would tell it, by what is missing in every other word."""
LEAST_LINE = 24
"""Characters of a line of PEM text that is a secret by itself."""

_URL = re.compile(r"://[^\s'\"]*")
_PATTERNS = (
    re.compile(r"-----BEGIN .*?(?:-----END [^-]*-----|\Z)", re.DOTALL),
    # As HTTP has them.
    re.compile(r"(?<=\bbasic )[\w+/=.~-]{4,}|(?<=\bbearer )[\w+/=.~-]{4,}", re.IGNORECASE),
    # Seeds of NATS, and tokens as NATS and etcd sign them.
    re.compile(r"\bS[ACNOUX][A-Z2-7]{56}\b"),
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"),
)

Mask = Callable[[str], str]


def masks(environ: Mapping[str, str], urls: Iterable[str] = ()) -> Mask:
    """What hides the secrets of an environment, and of URLs that were given otherwise, wherever
    they turn up in a text; and whatever looks like a secret by its form."""
    secrets = {environ.get(name, "") for name in SECRETS}
    for name in PEM_TEXTS:
        lines = environ.get(name, "").splitlines()
        secrets.update(line for line in lines[1:-1] if len(line) >= LEAST_LINE)
    for text in (*(environ.get(name, "") for name in URLS), *urls):
        secrets.update(_credentials(text))
    written = {way for secret in secrets for way in _ways(secret) if len(way) >= LEAST}
    # Longest first: one may be the beginning of another.
    known = re.compile("|".join(map(re.escape, sorted(written, key=len, reverse=True))))

    def mask(text: str) -> str:
        if written:
            text = known.sub(MASK, text)
        for pattern in _PATTERNS:
            text = pattern.sub(MASK, text)
        return _URL.sub(_without_credentials, text)

    return mask


def _credentials(urls: str) -> set[str]:
    """The passwords in URLs, and what stands there alone, which is a token."""
    found = set()
    for url in urls.split(","):
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
