"""A model in a few lines: by role, host and state; its sorts of card; and why workers get no
requests. Untrusted text is not escaped yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from backends.discovery.cluster import Cluster
from backends.dynamo.card_checksum import worker_set_of
from backends.dynamo.records import ModelCard
from backends.liveness.card_consensus import SortOfCard, sorts_of_set, with_differences
from backends.liveness.judge import Verdict
from backends.liveness.routing import ModelServing, RoutableCount, ServingReason
from backends.liveness.sentences import FRONTEND_RULE
from backends.liveness.serving import Serving
from backends.liveness.serving.model_workers import ModelWorker, workers_of
from tui.text.detail import Detail
from tui.text.format import NOTHING, STATES, count, hex_id, seen
from tui.text.serving import reasons_in_words, why_not_routed

MOST_NOT_ROUTABLE = 5
"""Workers without requests that are named with the reason; the others are counted."""
MOST_HOSTS = 12
"""Hosts that are named of each state in a role."""
MOST_SETS = 3
"""Worker sets in conflict of which each sort is shown."""
MOST_SORTS = 6
"""Sorts of card that are shown of each."""
MOST_HOSTS_OF_A_SORT = 3
"""Hosts that are named of each."""
MOST_WORKERS = 100
"""Workers that have a line."""

LONGEST_PATH = 160
"""Characters of a path that are shown: the names may be 100 KB long."""
SHORT_SORT = 6
"""Digits of a sort's fingerprint that are shown."""

Fields = list[tuple[str, str]]


class ModelSummary(msgspec.Struct, frozen=True):
    """What is known of a model, or of a LoRA adapter, but for its name and state."""

    workers: Sequence[ModelWorker]
    routable: RoutableCount
    by_role: Mapping[str, RoutableCount]
    serving: ModelServing | None
    """None: an adapter, or nothing of it can be read."""
    conflicts: Sequence[Sequence[SortOfCard]]
    """The sorts of card in each worker set that has several."""
    adapters: Sequence[str] = ()


def short_sort(fingerprint: str) -> str:
    """Return the digits by which a sort of card is told from others."""
    return fingerprint[:SHORT_SORT]


def summary_detail(
    title: str,
    tone: str,
    summary: ModelSummary,
    now: float,
    *,
    reason_of: Callable[[ModelCard], str],
    path_of: Callable[[bytes], str],
    frontends: Sequence[tuple[str, str]] = (),
    denied: bool = False,
    compare_key: str = "",
) -> Detail:
    """Return the detail of a model: the answers first, then a line for each worker.

    `reason_of`: returns why a card is not live, in few words. `path_of`: returns where the card of
    a key is registered. `frontends`: the fields on what frontends report; `denied`: whether one of
    them denies the model, so that they come first. `compare_key`: the key that compares cards.
    Empty: there is none.
    """
    answers = answer_fields(
        summary, now, reason_of=reason_of, path_of=path_of, compare_key=compare_key
    )
    fields: Fields = [
        ("serving", _serving(summary)),
        *(frontends if denied else ()),
        *answers,
        *(() if denied else frontends),
        ("adapters", ", ".join(summary.adapters)),
        *_workers(summary.workers),
    ]
    shown = tuple((label, text) for label, text in fields if text)
    if len(summary.by_role) > 1 and summary.routable.total:
        title = f"{title}  {summary.routable} routable"
    return Detail(title, tone, shown, "")


def answer_fields(
    summary: ModelSummary,
    now: float,
    *,
    reason_of: Callable[[ModelCard], str],
    path_of: Callable[[bytes], str],
    compare_key: str = "",
) -> Fields:
    """Return which workers serve a model, on which hosts, and why others do not; arguments as of
    `summary_detail`."""
    return [
        *_roles(summary),
        *_conflicts(summary, now, path_of, compare_key),
        *_not_routable(summary, reason_of),
    ]


def _serving(summary: ModelSummary) -> str:
    """Return why a model is not served, or not to every frontend, in clauses. Empty: the lines of
    its roles and workers show all."""
    if summary.serving is None:
        return (
            ""
            if summary.routable.total
            else "not known: its cards cannot be read, or are of a release up to 0.5"
        )
    # What conflicts do is said with the sorts of card.
    return "; ".join(reasons_in_words(summary.serving, of_workers=False))


