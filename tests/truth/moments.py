"""A moment of a cluster that stands still for long enough to be looked at from two sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from tests.truth.cluster import Frontend

Ids = frozenset[str]
"""Instance ids, in lower-case hex."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What was done to a cluster, and what requests are to get before anything is compared.

    What requests are to get is how a moment is known to have come. dyntop is held against what
    requests did get, never against this.
    """

    name: str
    frontends: Sequence[Frontend]
    takers: Mapping[str, Sequence[Ids]]
    """By model the workers that are to take its requests. Several sets, where cards are in
    conflict: at each frontend one of them."""
    dead_keys: Ids = frozenset()
    """What is still in the store of workers that will not come back: all of it is to go."""
    silent_keys: Ids = frozenset()
    """What is in the store of workers that are stopped: a finding, whatever their lease does."""
    removable_keys: Ids = frozenset()
    """Of those, what may be proposed for removal."""
    dyntop_from: Callable[[], AbstractContextManager[None]] = field(default=nullcontext)
    """Where dyntop runs: in another network, for one."""
    dyntop_env: Mapping[str, str] = field(default_factory=dict)
    """What it is told there."""
    tolerated: frozenset[str] = frozenset()
    """Verdicts of a record that are right while `check` finds nothing."""
    namespace: str | None = None
    """The namespace that dyntop looks at, as its frontends do. None: all."""
    other_faults: bool = False
    """Whether something is wrong that no request to these models meets."""


def ids(*found: str) -> Ids:
    """A set of ids."""
    return frozenset(found)


def only(model: str, *takers: str) -> dict[str, Sequence[Ids]]:
    """Takers where there is one model, whose cards agree."""
    return {model: [ids(*takers)]}
