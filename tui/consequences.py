"""What removing a record does, in sentences. No Textual in here; nothing is made plain yet.

Seen with real workers of Dynamo 1.6.1, in etcd and in a file store. For NATS it is what follows
from Dynamo's source (`storage/kv/nats.rs`), since no release selects that store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from backends.ids import Kind
from backends.liveness import Verdict
from backends.records import AnyRecord, ModelCard
from tui.plain import clip_middle
from tui.words import count

MOST_SENTENCES = 12
"""That are told of several records: each that claims to be another may have one of its own."""
SENTENCE_CELLS = 500
"""Columns of a sentence: names in it may be 100 KB long."""


def consequences(
    record: AnyRecord,
    *,
    verdict: Verdict = Verdict.UNKNOWN,
    leases: bool | None = None,
    kept_alive: bool = True,
) -> list[str]:
    """What follows from removing a record, a sentence each, with untrusted text in them.

    `leases`: whether its store has any. None: what differs with the store is left out.
    `kept_alive`: whether workers renew what they registered there.
    """
    sentences = []
    if record.malformed is not None:
        sentences.append(f"Dynamo skips it: {record.malformed}.")
    elif record.kind is Kind.UNKNOWN:
        sentences.append("dyntop does not know what this key is for, nor who needs it.")
    elif record.expired_at is not None or verdict is Verdict.EXPIRED:
        sentences.append("Its time to live ran out: no live worker keeps it.")
        if leases is False and kept_alive:
            sentences.append(
                "If nobody removes it, it stays until a Dynamo process that watches its folder "
                "sweeps it, or for ever."
            )
    elif verdict is Verdict.ORPHANED:
        sentences.append("Its worker is gone: nobody serves it any more.")
    elif verdict is Verdict.UNREACHABLE:
        sentences.append(
            "Nobody answers there: who is routed to it fails. If its worker only hangs and comes "
            "back, it is not routed to until it restarts."
        )
    else:
        sentences += _of_what_may_live(record, verdict, leases is False and kept_alive)
    if not kept_alive:
        sentences.append("If nobody removes it, it stays, unless its bucket has a time to live.")
    if record.conflict is not None:
        sentences.append(f"{still_routed(record)}.")
    return sentences


def told_together(sentences: Iterable[str]) -> list[str]:
    """What follows from removing several records, each sentence once; of too many, those that
    concern most of the records."""
    numbers = Counter(sentences)
    told = {sentence for sentence, _ in numbers.most_common(MOST_SENTENCES)}
    lines = [sentence for sentence in numbers if sentence in told]
    if more := len(numbers) - len(lines):
        lines.append(f"And {count(more, 'sentence')} more, of other keys.")
    return lines


def plain_sentence(sentence: str) -> str:
    """A sentence as harmless text, in which long names lose their middle."""
    return clip_middle(sentence, SENTENCE_CELLS)


def still_routed(record: AnyRecord) -> str:
    """Of a record in conflict: what goes on when its key is gone."""
    return (
        f"{record.conflict}; removing the key does not unroute that id, since clients of "
        "Dynamo 1.6 go by the body"
    )


def _of_what_may_live(record: AnyRecord, verdict: Verdict, has_file: bool) -> list[str]:
    """`has_file`: whether its worker keeps touching a file."""
    if isinstance(record, ModelCard) and record.is_lora:
        lost = (
            "The adapter is no longer offered on this worker; some releases of Dynamo then stop "
            "routing to the worker at all."
        )
    elif record.kind is Kind.MODEL:
        lost = "Frontends stop serving the model from this worker."
    elif record.kind is Kind.ENDPOINT:
        lost = "Clients stop routing to this instance."
    else:
        lost = "Who subscribes from now on does not find this publisher."
    lives = verdict in (Verdict.LIVE, Verdict.LATE, Verdict.DRAINED)
    worker = "Its worker runs on" if lives else "Its worker, if it lives, runs on"
    sentences = [lost, f"{worker}, and writes the key again only when it restarts."]
    if has_file:
        sentences.append("Until then it logs an error every 3.3 s, since it misses its file.")
    return sentences
