"""The targets of scraping: URLs from the settings, and system servers that cards reveal."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from backends.dynamo.records import ModelCard
from backends.metrics.card_cache import CardCache
from backends.probe.addresses import parse_address
from backends.probe.probe_targets import DEFAULT_PORTS, targets_of
from backends.probe.types import ProbeMethod
from backends.redact import MASK
from backends.store import Misconfigured

PATH = "/metrics"
MOST_GIVEN = 256
MOST_REVEALED = 256
"""Servers scraped because cards reveal them. Bounded, since any client of the store can write
cards.
"""

_COMMA = " (a comma in a password is written %2C)"
_PATH = re.compile(r"(/[A-Za-z0-9._~%+-]*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapeTarget:
    """One process to scrape. Neither its text nor its repr holds a secret."""

    base: str
    """The URL without `/metrics`, user and password: `http://frontend-0:8000`."""
    user: str | None = field(default=None, repr=False)
    """A secret too: a URL may have only a token before the `@`."""
    password: str | None = field(default=None, repr=False)
    given: bool = True
    """Whether it is from the settings. If not, a card reveals it."""

    @property
    def url(self) -> str:
        """The URL to scrape, without user and password."""
        return self.base + PATH

    def __str__(self) -> str:
        if self.user is None:
            return self.base
        scheme, _, rest = self.base.partition("://")
        return f"{scheme}://{MASK}@{rest}"


def given(setting: str, texts: Iterable[str]) -> tuple[ScrapeTarget, ...]:
    """Parse texts with one URL each, or several separated by commas.

    Raises `Misconfigured` with the `setting` and the number of the URL, but without the URL itself:
    there may be a password anywhere in it.
    """
    urls = [url.strip() for text in texts for url in text.split(",") if url.strip()]
    if len(urls) > MOST_GIVEN:
        raise Misconfigured(setting, f"names {len(urls)} URLs, and at most {MOST_GIVEN} may be")
    found: dict[str, ScrapeTarget] = {}
    for number, url in enumerate(urls, start=1):
        which = "its URL" if len(urls) == 1 else f"its URL number {number}"
        target = _target(setting, which, url)
        found[target.base] = target
    return tuple(found.values())


def _target(setting: str, which: str, text: str) -> ScrapeTarget:
    """Parse `http://` or `https://`, user and password if present, host, port and path."""
    if "://" not in text:
        text = f"http://{text}"
    try:
        url = urlsplit(text)
        port = url.port or DEFAULT_PORTS.get(url.scheme, 0)
    except ValueError:
        raise Misconfigured(setting, f"{which} is not a URL") from None
    host = url.hostname or ""
    address = parse_address(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    if url.scheme not in DEFAULT_PORTS or address is None:
        raise Misconfigured(setting, f"{which} is not of the form http://host:port{_COMMA}")
    if url.query or url.fragment or not _PATH.fullmatch(url.path):
        raise Misconfigured(setting, f"{which} must end with a host, a port or a path")
    path = url.path.rstrip("/").removesuffix(PATH)
    return ScrapeTarget(
        base=f"{url.scheme}://{address}{path}",
        user=None if url.username is None else unquote(url.username),
        password=None if url.password is None else unquote(url.password),
    )


class CardTargets(NamedTuple):
    """The system servers that cards reveal."""

    cards: Mapping[ScrapeTarget, ModelCard]
    """Those that are scraped, sorted by address, each with a card that reveals it."""
    number: int
    """The number of all, scraped or not."""


class CardTargetFinder:
    """Finds the system servers that cards reveal. A bounded number of them is scraped."""

    def __init__(self, *, here: bool) -> None:
        """`here`: whether a loopback address in the store means this machine. If not, such servers
        are left out, since another program may listen there on this machine.
        """
        self._here = here
        self._servers = CardCache(_server)

    def of(self, cards: Iterable[ModelCard]) -> CardTargets:
        """Return the servers of these cards. The same cards give the same servers."""
        found: dict[str, ModelCard] = {}
        for card, base in self._servers.each(cards):
            if base is not None and (base not in found or card.key < found[base].key):
                found[base] = card
        if not self._here:
            found = {base: card for base, card in found.items() if not _is_on_this_machine(base)}
        asked = sorted(found)[:MOST_REVEALED]
        return CardTargets(
            {ScrapeTarget(base=base, given=False): found[base] for base in asked}, len(found)
        )


def _server(card: ModelCard) -> str | None:
    """Return the URL of the server that a card reveals. None: it reveals none."""
    urls = (probed.address for probed in targets_of(card) if probed.method is ProbeMethod.HEALTH)
    return next(urls, None)


def _is_on_this_machine(base: str) -> bool:
    address = parse_address(base.removeprefix("http://"))
    return address is not None and (address.is_loopback or is_local(address.host))


def is_local(host: str) -> bool:
    """Return whether an IP address means something else on each machine: loopback, link-local, or
    unspecified. False for names.
    """
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    ip = mapped or ip
    return ip.is_loopback or ip.is_link_local or ip.is_unspecified
