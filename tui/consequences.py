"""What removing a record does, in sentences. No Textual in here; nothing is made plain yet.

Seen with real workers of Dynamo 1.6.1, in etcd and in a file store.
"""

from __future__ import annotations

from backends.ids import Kind
from backends.records import AnyRecord, ModelCard


def consequences(record: AnyRecord) -> list[str]:
    """What follows from removing a record, a sentence each, with untrusted text in them."""
    sentences = []
    if record.malformed is not None:
        sentences.append(f"Dynamo skips it: {record.malformed}.")
    elif record.kind is Kind.UNKNOWN:
        sentences.append("dyntop does not know what this key is for, nor who needs it.")
    elif record.expired_at is not None:
        sentences.append("Its time to live ran out: no live worker keeps it.")
    elif isinstance(record, ModelCard) and record.is_lora:
        sentences.append(
            "The adapter is no longer offered on this worker; some releases of Dynamo then stop "
            "routing to the worker at all."
        )
    elif record.kind is Kind.MODEL:
        sentences.append("Frontends stop serving the model from this worker.")
    elif record.kind is Kind.ENDPOINT:
        sentences.append("Clients stop routing to this instance.")
    else:
        sentences.append("Who subscribes from now on does not find this publisher.")
    if record.malformed is None and record.expired_at is None and record.kind is not Kind.UNKNOWN:
        # Whether a store has leases or not, the key alone does not tell whether anybody lives.
        sentences.append(
            "Its worker, if it lives, runs on, and writes the key again only when it restarts."
        )
    if record.conflict is not None:
        sentences.append(f"{still_routed(record)}.")
    return sentences


def still_routed(record: AnyRecord) -> str:
    """Of a record in conflict: what goes on when its key is gone."""
    return (
        f"{record.conflict}; removing the key does not unroute that id, since clients of "
        "Dynamo 1.6 go by the body"
    )
