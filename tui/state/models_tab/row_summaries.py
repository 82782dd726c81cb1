"""Summarise the cards of a row: their state, how many of their workers are routable, and why not
all."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence

import msgspec

from backends.discovery import models
from backends.discovery.record_index import scopes_of
from backends.dynamo.records import AnyRecord, ModelCard
from backends.dynamo.roles import role_of_card
from backends.liveness.judge import FINDINGS, Verdict
from backends.liveness.routing import RoutableCount
from backends.liveness.workers import SEVERITY
from tui.state.column import Cell
from tui.state.dashboard import Dashboard
from tui.text.format import State
from tui.text.serving import (
    PARTLY,
    no_evidence,
    state_at_frontends,
    why_not,
    why_not_routed,
    why_not_served,
    with_denial,
    words_why_not,
    words_why_not_routed,
    words_why_not_served,
)

RowKey = tuple[Hashable, ...]
"""The names from the model down, then the card's key."""


class RowSummary(msgspec.Struct, frozen=True):
    """A summary of all cards of a row."""

    there: Sequence[AnyRecord]
    """Those that are registered."""
    state: Cell
    severity: int
    """Of the worst state; the worst is the least."""
    workers: int
    """How many workers have them, by the ids that routers know, whatever a filter leaves out."""
    roles: str
    routable: RoutableCount
    """How many of the workers a request reaches, whatever a filter leaves out."""
    why: str
    """Why not all of them, in a few words."""
    words: tuple[str, ...]
    """Shorter forms of `why`."""
    worst: AnyRecord | None
    """The record whose evidence is shown behind `why`. None: it would say the same."""
    everything: Sequence[AnyRecord]
    """All registered cards of the row in the selected place, whatever a filter leaves out."""


class RowSummaries:
    """Summaries of rows, computed once until something changes."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard
        self._view = dashboard.view
        self._states = dashboard.states
        self._known: dict[RowKey, RowSummary] = {}

    def of(self, key: RowKey, cards: Sequence[ModelCard]) -> RowSummary:
        """Return the summary of a row's cards, which may be thousands."""
        if key not in self._known:
            there = self._states.registered(cards)
            everything = self._unfiltered(key, there)
            workers = models.workers_of(cards_among(everything), self._view.cluster)
            routable, why, words = self._serving(key, everything)
            worst = self._states.worst_of(everything or cards)
            verdict = self._states.worst([] if worst is None else [worst])
            state = self._states.of_many(everything or cards)
            if everything and (denied := self._at_frontends(key, verdict, routable)):
                # What frontends say is in `why`.
                state, verdict, worst = Cell(str(denied), denied.tone), Verdict.UNROUTABLE, None
            says_it = verdict is Verdict.UNROUTABLE or (
                verdict is Verdict.CONFLICT and worst is not None and worst.conflict is None
            )
            if why and says_it and not isinstance(key[-1], bytes):
                worst = None  # `why` says it already
            self._known[key] = RowSummary(
                there,
                state,
                -SEVERITY.index(verdict),
                len(workers),
                _roles(everything or cards),
                routable,
                why,
                words,
                worst,
                everything,
            )
        return self._known[key]

    def known(self, key: RowKey) -> RowSummary | None:
        """Return the summary of a row that was asked for before."""
        return self._known.get(key)

    def forget_all(self) -> None:
        """Compute all anew."""
        self._known.clear()

    def forget(self, names: Collection[str]) -> None:
        """Compute the rows of models anew, with all that is below them."""
        for key in [key for key in self._known if key[0] in names]:
            del self._known[key]

    def forget_named(self, names: Collection[str]) -> set[str]:
        """Compute the rows of models and adapters anew. Returns the names of the models that they
        belong to."""
        touched = {key for key in self._known if not {*names}.isdisjoint(key)}
        for key in touched:
            del self._known[key]
        return {str(key[0]) for key in touched}

    def _unfiltered(self, key: RowKey, there: Sequence[AnyRecord]) -> Sequence[AnyRecord]:
        """Return all registered cards of a row in the selected scope: cards that a filter hides
        decide its state, too. A model with one orphaned card is not orphaned."""
        if not self._view.narrowed or isinstance(key[-1], bytes):
            return there
        scope = self._dashboard.scope
        return [
            card
            for card in self._view.models.cards(str(key[0]))
            if scope in scopes_of(card)
            and card.is_lora is (len(key) > 1)
            and (len(key) == 1 or models.adapter_name(card) == key[1])
        ]

    def _serving(
        self, key: RowKey, there: Sequence[AnyRecord]
    ) -> tuple[RoutableCount, str, tuple[str, ...]]:
        """Return how many of a row's workers are routable, and why not all, with shorter forms."""
        serving = self._view.verdicts.serving
        if isinstance(key[-1], bytes):
            routing = serving.routing(key[-1])
            return RoutableCount(), why_not_routed(routing), words_why_not_routed(routing)
        reports = serving.at_frontends(str(key[-1]))
        model = serving.model(str(key[0]), self._dashboard.scope) if len(key) == 1 else None
        if model is not None:
            figures, why = model.figures, why_not_served(model)
            words = words_why_not_served(model)
        else:
            figures, reasons = serving.figures(card.key for card in there)
            why = why_not(reasons, {}, unknown=figures.unknown)
            words = words_why_not(reasons, {}, unknown=figures.unknown)
        known = self._states.as_far_as_known(figures, there)
        why, words = no_evidence(why, words, known, figures)
        name = str(key[-1])
        unserved = serving.unserved if len(key) == 1 else serving.unserved_adapters
        return known, *with_denial(why, words, reports, is_unserved=name in unserved)

    def _at_frontends(self, key: RowKey, verdict: Verdict, routable: RoutableCount) -> State | None:
        """Return the state of a model or adapter by frontends. None: show the store's, since none
        of its workers is routable anyway, or a frontend serves those that are."""
        if isinstance(key[-1], bytes) or not (routable.most or routable.unknown):
            return None
        state = state_at_frontends(self._view.verdicts.serving.at_frontends(str(key[-1])))
        return None if state is PARTLY and verdict in FINDINGS else state


def cards_among(records: Iterable[AnyRecord]) -> Iterator[ModelCard]:
    """Yield the model cards among records."""
    return (one for one in records if isinstance(one, ModelCard))


def _roles(cards: Sequence[AnyRecord]) -> str:
    """Of those that are registered; of a model that is gone, as they were."""
    return ", ".join(sorted({role for card in cards_among(cards) if (role := role_of_card(card))}))
