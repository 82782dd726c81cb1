"""Sentences on what removing a record does. No Textual in here. Untrusted text is not escaped yet.

Seen with real workers of Dynamo 1.6.1, in etcd, in a file store and on a stand-in for Kubernetes'
API server. For NATS it follows from Dynamo's source (`storage/kv/nats.rs`), since no release
selects that store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.judge import Verdict
from backends.liveness.workers import Worker
from backends.removal.drain_plan import RemainingWorkers
from backends.removal.lasting_drain import LastingDrain
from backends.store import Lifetime
from backends.store.owner import Owner
from tui.text.format import count
from tui.text.sanitize import clip_middle

MOST_SENTENCES = 12
"""Sentences shown for several records: each record in conflict may add one of its own."""
MOST_WORKERS = 4
"""Worker ids in one sentence."""
SENTENCE_CELLS = 500
"""Columns of a sentence: names in it may be 100 KB long."""

INSTANCE_GOES = "Clients stop routing to this instance."
CARD_GOES = "Frontends stop serving the model from this worker."
PUBLISHER_GOES = "New subscribers will not find this publisher."
RUNS_ON = "The worker keeps running"
MAY_RUN_ON = "The worker, if it is alive, keeps running"
OF_RECORDS = {
    INSTANCE_GOES: "Clients stop routing to these instances.",
    CARD_GOES: "Frontends stop serving the models of these cards from their workers.",
    PUBLISHER_GOES: "New subscribers will not find these publishers.",
}
"""Sentences that read otherwise if they concern several records."""
OF_WORKERS = {
    RUNS_ON: "Each worker keeps running",
    MAY_RUN_ON: "Each worker, if it is alive, keeps running",
}
"""Beginnings of sentences that read otherwise if they concern several workers."""


def consequences(
    record: AnyRecord,
    *,
    verdict: Verdict = Verdict.UNKNOWN,
    lifetime: Lifetime | None = None,
) -> list[str]:
    """Return the consequences of removing a record, one a sentence, with untrusted text in them.

    `lifetime`: of its store. None: leave out what depends on the store.
    """
    sentences = []
    if record.malformed is not None:
        sentences.append(f"Dynamo skips it: {record.malformed}.")
        if lifetime is Lifetime.OWNED:
            sentences.append(
                "It hides its whole object from clients that start now; without it they can read "
                "the object again."
            )
    elif record.kind is Kind.UNKNOWN:
        sentences.append("dyntop does not know what this key is for, or which process needs it.")
    elif record.expired_at is not None or verdict is Verdict.EXPIRED:
        sentences.append("Its time to live ran out: no live worker keeps it.")
        if lifetime is Lifetime.TOUCHED:
            sentences.append(
                "Left alone, it stays until a Dynamo process that watches its folder sweeps it, or "
                "for ever."
            )
    elif verdict is Verdict.ORPHANED:
        sentences.append("Its worker is gone: nothing serves it any more.")
        if (owner := record.entry.owner) is not None:
            sentences.append(_left_alone(owner))
    elif verdict is Verdict.LEFTOVER:
        sentences.append(
            "Its process has shut down, and no request reaches it. If the process starts again, it "
            "registers it again."
        )
    elif verdict is Verdict.UNREACHABLE:
        sentences.append(
            # Its address may well accept connections: a process that hangs is silent elsewhere.
            "Requests that are routed to it are not answered. A worker that is only hung will need "
            "a restart to be routed to again."
        )
    else:
        sentences += _of_what_may_live(record, verdict, lifetime)
    if lifetime is Lifetime.UNBOUNDED:
        sentences.append("Left alone, it stays, unless its bucket has a time to live.")
    if record.conflict is not None:
        sentence = still_routed(record)
        sentences.append(f"{sentence[:1].upper()}{sentence[1:]}.")
    return sentences


def combined(sentences: Iterable[str], workers: int = 1) -> list[str]:
    """Return the consequences of removing records of a number of workers, each once, and in words
    for several if it concerns several. Of too many, keep those that concern the most records."""
    numbers = Counter(sentences)
    kept = {sentence for sentence, _ in numbers.most_common(MOST_SENTENCES)}
    lines = [
        _for_several(sentence, workers) if numbers[sentence] > 1 else sentence
        for sentence in numbers
        if sentence in kept
    ]
    if more := len(numbers) - len(lines):
        lines.append(f"And {count(more, 'sentence')} more, of other keys.")
    return lines


def _for_several(sentence: str, workers: int) -> str:
    if workers > 1:
        for one, several in OF_WORKERS.items():
            if sentence.startswith(one):
                return several + sentence.removeprefix(one)
    return OF_RECORDS.get(sentence, sentence)


def as_clause(sentence: str) -> str:
    """Return a sentence to follow a colon: in lower case and without its full stop. A name (of a
    model, `LoRA`) keeps its capitals."""
    first = sentence.partition(" ")[0]
    is_a_word = first.isalpha() and first[1:] == first[1:].lower()
    if is_a_word:
        sentence = sentence[:1].lower() + sentence[1:]
    return sentence.removesuffix(".")


def plain_sentence(sentence: str) -> str:
    """Return a sentence as harmless text; long names lose their middle."""
    return clip_middle(sentence, SENTENCE_CELLS)


def still_routed(record: AnyRecord) -> str:
    """Return a clause for a record in conflict: clients still route to it when its key is gone."""
    return (
        f"{record.conflict}; removing the key does not unroute that id, since clients of "
        "Dynamo 1.6 go by the body"
    )


def _of_what_may_live(record: AnyRecord, verdict: Verdict, lifetime: Lifetime | None) -> list[str]:
    """Return the consequences for a record whose worker may live."""
    if isinstance(record, ModelCard) and record.is_lora:
        lost = (
            "The adapter is no longer offered on this worker; some releases of Dynamo then stop "
            "routing to the worker at all."
        )
    elif record.kind is Kind.MODEL:
        lost = CARD_GOES
    elif record.kind is Kind.ENDPOINT and record.conflict is not None:
        # A sentence on the conflict follows: clients go by the body.
        lost = ""
    elif record.kind is Kind.ENDPOINT:
        lost = INSTANCE_GOES
    else:
        lost = PUBLISHER_GOES
    sentences = []
    if verdict is Verdict.UNREACHABLE_FROM_HERE:
        sentences.append(
            "It was tried from this host only: other hosts may reach it, and route to it."
        )
    if verdict is Verdict.NOT_READY:
        sentences.append("Clients do not discover its worker now.")
    lives = verdict in (Verdict.LIVE, Verdict.LATE, Verdict.DRAINED)
    worker = RUNS_ON if lives else MAY_RUN_ON
    until = "it restarts"
    if lifetime is Lifetime.OWNED:
        until = (
            "it restarts or itself changes what it has registered, e.g. loads an adapter: that "
            "writes all of it back"
        )
    sentences += [*filter(None, [lost]), f"{worker} but stays unregistered until {until}."]
    if lifetime is Lifetime.TOUCHED:
        sentences.append("Until then it logs an error every 3.3 s about its missing file.")
    return sentences


def _left_alone(owner: Owner) -> str:
    """Return a sentence on what becomes of an object that is not removed, whose process ended."""
    if not owner.pod_is_gone:
        return "Left alone, it stays until the process that runs now registers."
    if not owner.pod_name:
        return "Left alone, it stays for ever: its object has no owner reference."
    return "Left alone, Kubernetes removes its object, as a rule within seconds."


def left_in_words(left: RemainingWorkers) -> str:
    """Return a sentence on the workers that one model keeps after a removal."""
    name = f"LoRA adapter {left.model}" if left.is_lora else left.model
    before, after = left.before.most, left.after
    if not before:
        return f"{name}: no routable worker, before or after."
    if not after.most:
        why = f": no {' and no '.join(left.missing)} worker is left" if left.missing else ""
        return f"{name}: no worker serves it then{why}."
    number = (
        f"{after.most:,}" if after.least == after.most else f"{after.least:,} to {after.most:,}"
    )
    verb = "stays" if number == "1" else "stay"
    return f"{name}: {number} of {before:,} {verb} routable."


def lasting_consequences(drain: LastingDrain) -> list[str]:
    """Return what a lasting drain does, one sentence each, with untrusted text in them."""
    label = drain.label
    sentences = [
        f"No key is removed. Label {label.text} goes off pod {label.pod_path}, and clients do not "
        "discover it until the label is back."
    ]
    if len(drain.containers) > 1:
        *names, last = drain.containers
        sentences.append(
            f"The label is the whole pod's: the processes of its containers {', '.join(names)} and "
            f"{last} all go out."
        )
    sentences.append(
        "The processes run on. The drain outlasts what a worker itself changes, and a restart of "
        "its container; a new pod in its place is discovered."
    )
    if not drain.containers:
        sentences.append("Other Services that select by this label leave the pod out, too.")
    return sentences


def delete_pod_hint(owner: Owner) -> str:
    """Return a sentence with the command that deletes the pod of a process. Empty: its pod is not
    known."""
    if not owner.pod_name or owner.pod_is_gone:
        return ""
    return f"To end the pod instead: kubectl delete pod {owner.pod_name} -n {owner.namespace}"


def no_worker(process: Worker) -> str:
    """Return a clause on why a process that is not a worker cannot be drained."""
    return (
        f"{process.id:x} is not a worker but the {process.role.value} process of "
        f"{', '.join(process.components)}: it gets no requests of a model"
    )


def workers_in_words(workers: Sequence[int]) -> str:
    """Return `worker a7`, or `workers a7, b2 and 5 more`."""
    return f"{'worker' if len(workers) == 1 else 'workers'} {ids_in_words(workers)}"


def ids_in_words(ids: Sequence[int]) -> str:
    """Return `a7`, or `a7, b2 and 5 more`."""
    named = [f"{one:x}" for one in ids[:MOST_WORKERS]]
    if more := len(ids) - len(named):
        return f"{', '.join(named)} and {more:,} more"
    return " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
