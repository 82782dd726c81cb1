"""Serving figures and reasons in words. No Textual in here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from backends.discovery.cluster import Cluster
from backends.discovery.models import adapter_name, base_name
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.frontends import FrontendReport, ModelReport, ModelReports, ModelStatus
from backends.liveness.routing import ModelServing, RoutableCount, Routing, ServingReason
from backends.liveness.serving import Serving
from backends.liveness.workers import Worker
from tui.text.format import State, count
from tui.text.host_clock import ShownAt, as_it_is
from tui.text.numbers import rate, whole
from tui.text.short import forms, shortest
from tui.text.short.evidence_words import lacking
from tui.text.timestamps import time_of_day

PARTLY = State("◐", "partly served", "warn")
NOT_SERVED = State("≠", "not served", "bad")
"""A model's state by frontends: some of them do not serve it, or none does."""

MOST_FRONTENDS = 12
"""Frontends listed for a model."""
MOST_REASONS = 6
"""Failure reasons listed for a frontend."""

_FAILURES = {
    "backend.unavailable": "no worker to take it",
    "transport.cannot_connect": "its worker could not be reached",
    "request.not_found": "no such model",
    "request.invalid": "not a valid request",
}
"""Meanings of the reasons that Dynamo 1.6.1 was seen to count."""

_DENIALS = {ModelStatus.NOT_LISTED: "not listed by", ModelStatus.NOT_READY: "not ready at"}

_DENIAL_WORDS = {
    ModelStatus.NOT_LISTED: ("not listed",),
    ModelStatus.NOT_READY: ("not ready",),
}

SHORT = {
    ServingReason.NO_INSTANCE: "no instance",
    ServingReason.DEAD: "dead",
    ServingReason.NOT_READY: "not ready",
    ServingReason.UNUSABLE: "address unusable",
    ServingReason.NEEDS: "waiting for others",
    ServingReason.CONFLICT: "in conflict",
}
"""For tables: `2 no instance`."""

WORDS = {
    ServingReason.NO_INSTANCE: ("no instance",),
    ServingReason.DEAD: ("worker dead",),
    ServingReason.NOT_READY: ("not ready",),
    ServingReason.UNUSABLE: ("address unusable", "bad address"),
    ServingReason.NEEDS: ("waiting for others", "waiting"),
    ServingReason.CONFLICT: ("in conflict",),
}
"""For narrow columns."""

LONG = {
    ServingReason.NO_INSTANCE: "without an instance",
    ServingReason.DEAD: "dead",
    ServingReason.NOT_READY: "not ready: clients do not discover them",
    ServingReason.UNUSABLE: "with an address that no client can connect to",
    ServingReason.NEEDS: "waiting for another role",
    ServingReason.CONFLICT: "in conflict: one sort of card is served at each frontend",
}
"""For sentences: `2 without an instance`."""


def why_not(
    reasons: Mapping[ServingReason, int],
    missing: Mapping[str | None, tuple[str, ...]],
    sorts: int = 0,
    unknown: int = 0,
) -> str:
    """Return why workers are not routable, in a few words for a table. Empty: all are routable.

    `missing`: by namespace, the worker types missing there. `sorts`: of card, if they are in
    conflict. `unknown`: workers of which it is not known.
    """
    roles = _missing_roles(reasons, missing)
    parts = [f"no {' and no '.join(roles)} worker"] if roles else []
    for reason, number in sorted(reasons.items()):
        if reason is ServingReason.NEEDS and roles:
            continue
        if reason is ServingReason.CONFLICT and sorts > 1:
            parts.append(f"{sorts:,} sorts of card")
        else:
            parts.append(f"{number:,} {SHORT[reason]}")
    if unknown:
        parts.append(f"{unknown:,} unknown: cannot read all keys")
    return ", ".join(parts)


def _missing_roles(
    reasons: Mapping[ServingReason, int], missing: Mapping[str | None, tuple[str, ...]]
) -> tuple[str, ...]:
    """Return the missing worker types that are a reason. Where no worker waits for them, the
    reason is that of their own workers: all of them are dead, or drained."""
    if reasons and ServingReason.NEEDS not in reasons:
        return ()
    return tuple(sorted({role for some in missing.values() for role in some}))


def why_not_served(serving: ModelServing) -> str:
    """Return `why_not` for a model."""
    sorts = max((one.sorts for one in serving.sets), default=0)
    return why_not(serving.reasons, serving.missing, sorts, serving.figures.unknown)


