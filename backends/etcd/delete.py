"""Remove keys, many in one transaction, each only if it holds exactly what was seen.

A transaction is all or nothing: it compares revision, lease and value of each of its keys, and
removes all or none. The value is compared because a revision does not identify it: an etcd that was
restored from a snapshot assigns the same revision a second time. If nothing was removed, the
failure branch reports, at the same moment, which keys changed or are gone. The other keys of a
failed transaction are sent again in two halves, so that one busy or forbidden key delays its
neighbours a few times (6 at most) and then stands alone.

Nested transactions are not used.

A key is in its transaction five times. If key and value do not fit into one request (1.5 MiB unless
set), the value cannot be compared there. See `_remove_large`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.errors import TooLarge, Unauthenticated
from backends.etcd.put_back import put_back
from backends.store import (
    Entry,
    NotAuthorised,
    Outcome,
    PutBack,
    Refused,
    Removal,
    Revision,
    StoreError,
    Unreachable,
)
from backends.store.limited_gather import limited_gather

COMPARISONS = 3
"""Comparisons for each key."""
TXN_KEYS = 128 // COMPARISONS
"""Keys in one transaction: comparisons, too, count for etcd's `--max-txn-ops`, 128 by default. A
server with a lower limit refuses it and accepts the halves.
"""
TXN_BYTES = 1024 * 1024
"""Bytes of one transaction: etcd's default limit of a request is 1.5 MiB. A server with a lower
limit refuses it and accepts the halves.
"""
KEY_COPIES = COMPARISONS + 2
"""Times that a key occurs in its transaction: once more in each branch."""

NEVER = -1
"""A revision that no key has: revisions begin at 1, and 0 stands for a missing key."""

OTHER_BYTES = "removed other bytes than the audit holds, and could not put them back"

Batch = Mapping[bytes, Entry]
"""Keys with the entries that were seen."""


async def remove(client: Client, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
    """Remove keys as `Store.delete` does. Return each outcome. Raises no `StoreError`.

    A transaction that may have been carried out is not sent again, and no key is in two at a time:
    a key reported as gone was not removed by this call.
    """
    seen = {entry.key: entry for entry in entries}
    outcomes: dict[bytes, Outcome] = {}
    # etcd has no empty key, and refuses requests for it.
    if seen.pop(b"", None) is not None:
        outcomes[b""] = Removal.GONE
    batches = list(_batches(seen))
    while batches:
        answers = await limited_gather(batches, lambda batch: _remove(client, batch))
        left: list[Batch] = []
        for batch, answer in zip(batches, answers, strict=True):
            if not isinstance(answer, StoreError):
                outcomes |= answer
                left.append({key: batch[key] for key in batch if key not in answer})
            elif len(batch) > 1 and _may_be_due_to_one_key(answer):
                left.append(batch)
            else:
                outcomes |= dict.fromkeys(batch, answer)
        lost = next((answer for answer in answers if isinstance(answer, Unreachable)), None)
        if lost is not None:
            # The other keys would only wait for the same.
            outcomes |= {key: lost for batch in left for key in batch}
            break
        batches = [half for batch in left for half in _halves(batch)]
    return outcomes


async def _remove(client: Client, batch: Batch) -> dict[bytes, Removal]:
    """Send one transaction: all keys are removed, or it reports which changed or are gone.

    Not in the result: keys of a failed transaction that look unchanged.
    """
    keys = list(batch)
    request = rpc.TxnRequest(
        compare=[one for entry in batch.values() for one in _as_seen(entry)],
        success=[_delete(key) for key in keys],
        failure=[_look(key) for key in keys],
    )
    try:
        answer = await client.call(rpc.TXN, request, repeatable=False)
    except TooLarge:
        if len(batch) > 1:
            raise
        return {keys[0]: await _remove_large(client, batch[keys[0]])}
    if answer.succeeded:
        return dict.fromkeys(keys, Removal.REMOVED)
    outcomes: dict[bytes, Removal] = {}
    for key, response in zip(keys, answer.responses, strict=True):
        found = response.response_range.kvs
        if not found:
            outcomes[key] = Removal.GONE
        # Values are not requested, since they may be large. If nothing else differs, the value
        # changed if no other key can have failed the transaction.
        elif len(keys) == 1 or not _looks_as_seen(found[0], batch[key]):
            outcomes[key] = Removal.CHANGED
    return outcomes


async def _remove_large(client: Client, entry: Entry) -> Removal:
    """Remove a key that is too large, itself or by its value, for a transaction that compares all.

    The key is read and compared, and then removed at the revision that was read. In the
    milliseconds between the two calls etcd would have to be restored from a backup and written up
    to the same revision for a wrong removal. Therefore the transaction also returns the removed
    value, and if that is not the value seen, it is put back at once.
    """
    ask = rpc.RangeRequest(key=entry.key)
    found = (await client.call(rpc.RANGE, ask)).kvs
    if not found:
        return Removal.GONE
    if not entry.is_still(rpc.entry(found[0])):
        return Removal.CHANGED
    request = rpc.TxnRequest(
        compare=[_has_revision(entry.key, found[0].mod_revision)],
        success=[_delete(entry.key, prev_kv=True)],
    )
    answer = await client.call(rpc.TXN, request, repeatable=False)
    if not answer.succeeded:
        return Removal.CHANGED if (await client.call(rpc.RANGE, ask)).kvs else Removal.GONE
    (kv,) = answer.responses[0].response_delete_range.prev_kvs
    removed = rpc.entry(kv)
    if entry.is_still(removed):
        return Removal.REMOVED
    if await put_back(client, removed) is PutBack.LEASE_GONE:
        raise Refused(client.address, OTHER_BYTES)
    return Removal.CHANGED


def _as_seen(entry: Entry) -> Iterator[rpc.Compare]:
    """Yield the comparisons that hold while a key is unchanged."""
    key, compare = entry.key, rpc.Compare
    yield _has_revision(key, _mod_revision(entry.revision))
    yield compare(key=key, target=compare.LEASE, result=compare.EQUAL, lease=_lease(entry))
    yield compare(key=key, target=compare.VALUE, result=compare.EQUAL, value=entry.value)


def _has_revision(key: bytes, revision: int) -> rpc.Compare:
    compare = rpc.Compare
    return compare(key=key, target=compare.MOD, result=compare.EQUAL, mod_revision=revision)


def _delete(key: bytes, *, prev_kv: bool = False) -> rpc.RequestOp:
    """Return a delete. `prev_kv`: the answer includes the removed value."""
    return rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=key, prev_kv=prev_kv))


def _look(key: bytes) -> rpc.RequestOp:
    return rpc.RequestOp(request_range=rpc.RangeRequest(key=key, keys_only=True))


def _looks_as_seen(found: rpc.KeyValue, entry: Entry) -> bool:
    """Return whether all but the value is unchanged."""
    known = (_mod_revision(entry.revision), _lease(entry))
    return (found.mod_revision, found.lease) == known


def _lease(entry: Entry) -> int:
    """Return an entry's lease as etcd's int64. 0: none."""
    return 0 if entry.lease is None else rpc.to_lease(entry.lease)


def _mod_revision(revision: Revision) -> int:
    """Return a revision as etcd's int64. `NEVER`: it is not one of etcd's."""
    known = int(revision) if revision.isascii() and revision.isdecimal() else 0
    return known if 0 < known < 2**63 else NEVER


def _may_be_due_to_one_key(error: StoreError) -> bool:
    """Return whether parts of a transaction that failed with this error may succeed."""
    return isinstance(error, Refused | NotAuthorised) and not isinstance(error, Unauthenticated)


def _batches(seen: Batch) -> Iterator[Batch]:
    """Split into as few batches as the limits allow. A key above the limit of bytes is alone."""
    batch: dict[bytes, Entry] = {}
    size = 0
    for key, entry in seen.items():
        more = KEY_COPIES * len(key) + len(entry.value)
        if batch and (len(batch) == TXN_KEYS or size + more > TXN_BYTES):
            yield batch
            batch, size = {}, 0
        batch[key] = entry
        size += more
    if batch:
        yield batch


def _halves(batch: Batch) -> list[Batch]:
    """Split a batch into its non-empty halves."""
    items = list(batch.items())
    middle = len(items) // 2
    return [dict(half) for half in (items[:middle], items[middle:]) if half]
