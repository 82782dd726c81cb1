"""Which of the requested key ranges a user may read, if not all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.key_ranges import KeyRange, merged
from backends.store import Forbidden


@dataclass(frozen=True, slots=True)
class Permissions:
    """The key ranges that may be read, disjoint."""

    ranges: tuple[KeyRange, ...]
    unread: str = ""
    """The rest of the requested keys, as `Resync.unread`."""


async def readable(client: Client, asked: Sequence[KeyRange], denial: Forbidden) -> Permissions:
    """Return the parts of these ranges that the user may read, after reading all was denied.

    A user may read his own permissions. That goes through the cluster's log, as a login does, so do
    it seldom. Raises `denial` if nothing may be read, and other `StoreError`s.
    """
    permitted = await _permitted(client)
    ranges: list[KeyRange] = []
    nothing: list[str] = []
    partly: list[str] = []
    for one in asked:
        parts = [part for may in permitted if (part := one.common(may)) is not None]
        ranges += parts
        if not parts:
            nothing.append(str(one))
        elif parts != [one]:
            partly.append(f"of {one} only {', '.join(map(str, parts))} may be read")
    if not ranges:
        raise denial
    unread = ([f"no permission to read {', '.join(nothing)}"] if nothing else []) + partly
    if partly and not nothing:
        unread.insert(0, "permission for a part only")
    return Permissions(tuple(ranges), "; ".join(unread))


async def _permitted(client: Client) -> list[KeyRange]:
    """Return all ranges that the user may read. Empty: only a certificate names the user."""
    if not client.user:
        return []
    user = await client.call(rpc.USER_GET, rpc.AuthUserGetRequest(name=client.user))
    found: list[KeyRange] = []
    for role in user.roles:
        answer = await client.call(rpc.ROLE_GET, rpc.AuthRoleGetRequest(role=role))
        # Without an end it is for a single key.
        found += [
            KeyRange(one.key, one.range_end or one.key + b"\0")
            for one in answer.perm
            if one.permType != rpc.WRITE_ONLY
        ]
    return merged(found)
