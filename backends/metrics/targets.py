"""Where metrics are scraped: URLs that a person gave, and system servers that cards reveal."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from backends.masking import MASK
from backends.metrics.remembered import OfCards
from backends.probe.addresses import parse_address
from backends.probe.targets import DEFAULT_PORTS, targets_of
from backends.probe.types import Method
from backends.records import ModelCard
from backends.store import Misconfigured

PATH = "/metrics"
MOST_GIVEN = 256
MOST_REVEALED = 256
"""Servers that are scraped because cards reveal them: cards come from whoever writes to a store."""

_COMMA = " (a comma in a password is written %2C)"
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
        return f"{scheme}://{MASK}@{rest}"


def given(setting: str, texts: Iterable[str]) -> tuple[Target, ...]:
    """The targets of texts with a URL each, or several with commas between them.

    Raises `Misconfigured`, which names `setting` and says which URL it is about, the first or the
    second, but repeats nothing of any: there may be a password anywhere in it.
    """
    urls = [url.strip() for text in texts for url in text.split(",") if url.strip()]
    if len(urls) > MOST_GIVEN:
        raise Misconfigured(setting, f"names {len(urls)} URLs, and at most {MOST_GIVEN} may be")
    found: dict[str, Target] = {}
    for number, url in enumerate(urls, start=1):
        which = "its URL" if len(urls) == 1 else f"its URL number {number}"
        target = _target(setting, which, url)
        found[target.base] = target
    return tuple(found.values())


def _target(setting: str, which: str, text: str) -> Target:
    """`http://` or `https://`, user and password if there are any, host, port, path."""
    if "://" not in text:
        text = f"http://{text}"
    try:
        url = urlsplit(text)
        port = url.port or DEFAULT_PORTS.get(url.scheme, 0)
    except ValueError:
        raise Misconfigured(setting, f"{which} is none") from None
    host = url.hostname or ""
    address = parse_address(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    if url.scheme not in DEFAULT_PORTS or address is None:
        raise Misconfigured(setting, f"{which} is not of the form http://host:port{_COMMA}")
    if url.query or url.fragment or not _PATH.fullmatch(url.path):
        raise Misconfigured(setting, f"{which} must end with a host, a port or a path")
    path = url.path.rstrip("/").removesuffix(PATH)
    return Target(
        base=f"{url.scheme}://{address}{path}",
        user=_secret(url.username),
        password=_secret(url.password),
    )


def _secret(text: str | None) -> SecretStr | None:
    return None if text is None else SecretStr(unquote(text))


class Revealed(NamedTuple):
    """The system servers that cards reveal."""

    cards: Mapping[Target, ModelCard]
    """Those that are asked, in the order of their addresses, each with a card that reveals it."""
    number: int
    """How many there are, asked or not."""


class Revealing:
    """Finds the system servers that cards reveal; a bounded number of them is asked."""

    def __init__(self, *, here: bool) -> None:
        """`here`: whether a loopback address in the store means this machine. Otherwise such a
        server is left out: what listens there here is another's."""
        self._here = here
        self._servers = OfCards(_server)

    def of(self, cards: Iterable[ModelCard]) -> Revealed:
        """Of all cards that there are; the same servers are asked while the cards are the same."""
        found: dict[str, ModelCard] = {}
        for card, base in self._servers.each(cards):
            if base is not None and (base not in found or card.key < found[base].key):
                found[base] = card
        if not self._here:
            found = {base: card for base, card in found.items() if not _is_on_this_machine(base)}
        asked = sorted(found)[:MOST_REVEALED]
        return Revealed({Target(base=base, given=False): found[base] for base in asked}, len(found))


def _server(card: ModelCard) -> str | None:
    """The URL of the one that a card reveals."""
    urls = (probed.address for probed in targets_of(card) if probed.method is Method.HEALTH)
    return next(urls, None)


def _is_on_this_machine(base: str) -> bool:
    address = parse_address(base.removeprefix("http://"))
    return address is not None and (address.is_loopback or is_local(address.host))


def is_local(host: str) -> bool:
    """Whether it is an IP address that means something else on each machine: of the loopback
    interface, of a link, or none at all. A name is not."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    ip = mapped or ip
    return ip.is_loopback or ip.is_link_local or ip.is_unspecified
