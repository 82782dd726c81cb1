"""Namespaces beside the one that was looked at: where it has nothing, one of them may be meant."""

from __future__ import annotations

import asyncio

from backends.dynamo import naming
from backends.dynamo.ids import Kind
from backends.dynamo.queries import ANY_END, Query
from backends.store import StoreError
from tui.config.settings import TO_SUFFIX, Settings
from tui.session import open_discovery

MOST_NAMED = 3


def namespaces_beside(settings: Settings) -> str:
    """Return which namespaces begin as the one in the settings, or as that of which it is a
    generation, to end a sentence with: workers of a deployment's generation register in
    `{namespace}-{suffix}`. Empty: none does."""
    namespace = settings.namespace
    if namespace is None or namespace.endswith(ANY_END):
        return ""
    start = settings.generation_of or namespace
    try:
        found = asyncio.run(_beginning_so(settings, start))
    except StoreError:
        # That nothing was found is true all the same.
        return ""
    found = [name for name in found if not naming.is_within(name, namespace)]
    if settings.generation_of is not None:
        # Of the same deployment, rather than of one whose name begins alike.
        generations = start + TO_SUFFIX
        same = [name for name in found if name.startswith(generations)]
        start, found = (generations, same) if same else (start, found)
    if not found:
        return ""
    more = f" and {len(found) - MOST_NAMED:,} more" if len(found) > MOST_NAMED else ""
    names = ", ".join(found[:MOST_NAMED])
    return f"; there is {names}{more}: -n '{start}{ANY_END}' takes all that begin so"


async def _beginning_so(settings: Settings, start: str) -> list[str]:
    kinds = frozenset({Kind.ENDPOINT, Kind.MODEL})
    async with open_discovery(settings) as discovery:
        query = Query(kinds, start + ANY_END, nested=True)
        records, _ = await discovery.list_readable(query)
    return sorted({one.id.namespace for one in records if one.id.namespace is not None})
