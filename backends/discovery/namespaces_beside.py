"""Find the namespaces beside one: where that has nothing, one of them may be meant."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from backends.discovery.discovery import Discovery
from backends.dynamo import naming
from backends.dynamo.ids import Kind
from backends.dynamo.naming import TO_SUFFIX
from backends.dynamo.queries import ANY_END, Query


class NamespacesBeside(msgspec.Struct, frozen=True):
    """Namespaces that begin alike."""

    start: str
    """With which all of them begin."""
    names: Sequence[str]
    """In their order. At least one."""


async def namespaces_beside(
    discovery: Discovery, namespace: str | None, generation_of: str | None = None
) -> NamespacesBeside | None:
    """Return which namespaces begin as one, or as that of which it is a generation: workers of a
    deployment's generation register in `{namespace}-{suffix}`. None: none does, or all are looked
    at. Reads the instances and cards of those alone.

    Raises `StoreError`.
    """
    if namespace is None or namespace.endswith(ANY_END):
        return None
    start = generation_of or namespace
    query = Query(frozenset({Kind.ENDPOINT, Kind.MODEL}), start + ANY_END, nested=True)
    records, _ = await discovery.list_readable(query)
    there = {one.id.namespace for one in records if one.id.namespace is not None}
    found = sorted(name for name in there if not naming.is_within(name, namespace))
    if generation_of is not None:
        # Of the same deployment, rather than of one whose name begins alike.
        generations = start + TO_SUFFIX
        same = [name for name in found if name.startswith(generations)]
        start, found = (generations, same) if same else (start, found)
    return NamespacesBeside(start, found) if found else None
