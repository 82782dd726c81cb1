"""Removing keys, many in one transaction, each only in the revision that was seen.

A transaction is all or nothing: it compares the revision of each of its keys, and removes them all
or none. If none, its failure branch says, at the same moment, which keys changed or are gone. What
is left of a transaction that did not go through is sent again in two halves, so that one busy or
forbidden key holds up its neighbours a few times (8 at most) and then stands alone.

Not nested in one another: etcd 3.5.1 checks no permissions inside nested transactions, so a user
could remove what the user must not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.errors import Unauthenticated
from backends.in_flight import in_flight
from backends.store import (
    NotAuthorised,
    Outcome,
    Refused,
    Removal,
    Revision,
    StoreError,
    Unreachable,
)

TXN_KEYS = 128
"""Keys in one transaction: etcd's default `--max-txn-ops`. A server with a lower one refuses it,
and takes the halves."""
TXN_KEY_BYTES = 256 * 1024
"""Bytes of keys in one transaction. Each key is in it three times, and etcd's default limit of a
request is 1.5 MiB."""

NEVER = -1
"""Equals no key's revision: those begin at 1, and 0 is that of a key that is not there."""

Batch = Mapping[bytes, int]
"""Keys and the `mod_revision` that each was seen in."""


async def remove(client: Client, targets: Mapping[bytes, Revision]) -> dict[bytes, Outcome]:
    """What came of each key; see `Store.delete`. Raises no `StoreError`.

    A transaction that may have been carried out is not sent again, and no key is in two at a time:
    what is said to be gone was not removed by this call.
    """
    # etcd has no empty key, and refuses to be asked for it.
    seen = {key: _mod_revision(revision) for key, revision in targets.items() if key}
    outcomes: dict[bytes, Outcome] = dict.fromkeys(targets.keys() - seen.keys(), Removal.GONE)
    batches = list(_batches(seen))
    while batches:
        answers = await in_flight(batches, lambda batch: _remove(client, batch))
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
            # The others would only wait for the same.
            outcomes |= {key: lost for batch in left for key in batch}
            break
        batches = [half for batch in left for half in _halves(batch)]
    return outcomes


async def _remove(client: Client, batch: Batch) -> dict[bytes, Removal]:
    """One transaction: all keys are removed, or it says which changed or are gone.

    Not in the result: keys that are as they were seen, and only shared the transaction.
    """
    keys = list(batch)
    request = rpc.TxnRequest(
        compare=[
            rpc.Compare(
                key=key,
                target=rpc.Compare.MOD,
                result=rpc.Compare.EQUAL,
                mod_revision=batch[key],
            )
            for key in keys
        ],
        success=[
            rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=key)) for key in keys
        ],
        failure=[
            rpc.RequestOp(request_range=rpc.RangeRequest(key=key, keys_only=True)) for key in keys
        ],
    )
    answer = await client.call(rpc.TXN, request, repeatable=False)
    if answer.succeeded:
        return dict.fromkeys(keys, Removal.REMOVED)
    outcomes: dict[bytes, Removal] = {}
    for key, response in zip(keys, answer.responses, strict=True):
        found = response.response_range.kvs
        if not found:
            outcomes[key] = Removal.GONE
        elif found[0].mod_revision != batch[key]:
            outcomes[key] = Removal.CHANGED
    return outcomes


def _mod_revision(revision: Revision) -> int:
    """As etcd spells it; what is none of etcd's revisions is `NEVER`."""
    known = int(revision) if revision.isascii() and revision.isdecimal() else 0
    return known if 0 < known < 2**63 else NEVER


def _may_be_due_to_one_key(error: StoreError) -> bool:
    """Whether parts of a transaction that failed so may go through."""
    return isinstance(error, Refused | NotAuthorised) and not isinstance(error, Unauthenticated)


def _batches(seen: Batch) -> Iterator[Batch]:
    """As few as the limits allow; a key that is over the limit of bytes alone is alone."""
    batch: dict[bytes, int] = {}
    size = 0
    for key, revision in seen.items():
        if batch and (len(batch) == TXN_KEYS or size + len(key) > TXN_KEY_BYTES):
            yield batch
            batch, size = {}, 0
        batch[key] = revision
        size += len(key)
    if batch:
        yield batch


def _halves(batch: Batch) -> list[Batch]:
    """Two, one or none: without the empty ones."""
    items = list(batch.items())
    middle = len(items) // 2
    return [dict(half) for half in (items[:middle], items[middle:]) if half]