def words_why_not(
    reasons: Mapping[ServingReason, int],
    missing: Mapping[str | None, tuple[str, ...]],
    sorts: int = 0,
    unknown: int = 0,
) -> tuple[str, ...]:
    """Return shorter and shorter forms of the first reason of `why_not`."""
    if roles := _missing_roles(reasons, missing):
        return lacking(roles)
    if not reasons:
        return ("not known",) if unknown else ()
    reason, number = min(reasons.items())
    if reason is ServingReason.CONFLICT and sorts > 1:
        return (f"{sorts:,} sorts of card", f"{sorts:,} sorts")
    return forms(f"{number:,} {SHORT[reason]}", *WORDS[reason])


def words_why_not_served(serving: ModelServing) -> tuple[str, ...]:
    """Return `words_why_not` for a model."""
    sorts = max((one.sorts for one in serving.sets), default=0)
    return words_why_not(serving.reasons, serving.missing, sorts, serving.figures.unknown)


def words_why_not_routed(routing: Routing | None) -> tuple[str, ...]:
    """Return shorter and shorter forms of `why_not_routed`."""
    if routing is None or routing.reason is None:
        return ()
    return lacking(routing.missing) if routing.missing else WORDS[routing.reason]


def why_not_routed(routing: Routing | None) -> str:
    """Return why a card's worker is not routable, in a few words. Empty: it is routable, or
    unknown."""
    if routing is None or routing.reason is None:
        return ""
    if routing.missing:
        return f"no {' and no '.join(routing.missing)} worker"
    return SHORT[routing.reason]


def routable_sentence(serving: ModelServing) -> str:
    """Return `routable 6 of 8: decode 3/4, prefill 3/4; 2 without an instance`."""
    roles = ", ".join(f"{role} {figures}" for role, figures in serving.by_role.items())
    text = f"routable {of(serving.figures)}: {roles}"
    return "; ".join([text, *reasons_in_words(serving)])


def of(figures: RoutableCount) -> str:
    """Return `6 of 8`, in a conflict `1 to 2 of 3`, and `? of 3` if unknown."""
    return f"{figures.routable(' to ')} of {figures.total:,}"


def reasons_in_words(serving: ModelServing, *, of_workers: bool = True) -> Iterable[str]:
    """Yield why not all workers of a model are routable, a clause for each reason.

    `of_workers`: also what is wrong with single workers and cards.
    """
    for namespace, roles in sorted(serving.missing.items(), key=str):
        where = f" in {namespace}" if namespace else ""
        yield f"not served{where}: no routable {' and no routable '.join(roles)} worker"
    for reason, number in sorted(serving.reasons.items()):
        if not of_workers:
            break
        if reason is ServingReason.CONFLICT:
            sorts = max(one.sorts for one in serving.sets)
            yield f"{count(number, 'worker')} with {sorts:,} sorts of card: a frontend serves one"
        elif reason is not ServingReason.NEEDS:
            yield f"{number:,} {LONG[reason]}"
    if unknown := serving.figures.unknown:
        yield f"{unknown:,} unknown: this user may not read all that is registered"


def model_of_card(card: AnyRecord, cluster: Cluster, serving: Serving) -> str:
    """Return a sentence on how the model of a card is served. Empty: no card, or unknown."""
    if not isinstance(card, ModelCard):
        return ""
    model = serving.model(base_name(card, cluster))
    return "" if model is None else f"its model: {routable_sentence(model)}"


def of_worker(worker: Worker, serving: Serving) -> str:
    """Return whether requests reach a worker, for each of its models and adapters."""
    models = [
        f"{adapter_name(card)}: {why_not_routed(routing) or 'routable'}"
        for card in (*worker.cards, *worker.adapters)
        if (routing := serving.routing(card.key)) is not None
    ]
    # A lease with several instance ids has as many cards of one model.
    return ", ".join(dict.fromkeys(models))


def cards_of(name: str, cards: Iterable[AnyRecord]) -> list[ModelCard]:
    """Return the cards of the base model of this name; without one, of the adapters of this
    name."""
    named = [one for one in cards if isinstance(one, ModelCard) and one.model_name == name]
    return [one for one in named if not one.is_lora] or named


def figures_of(name: str, serving: Serving, cards: Iterable[AnyRecord]) -> RoutableCount:
    """Return how many workers of a model or adapter are routable, by these cards."""
    model = serving.model(name)
    if model is not None:
        return model.figures
    return serving.figures(card.key for card in cards_of(name, cards))[0]


