"""Which of the requested key ranges a user may read, if not all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from backends.dynamo.keys import BUCKET_NAMES
from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.key_ranges import NO_END, KeyRange, common, key_ranges, merged, without
from backends.store import Forbidden

ROOT = "root"
"""etcd's role that may do everything. It need not exist, and then it cannot be read."""


class Permissions(msgspec.Struct, frozen=True):
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
    ranges = common(asked, permitted)
    if not ranges:
        raise denial
    return Permissions(tuple(ranges), unread_in_words(asked, permitted))


def unread_in_words(asked: Iterable[KeyRange], permitted: Iterable[KeyRange]) -> str:
    """Return what of the keys asked for may not be read, by what it holds. Empty: all may be.

    The names of the buckets are all that is taken from Dynamo: an operator grants roles on them.
    """
    rest, allowed = list(asked), list(permitted)
    missing: defaultdict[str, list[str]] = defaultdict(list)
    partly = []
    # A bucket below another one comes first: the other stands for what is in none.
    for prefix in sorted(BUCKET_NAMES, key=len, reverse=True):
        bucket = key_ranges([prefix])
        wanted, rest = common(rest, bucket), without(rest, bucket)
        there, name = common(wanted, allowed), BUCKET_NAMES[prefix]
        if wanted and not there:
            missing[name].append(prefix.decode())
        elif there != wanted:
            partly.append(f"{name} ({prefix.decode()}) but {_granted(wanted, allowed)}")
    named = [f"{name} ({', '.join(sorted(prefixes))})" for name, prefixes in missing.items()]
    # What is asked for in no bucket of Dynamo's.
    others = [str(one) for one in rest if not common([one], allowed)]
    partly += [
        f"{one} but {_granted([one], allowed)}"
        for one in rest
        if (there := common([one], allowed)) and there != [one]
    ]
    parts = [*sorted(named), *sorted(others), *sorted(partly)]
    return f"no permission to read {', '.join(parts)}" if parts else ""


def _granted(wanted: Sequence[KeyRange], permitted: Iterable[KeyRange]) -> str:
    """Return which permissions there are for a part of some ranges, as they were granted."""
    return " and ".join(str(may) for may in permitted if common(wanted, [may]))


async def removable(client: Client, asked: Sequence[KeyRange]) -> list[KeyRange]:
    """Return the parts of these ranges in which the user may remove keys: a removal compares what
    it removes, so it needs the permission to read as well as to write.

    For a user with a name. Goes through the cluster's log, as a login does. Raises `StoreError`.
    """
    granted = await _granted_to(client)
    readable, writable = (
        merged(one for one, kind in granted if kind != other)
        for other in (rpc.WRITE_ONLY, rpc.READ_ONLY)
    )
    return common(common(asked, readable), writable)


async def _permitted(client: Client) -> list[KeyRange]:
    """Return all ranges that the user may read. Empty: only a certificate names the user."""
    if not client.user:
        return []
    granted = await _granted_to(client)
    return merged(one for one, kind in granted if kind != rpc.WRITE_ONLY)


async def _granted_to(client: Client) -> list[tuple[KeyRange, int]]:
    """Return the ranges that the user's roles grant, each with the type of permission."""
    user = await client.call(rpc.USER_GET, rpc.AuthUserGetRequest(name=client.user))
    found: list[tuple[KeyRange, int]] = []
    for role in user.roles:
        if role == ROOT:
            found.append((KeyRange(b"\0", NO_END), rpc.READ_AND_WRITE))
            continue
        answer = await client.call(rpc.ROLE_GET, rpc.AuthRoleGetRequest(role=role))
        # Without an end it is for a single key.
        found += [
            (KeyRange(one.key, one.range_end or one.key + b"\0"), one.permType)
            for one in answer.perm
        ]
    return found
