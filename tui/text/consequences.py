"""What removing a record does, in sentences. No Textual in here; nothing is made plain yet.

Seen with real workers of Dynamo 1.6.1, in etcd and in a file store. For NATS it is what follows
from Dynamo's source (`storage/kv/nats.rs`), since no release selects that store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.judge import Verdict
from backends.liveness.workers import Worker
from backends.removal.drain import Left
from backends.store import Lifetime
from tui.text.format import count
from tui.text.sanitize import clip_middle

MOST_SENTENCES = 12
"""That are told of several records: each that claims to be another may have one of its own."""
MOST_WORKERS = 4
"""Whose ids are in one sentence."""
SENTENCE_CELLS = 500
"""Columns of a sentence: names in it may be 100 KB long."""


def consequences(
    record: AnyRecord,
    *,
    verdict: Verdict = Verdict.UNKNOWN,
    lifetime: Lifetime | None = None,
) -> list[str]:
    """What follows from removing a record, a sentence each, with untrusted text in them.

    `lifetime`: of its store. None: what differs with the store is left out.
    """
    sentences = []
    if record.malformed is not None:
        sentences.append(f"Dynamo skips it: {record.malformed}.")
    elif record.kind is Kind.UNKNOWN:
        sentences.append("dyntop does not know what this key is for, nor who needs it.")
    elif record.expired_at is not None or verdict is Verdict.EXPIRED:
        sentences.append("Its time to live ran out: no live worker keeps it.")
        if lifetime is Lifetime.TOUCHED:
            sentences.append(
                "Left alone, it stays until a Dynamo process that watches its folder sweeps it, or "
                "for ever."
            )
    elif verdict is Verdict.ORPHANED:
        sentences.append("Its worker is gone: nothing serves it any more.")
    elif verdict is Verdict.UNREACHABLE:
        sentences.append(
            "Nothing answers at this address, so requests routed to it fail. A worker that is only "
            "hung will need a restart to be routed to again."
        )
    else:
        sentences += _of_what_may_live(record, verdict, lifetime is Lifetime.TOUCHED)
    if lifetime is Lifetime.UNBOUNDED:
        sentences.append("Left alone, it stays, unless its bucket has a time to live.")
    if record.conflict is not None:
        sentence = still_routed(record)
        sentences.append(f"{sentence[:1].upper()}{sentence[1:]}.")
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


def told_after(sentence: str) -> str:
    """A sentence for behind a colon: without its capital and full stop, but a name (of a model,
    `LoRA`) as it is written."""
    first = sentence.partition(" ")[0]
    is_a_word = first.isalpha() and first[1:] == first[1:].lower()
    if is_a_word:
        sentence = sentence[:1].lower() + sentence[1:]
    return sentence.removesuffix(".")


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
    elif record.kind is Kind.ENDPOINT and record.conflict is not None:
        # Another sentence says what clients go by.
        lost = ""
    elif record.kind is Kind.ENDPOINT:
        lost = "Clients stop routing to this instance."
    else:
        lost = "New subscribers will not find this publisher."
    sentences = []
    if verdict is Verdict.UNREACHABLE_FROM_HERE:
        sentences.append(
            "It was tried from this host only: other hosts may reach it, and route to it."
        )
    lives = verdict in (Verdict.LIVE, Verdict.LATE, Verdict.DRAINED)
    worker = "The worker keeps running" if lives else "The worker, if it is alive, keeps running"
    sentences += [*filter(None, [lost]), f"{worker} but stays unregistered until it restarts."]
    if has_file:
        sentences.append("Until then it logs an error every 3.3 s about its missing file.")
    return sentences


def left_in_words(left: Left) -> str:
    """What a removal leaves one model with, as a sentence."""
    name = f"LoRA adapter {left.model}" if left.is_lora else left.model
    before, after = left.before.most, left.after
    if not before:
        return f"{name}: no worker of it is routable, before or after."
    if not after.most:
        why = f": no {' and no '.join(left.missing)} worker is left" if left.missing else ""
        return f"{name}: nobody serves it then{why}."
    number = (
        f"{after.most:,}" if after.least == after.most else f"{after.least:,} to {after.most:,}"
    )
    verb = "stays" if number == "1" else "stay"
    return f"{name}: {number} of {before:,} {verb} routable."


def no_worker(process: Worker) -> str:
    """Why a process that is no worker is not drained, as a clause without its full stop."""
    return (
        f"{process.id:x} is no worker but the {process.role.value} process of "
        f"{', '.join(process.components)}: nothing routes requests of a model to it"
    )


def workers_in_words(workers: Sequence[int]) -> str:
    """`worker a7`, or `workers a7, b2 and 5 more`."""
    return f"{'worker' if len(workers) == 1 else 'workers'} {ids_in_words(workers)}"


def ids_in_words(ids: Sequence[int]) -> str:
    """`a7`, or `a7, b2 and 5 more`."""
    named = [f"{one:x}" for one in ids[:MOST_WORKERS]]
    if more := len(ids) - len(named):
        return f"{', '.join(named)} and {more:,} more"
    return " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