def _conflicts(
    summary: ModelSummary, now: float, path_of: Callable[[bytes], str], compare_key: str
) -> Iterator[tuple[str, str]]:
    conflicts = summary.conflicts
    host_of = {one.card.key: one.host for one in summary.workers if one.host} if conflicts else {}
    for sorts in conflicts[:MOST_SETS]:
        where = path_of(sorts[0].keys[0]) if len(conflicts) > 1 else ""
        label = "sorts"
        if where:
            yield label, f"of {where}:"
            label = " "
        for one in sorts[:MOST_SORTS]:
            hosts = sorted({host_of[key] for key in one.keys if key in host_of})
            yield label, sort_in_words(one, now, hosts)
            label = " "
        if len(sorts) > MOST_SORTS:
            yield " ", f"… {len(sorts):,} sorts in all"
    if len(conflicts) > MOST_SETS:
        yield " ", f"… {len(conflicts):,} worker sets in conflict in all"
    if conflicts:
        key = f"; {compare_key} compares them" if compare_key else ""
        yield " ", f"{FRONTEND_RULE}{key}"


def sort_in_words(sort: SortOfCard, now: float, hosts: Sequence[str]) -> str:
    """Return `a81f03 2 workers on 10.0.0.1, 10.0.0.2, for >3m; differs in context_length`."""
    text = f"{short_sort(sort.fingerprint)} {count(len(sort.keys), 'worker')}"
    if hosts:
        more = len(hosts) - MOST_HOSTS_OF_A_SORT
        text += f" on {', '.join(hosts[:MOST_HOSTS_OF_A_SORT])}"
        text += f" and {count(more, 'more host')}" if more > 0 else ""
    if sort.routable != len(sort.keys):
        text += f", {sort.routable:,} of them with a live instance"
    if not (sort.since.was_there and now - sort.since.at < 1):
        text += f", for {seen(sort.since, now)}"
    # The values are in the comparison.
    fields = [one.partition(" ")[0] for one in sort.differs_in]
    return f"{text}; differs in {', '.join(fields)}" if fields else text


def _gets_requests(one: ModelWorker) -> bool:
    """Return whether a worker is not named with a reason: in a conflict it is one of a sort, and
    workers that wait for another role are alike."""
    if one.routing is None:
        return one.verdict in (Verdict.LIVE, Verdict.UNKNOWN)
    return one.routing.reason in (None, ServingReason.CONFLICT, ServingReason.NEEDS)


def _not_routable(
    summary: ModelSummary, reason_of: Callable[[ModelCard], str]
) -> Iterator[tuple[str, str]]:
    """Yield the workers that get no requests, each with the reason."""
    found = [one for one in summary.workers if not _gets_requests(one)]
    for number, one in enumerate(found[:MOST_NOT_ROUTABLE]):
        because = reason_of(one.card) or why_not_routed(one.routing)
        at = f" at {one.host}" if one.host and one.host not in because else ""
        number_of = one.card.id.instance_id
        name = _cut(one.card.id.path() or NOTHING) if number_of is None else hex_id(number_of)
        why = f": {because}" if because else ""
        yield "why not" if number == 0 else " ", f"{name}{at} {STATES[one.verdict]}{why}"
    if len(found) > MOST_NOT_ROUTABLE:
        yield " ", f"… {count(len(found), 'worker')} in all"


def _roles(summary: ModelSummary) -> Iterator[tuple[str, str]]:
    for role in sorted({one.role for one in summary.workers}):
        workers = [one for one in summary.workers if one.role == role]
        figures = summary.by_role.get(role)
        routable = count(len(workers), "card")
        if figures is not None and figures.total:
            routable = f"{figures} routable"
        yield (
            role or "role unknown",
            "  ".join(filter(None, (routable, "; ".join(_hosts(workers))))),
        )