def is_well_served(name: str, serving: Serving, cards: Iterable[AnyRecord]) -> bool:
    """Return whether a model or adapter is served, its cards agree, and no asked frontend denies
    it.

    If cards disagree, each frontend of Dynamo 1.6.1 serves one sort, and some older releases drop
    them all.
    """
    reports = serving.at_frontends(name)
    if reports is not None and reports.denied_by:
        return False
    model = serving.model(name)
    if model is not None:
        return model.is_served and not model.reasons[ServingReason.CONFLICT]
    return figures_of(name, serving, cards).least > 0


def standing_of(name: str, serving: Serving, cards: Iterable[AnyRecord]) -> str:
    """Return a clause on how a model or adapter is served."""
    reports = serving.at_frontends(name)
    denials = () if reports is None else reports.denied_by
    sentences = [frontend_sentence(one) for one in denials]
    not_by = ""
    if reports is not None and denials:
        not_by = " by the frontends that were asked"
        if not reports.is_denied:
            not_by = f" by {count(len(denials), 'frontend')}"
    return "; ".join([_standing_by_cards(name, serving, cards, not_by), *sentences])


def _standing_by_cards(name: str, serving: Serving, cards: Iterable[AnyRecord], not_by: str) -> str:
    """Return the clause by cards alone. `not_by`: the frontends that do not serve it, to follow "is
    not served". Empty: none."""
    model = serving.model(name)
    if model is not None:
        served = "is" if model.is_served else "is not"
        if model.figures.unknown and not model.is_served:
            served = "may or may not be"
        # Frontends differ in the sort they serve.
        in_conflict = model.is_served and model.reasons[ServingReason.CONFLICT]
        by = " by one sort of its cards only" if in_conflict else ""
        if not_by and model.is_served:
            served, by = "is not", not_by
        return f"model {name} {served} served{by}, {routable_sentence(model)}"
    its_cards = cards_of(name, cards)
    if not its_cards:
        return f"no model or adapter {name} is registered"
    if not any(one.is_lora for one in its_cards):
        return f"model {name} may or may not be served: its cards are of a release up to 0.5"
    figures, reasons = serving.figures(card.key for card in its_cards)
    served = "is" if figures.least and not not_by else "is not"
    by = not_by if figures.least else ""
    why = [f"{number:,} {LONG[reason]}" for reason, number in sorted(reasons.items())]
    return "; ".join([f"adapter {name} {served} served{by}, routable {of(figures)}", *why])


def meaning_of_failure(reason: str) -> str:
    """Return the meaning of a frontend's reason for a failure, in brackets. Empty: unknown."""
    found = _FAILURES.get(reason)
    return f" ({found})" if found else ""


def denial_in_brief(reports: ModelReports | None) -> str:
    """Return the frontends that do not serve a model, in a few words for a table. Empty: none."""
    denials = () if reports is None else reports.denied_by
    if reports is None or not denials:
        return ""
    if len({one.status for one in denials}) > 1:
        how = "not served by"
    else:
        how = _DENIALS[denials[0].status]
    if len(denials) > 1:
        return f"{how} {count(len(denials), 'frontend')}"
    return f"{how} {denials[0].frontend.partition('://')[2] or denials[0].frontend}"


def state_at_frontends(reports: ModelReports | None) -> State | None:
    """Return a model's state by frontends. None: no frontend denies it."""
    if reports is None or not reports.denied_by:
        return None
    return NOT_SERVED if reports.is_denied else PARTLY


def state_of_model(serving: Serving, name: str) -> State | None:
    """Return the state of a base model of which a request reaches no worker, or that frontends
    deny. None: neither is known."""
    unserved = name in serving.unserved
    return NOT_SERVED if unserved else state_at_frontends(serving.at_frontends(name))


def state_of_adapter(serving: Serving, name: str) -> State | None:
    """Return the same of an adapter."""
    unserved = name in serving.unserved_adapters
    return NOT_SERVED if unserved else state_at_frontends(serving.at_frontends(name))


def no_evidence(
    why: str, words: tuple[str, ...], known: RoutableCount, figures: RoutableCount
) -> tuple[str, tuple[str, ...]]:
    """Return why not all workers are routable, with shorter forms, and of how many that is not
    known of then. `known`: the figures of those of which it is, of all `figures`."""
    number = known.unknown - figures.unknown
    if not number:
        return why, words
    text = f"{number:,} registered then: no evidence" if known.most else "no evidence of then"
    return ", ".join(filter(None, (why, text))), words or ("no evidence",)


