"""How each model is served: in all, and in each namespace if it is in several. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from backends.discovery.record_index import Scope, scopes_of
from backends.dynamo.card_checksum import DECODE, PREFILL, worker_set_of
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.routing import ModelServing, RoutableCount
from tui.state.cluster_view import ClusterView
from tui.text.format import State, count
from tui.text.serving import (
    NOT_SERVED,
    PARTLY,
    no_evidence,
    state_of_model,
    why_not_served,
    with_denial,
    words_why_not_served,
)

ALL_ROUTABLE = State("●", "routable", "good")
SOME_ROUTABLE = State("◐", "partly routable", "warn")
NOT_KNOWN = State("?", "unknown", "dim")

_ORDER = (PREFILL, DECODE)
"""Roles in the order in which a request meets them; others follow."""


class ModelLine(msgspec.Struct, frozen=True):
    """A model, or that part of it that is in one namespace."""

    name: str
    namespace: str | None
    """None: the line is of all its namespaces."""
    is_part: bool
    """Whether the line of the whole model stands above."""
    where: str
    """Its namespace, or how many there are."""
    state: State
    figures: RoutableCount
    by_role: tuple[tuple[str, RoutableCount], ...]
    why: str
    """Why not all of its workers are routable, in few words."""
    words: tuple[str, ...] = ()
    """Shorter forms of `why`."""

    @property
    def roles(self) -> str:
        """Return the routable workers by role: `prefill 4/4  decode 2/3`."""
        return "  ".join(f"{role} {figures}" for role, figures in self.by_role)


MANY = 500
"""Workers of a model from which its figures are not counted more than once a second."""


Known = Callable[[RoutableCount, Iterable[AnyRecord]], RoutableCount]


class _Known(msgspec.Struct):
    """The line of a model, and those of its namespaces."""

    top: ModelLine
    namespaces: tuple[str, ...]
    """Of a model that is in several; else empty."""
    parts: dict[str, ModelLine | None] = {}
    """The lines of the namespaces that had a place on screen. None: nothing is served there."""


class ModelLines:
    """The lines of all models in a place, up to date after `rebuild`, or `amend` and `catch_up`."""

    def __init__(self, view: ClusterView, known: Known = lambda figures, _: figures) -> None:
        """`known`: returns figures of some cards' workers as far as they are known."""
        self._view = view
        self._known_of = known
        self._scope: Scope = ()
        self._known: dict[str, _Known] = {}
        self._behind: set[str] = set()
        """Models with many workers that changed since the last `catch_up`."""

    def rebuild(self, scope: Scope) -> None:
        """Look at all models that are shown in a place."""
        self._scope = scope
        self._behind.clear()
        models = self._view.models
        names = set(models.names())
        if scope or self._view.narrowed:
            names = models.of(self._view.shown.keys(Kind.MODEL, scope))
            if self._view.only_findings:
                names |= {name for name in self._denied() if self._is_here(name)}
        self._known = {name: self._made(name) for name in names}

    def amend(self, names: Iterable[str]) -> None:
        """Look again at these models, of which some may be gone; at those of many workers with the
        next `catch_up`."""
        for name in names:
            known = self._known.get(name)
            if not self._is_shown(name):
                self._known.pop(name, None)
            elif known is not None and known.top.figures.total > MANY:
                self._behind.add(name)
            else:
                self._known[name] = self._made(name)

    def catch_up(self) -> bool:
        """Look again at what `amend` left. Returns whether it left anything."""
        behind, self._behind = self._behind, set()
        for name in behind & self._known.keys():
            self._known[name] = self._made(name)
        return bool(behind)

    def lines(self, most: int) -> tuple[list[ModelLine], int]:
        """Return the first lines, models that are served worst first, and how many there are."""
        found: list[ModelLine] = []
        for known in sorted(self._known.values(), key=_order):
            if len(found) >= most:
                break
            found += [known.top, *self._parts(known, most - len(found))]
        number = sum(1 + len(known.namespaces) for known in self._known.values())
        return found[:most], number

    def _is_shown(self, name: str) -> bool:
        if not (self._scope or self._view.narrowed):
            return name in self._view.models.names()
        keys = self._view.shown.keys(Kind.MODEL, self._scope)
        if any(card.key in keys for card in self._view.models.cards(name)):
            return True
        return self._view.only_findings and name in self._denied() and self._is_here(name)

    def _denied(self) -> set[str]:
        """Return the models that a frontend does not serve: that is a finding, whatever the
        verdicts of their cards."""
        serving = self._view.verdicts.serving
        return serving.denied | serving.partly_denied

    def _is_here(self, name: str) -> bool:
        keys = self._view.cluster.keys(Kind.MODEL, self._scope)
        cards = (card for card in self._view.models.cards(name) if card.key in keys)
        return any(map(self._view.is_found, cards))

    def _made(self, name: str) -> _Known:
        serving = self._view.verdicts.serving
        whole = serving.model(name, self._scope)
        state = state_of_model(serving, name)
        figures = RoutableCount() if whole is None else self._figures(name, whole, ())
        by_store, short = ("", ()) if whole is None else _why(whole, figures)
        why, words = with_denial(
            by_store,
            short,
            serving.at_frontends(name),
            is_unserved=name in serving.unserved,
        )
        if whole is None:
            # Only adapters' cards are there, or such as show nothing of workers.
            state = state or NOT_KNOWN
            line = ModelLine(name, None, False, "", state, RoutableCount(), (), why, words)
            return _Known(line, ())
        namespaces = sorted({one.worker_set.namespace or "" for one in whole.sets})
        several = len(namespaces) > 1
        where = count(len(namespaces), "namespace") if several else namespaces[0]
        top = ModelLine(
            name,
            None if several else namespaces[0],
            False,
            where,
            state or _state_of(figures),
            figures,
            self._by_role(name, whole, ()),
            why,
            words,
        )
        return _Known(top, tuple(namespaces) if several else ())

    def _parts(self, known: _Known, most: int) -> list[ModelLine]:
        """Return the lines of the first namespaces of a model: it may be in thousands."""
        name, serving = known.top.name, self._view.verdicts.serving
        found: list[ModelLine] = []
        for one in known.namespaces:
            if len(found) >= most:
                break
            if one not in known.parts:
                part = serving.model(name, (one,))
                known.parts[one] = None if part is None else self._part(name, one, part)
            if (line := known.parts[one]) is not None:
                found.append(line)
        return found

    def _part(self, name: str, namespace: str, part: ModelServing) -> ModelLine:
        figures = self._figures(name, part, (namespace,))
        return ModelLine(
            name,
            namespace,
            True,
            namespace,
            _state_of(figures),
            figures,
            self._by_role(name, part, (namespace,)),
            *_why(part, figures),
        )

    def _figures(self, name: str, served: ModelServing, scope: Scope) -> RoutableCount:
        return self._known_of(served.figures, self._cards(name, scope))

    def _by_role(
        self, name: str, served: ModelServing, scope: Scope
    ) -> tuple[tuple[str, RoutableCount], ...]:
        def order(role: str) -> tuple[bool, int, str]:
            known = role in _ORDER
            return not known, _ORDER.index(role) if known else 0, role

        def figures(role: str) -> RoutableCount:
            cards = (
                card
                for card in self._cards(name, scope)
                if (of := worker_set_of(card)) is not None and of.role == role
            )
            return self._known_of(served.by_role[role], cards)

        return tuple((role, figures(role)) for role in sorted(served.by_role, key=order))

    def _cards(self, name: str, scope: Scope) -> Iterator[ModelCard]:
        scope = scope or self._scope
        for card in self._view.models.cards(name):
            if not card.is_lora and (not scope or scope in scopes_of(card)):
                yield card


def _why(served: ModelServing, known: RoutableCount) -> tuple[str, tuple[str, ...]]:
    """Return why not all workers are routable, with shorter forms."""
    why, words = why_not_served(served), words_why_not_served(served)
    return no_evidence(why, words, known, served.figures)


def _state_of(figures: RoutableCount) -> State:
    if not figures.total:
        return NOT_KNOWN
    if figures.unknown and not (figures.least and figures.most + figures.unknown < figures.total):
        return NOT_KNOWN
    return ALL_ROUTABLE if figures.least == figures.total else SOME_ROUTABLE


_STATES = (NOT_SERVED, PARTLY, SOME_ROUTABLE, NOT_KNOWN, ALL_ROUTABLE)


def _order(known: _Known) -> tuple[int, str, str]:
    name = known.top.name
    return _STATES.index(known.top.state), name.lower(), name