def _hosts(workers: Sequence[ModelWorker]) -> Iterator[str]:
    """Yield `● live 10.0.0.1 ×2, 10.0.0.2`, of each state, the most frequent first. Workers that
    are named with a reason are counted only."""
    by_state = Counter(one.verdict for one in workers if _gets_requests(one))
    for verdict, _ in by_state.most_common():
        hosts = Counter(
            one.host for one in workers if one.verdict is verdict and _gets_requests(one)
        )
        unnamed = hosts.pop("", 0)
        named = [f"{host} ×{n:,}" if n > 1 else host for host, n in sorted(hosts.items())]
        if len(named) > MOST_HOSTS:
            named = [*named[:MOST_HOSTS], f"… {len(hosts):,} hosts in all"]
        if unnamed:
            named.append(f"{unnamed:,} without an address")
        yield f"{STATES[verdict]} {', '.join(named)}"
    others = Counter(one.verdict for one in workers if not _gets_requests(one))
    if others.total() <= MOST_NOT_ROUTABLE:
        return
    for verdict, number in others.most_common():
        yield f"{STATES[verdict].glyph} {number:,} {STATES[verdict].word}"


def _workers(workers: Sequence[ModelWorker]) -> Iterator[tuple[str, str]]:
    """Yield a line for each worker, aligned."""
    hosts = max((len(one.host) for one in workers[:MOST_WORKERS]), default=0)
    roles = max((len(one.role) for one in workers[:MOST_WORKERS]), default=0)
    for number, one in enumerate(workers[:MOST_WORKERS]):
        parts = (
            f"{hex_id(one.card.id.instance_id):<16}",
            f"{one.host or NOTHING:<{min(hosts, 40)}}",
            f"{one.role:<{min(roles, 12)}}",
            f"{STATES[one.verdict]!s:<13}",
            _cut(one.card.id.path()) or NOTHING,
        )
        yield "workers" if number == 0 else " ", "  ".join(parts)
    if len(workers) > MOST_WORKERS:
        yield " ", f"… {len(workers):,} in all"


def _cut(path: str) -> str:
    """Return a path of which no summary shows more."""
    return path if len(path) <= LONGEST_PATH else f"{path[:LONGEST_PATH]}…"


# --- what it is made of ---------------------------------------------------------------------------


def summarise(
    name: str,
    cards: Sequence[ModelCard],
    cluster: Cluster,
    serving: Serving,
    verdict_of: Callable[[bytes], Verdict],
    *,
    within: tuple[str, ...] = (),
    adapters: Sequence[str] = (),
    known: Callable[[RoutableCount, Iterable[ModelCard]], RoutableCount] = lambda figures, _: (
        figures
    ),
) -> ModelSummary:
    """Return what is known of a model by these cards of it, or of an adapter by its cards.

    `within`: the namespace, component, endpoint that the cards are in. The cost grows with the
    number of cards. `known`: returns figures of some cards' workers as far as they are known.
    """
    workers = workers_of(cards, cluster, serving.routing, verdict_of)
    model = None if any(one.is_lora for one in cards) else serving.model(name, within)
    if model is not None:
        routable, by_role = model.figures, model.by_role
    else:
        routable, _ = serving.figures(one.key for one in cards)
        by_role = {
            role: serving.figures(one.card.key for one in workers if one.role == role)[0]
            for role in {one.role for one in workers}
        }
    routable = known(routable, cards)
    by_role = {
        role: known(figures, (one.card for one in workers if one.role == role))
        for role, figures in by_role.items()
    }
    conflicts = [by_age(one, serving, cluster) for one in in_conflict(cards, serving)]
    return ModelSummary(workers, routable, by_role, model, conflicts, adapters)


def by_age(card: ModelCard, serving: Serving, cluster: Cluster) -> tuple[SortOfCard, ...]:
    """Return the sorts of card in a card's worker set, the one that was seen first before others.

    Empty: it is no party to a conflict.
    """
    if (party := serving.party(card.key)) is None or not party[1].in_conflict:
        return ()
    sorts = sorted(sorts_of_set(party[1], cluster.value_seen).values(), key=_age)
    return with_differences(sorts, cluster.records, MOST_SORTS)


def _age(sort: SortOfCard) -> tuple[float, int, bytes]:
    """Sort by when a sort was first seen; of those that were there at the start by how many workers
    have it."""
    return sort.since.at, -len(sort.keys), min(sort.keys)


def in_conflict(cards: Iterable[ModelCard], serving: Serving) -> list[ModelCard]:
    """Return one card of each worker set that has several sorts of card."""
    found: dict[object, ModelCard] = {}
    for card in sorted(cards, key=lambda one: one.key):
        if serving.disagrees(card.key):
            found.setdefault(worker_set_of(card), card)
    return list(found.values())