def denial_words(reports: ModelReports | None) -> tuple[str, ...]:
    """Return shorter and shorter forms of `denial_in_brief`."""
    statuses = {one.status for one in (() if reports is None else reports.denied_by)}
    if not statuses:
        return ()
    return ("not served",) if len(statuses) > 1 else _DENIAL_WORDS[statuses.pop()]


def with_denial(
    why: str, words: tuple[str, ...], reports: ModelReports | None, *, is_unserved: bool
) -> tuple[str, tuple[str, ...]]:
    """Return why a model is not served, by what is registered and by frontends, with shorter forms.

    `why`, `words`: by what is registered. `is_unserved`: no request reaches it by that alone, so
    that what frontends report follows from it.
    """
    by_cause = [(why, words), (denial_in_brief(reports), denial_words(reports))]
    if not is_unserved:
        by_cause.reverse()
    text = ", ".join(filter(None, (one for one, _ in by_cause)))
    return text, shortest(*(shorter for _, shorter in by_cause))


def silent_addresses(reports: Iterable[FrontendReport]) -> list[str]:
    """A sentence for each address that does not answer and was never seen to be a frontend: it is
    named once, and not for each model, since it may be a worker's."""
    return [
        f"{one.name}, an address of --metrics, {one.trouble}: whether it is a frontend is not known"
        for one in reports
        if not one.was_seen
    ]


def unasked(reports: Sequence[FrontendReport]) -> list[str]:
    """A sentence for each address that does not answer, those of known frontends first."""
    known = [one for one in reports if one.trouble and one.was_seen]
    named = [f"{one.name} could not be asked: it {one.trouble}" for one in known]
    return [*named, *silent_addresses(reports)]


def frontend_fields(
    model: ModelReports | None,
    reports: Sequence[FrontendReport],
    shown_at: ShownAt = as_it_is,
    *,
    reached: bool = True,
) -> list[tuple[str, str]]:
    """Return each frontend's statement on a model, and its failures, as labels and sentences.

    `reached`: whether requests may reach a worker of it, by the registered records.
    """
    if model is None:
        return []
    lines = [frontend_sentence(one, shown_at, reached=reached) for one in model.reports]
    if len(lines) > MOST_FRONTENDS:
        lines = [*lines[:MOST_FRONTENDS], f"… {len(lines):,} frontends in all"]
    if model.only_elsewhere:
        lines.append("no frontend that watches its namespace was asked")
    if not lines and (silent := sum(not one.was_seen for one in reports)):
        lines.append(f"none is known: {count(silent, 'address')} of --metrics cannot be asked")
    fields = [("frontends" if number == 0 else " ", line) for number, line in enumerate(lines)]
    if failures := failures_line(reports):
        fields.append(("failures", failures))
    return fields


def frontend_sentence(
    report: ModelReport, shown_at: ShownAt = as_it_is, *, reached: bool = True
) -> str:
    """Return one frontend's statement on a model, and since when."""
    since = ""
    if report.since is not None:
        since = f", since {time_of_day(shown_at(report.since))}" + " or longer" * report.or_longer
    match report.status:
        case ModelStatus.LISTED:
            though = (
                "" if reached else "; it lists all registered models, and no worker is routable"
            )
            return f"{report.frontend} lists it{since}{though}"
        case ModelStatus.NOT_LISTED:
            return f"{report.frontend} does not list it{since}"
        case ModelStatus.NOT_READY:
            return f"{report.frontend} reports that it is not ready{since}"
        case ModelStatus.ELSEWHERE:
            where = ", ".join(report.looks_at)
            namespaces = "namespace" if len(report.looks_at) == 1 else "namespaces"
            return f"{report.frontend} watches {namespaces} {where}, not this one"
        case ModelStatus.UNKNOWN:
            return f"{report.frontend} {report.trouble}"


def failures_line(reports: Iterable[FrontendReport]) -> str:
    """Return the failed and refused requests of all models, by reason. Empty: none."""
    lines = []
    for report in reports:
        parts = []
        for one in report.failures[:MOST_REASONS]:
            now = f", {rate(one.rate)} a second now" if one.rate else ""
            parts.append(f"{whole(one.number)} {one.reason}{meaning_of_failure(one.reason)}{now}")
        if parts:
            lines.append(f"{report.name}, of all models since it started: {'; '.join(parts)}")
    return " · ".join(lines)
