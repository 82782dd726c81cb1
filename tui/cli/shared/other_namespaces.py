"""Namespaces beside the one that was looked at: where it has nothing, one of them may be meant."""

from __future__ import annotations

import asyncio

from backends.discovery.namespaces_beside import NamespacesBeside, namespaces_beside
from backends.store import StoreError
from tui.config.settings import Settings
from tui.session import open_discovery
from tui.text.suggestions import others_named


def others_beside(settings: Settings) -> str:
    """Return the namespaces beside the one in the settings, to end a sentence with. Empty: there
    are none, or they cannot be read."""
    if settings.namespace is None:
        return ""
    try:
        found = asyncio.run(_find(settings))
    except StoreError:
        # That nothing was found is true all the same.
        return ""
    return "" if found is None else f"; {others_named(found)}"


async def _find(settings: Settings) -> NamespacesBeside | None:
    async with open_discovery(settings) as discovery:
        return await namespaces_beside(discovery, settings.namespace, settings.generation_of)
