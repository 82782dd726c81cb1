"""Where metrics are scraped: URLs that a person gave, and system servers that cards reveal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from backends.probe.addresses import parse_address
from backends.probe.targets import DEFAULT_PORTS, is_loopback, targets_of
from backends.probe.types import Method
from backends.records import ModelCard
from backends.store import Misconfigured

PATH = "/metrics"
MOST_GIVEN = 256
MOST_REVEALED = 256
"""Servers that are scraped because cards reveal them: cards come from whoever writes to a store."""

_PATH = re.compile(r"(/[A-Za-z0-9._~%+-]*)*")


class Target(BaseModel):
    """One process to scrape. Neither its text nor its repr has a secret."""

    model_config = ConfigDict(frozen=True)

    base: str
    """The URL without `/metrics`, user and password: `http://frontend-0:8000`."""
    user: SecretStr | None = None
    """A secret too: what stands before the `@` may be a token alone."""
    password: SecretStr | None = None
    given: bool = True
    """Whether a person named it. Otherwise a card reveals it."""

    @property
    def url(self) -> str:
        """What is scraped, without user and password."""
        return self.base + PATH

    def __str__(self) -> str:
        if self.user is None:
            return self.base
        scheme, _, rest = self.base.partition("://")
        return f"{scheme}://***@{rest}"


def given(setting: str, texts: Iterable[str]) -> tuple[Target, ...]:
    """The targets of texts with a URL each, or several with commas between them.

    Raises `Misconfigured`, which names `setting` and repeats no URL with a password.
    """
    urls = [url.strip() for text in texts for url in text.split(",") if url.strip()]
    if len(urls) > MOST_GIVEN:
        raise Misconfigured(setting, f"names {len(urls)} URLs, and at most {MOST_GIVEN} may be")
    found = {target.base: target for target in (_target(setting, url) for url in urls)}
    return tuple(found.values())


def _target(setting: str, text: str) -> Target:
    """`http://` or `https://`, user and password if there are any, host, port, path."""
    shown = repr(text) if "@" not in text else "a URL with a password"
    if "://" not in text:
        text = f"http://{text}"
    try:
        url = urlsplit(text)
        port = url.port or DEFAULT_PORTS.get(url.scheme, 0)
    except ValueError:
        raise Misconfigured(setting, f"{shown} is no URL") from None
    host = url.hostname or ""
    address = parse_address(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    if url.scheme not in DEFAULT_PORTS or address is None:
        raise Misconfigured(setting, f"{shown} is no URL of the form http://host:port")
    if url.query or url.fragment or not _PATH.fullmatch(url.path):
        raise Misconfigured(setting, f"{shown} must end with a host, a port or a path")
    path = url.path.rstrip("/").removesuffix(PATH)
    return Target(
        base=f"{url.scheme}://{address}{path}",
        user=_secret(url.username),
        password=_secret(url.password),
    )


def _secret(text: str | None) -> SecretStr | None:
    return None if text is None else SecretStr(unquote(text))


def revealed(cards: Iterable[ModelCard], *, here: bool) -> dict[Target, ModelCard]:
    """The system servers that cards reveal, each with the first card that does; a bounded number.

    `here`: whether a loopback address in the store means this machine. Otherwise such a server is
    left out: what listens there here is another's.
    """
    found: dict[Target, ModelCard] = {}
    for card in cards:
        for probed in targets_of(card):
            if probed.method is Method.HEALTH and (here or not is_loopback(probed)):
                found.setdefault(Target(base=probed.address, given=False), card)
        if len(found) >= MOST_REVEALED:
            break
    return found
