"""Compare the models that frontends list as served (`/v1/models`) with the registered ones.
Pure.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from backends.dynamo.parse import card_json
from backends.dynamo.records import ModelCard
from backends.liveness.frontends import looks_at

PATH = "/v1/models"
"""From OpenAI's API. Dynamo's frontends list base models, adapters and aliases there."""

MOST_MODELS = 2_000
LONGEST_NAME = 1_000
"""Characters of a name. Longer names are dropped."""


class Listed(NamedTuple):
    """The models that a frontend lists as served."""

    names: frozenset[str]
    cut: bool
    """Whether it lists more than is kept: a name that is missing here may be served all the
    same.
    """


def listed(body: bytes) -> Listed | None:
    """Parse the names in an answer to `/v1/models`. None: it is no such list.

    The type of the objects is ignored, since it differs between releases: 0.6.1 calls a model an
    `object`.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    models = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(models, list):
        return None
    ids = (model.get("id") for model in models[:MOST_MODELS] if isinstance(model, dict))
    names = [name for name in ids if isinstance(name, str) and name]
    kept = frozenset(name for name in names if len(name) <= LONGEST_NAME)
    return Listed(kept, len(models) > MOST_MODELS or len(kept) < len({*names}))


def names_of(card: ModelCard) -> frozenset[str]:
    """Return the names under which a frontend serves a card's model: its own, and its aliases."""
    aliases = None
    # A card may be large, and all are read every few seconds.
    if b'"aliases"' in card.entry.value:
        aliases = card_json(card.entry).get("aliases")
    found = aliases if isinstance(aliases, list) else []
    return frozenset(name for name in (card.model_name, *found) if isinstance(name, str) and name)


class Served(msgspec.Struct, frozen=True):
    """One name, at frontends and in the store."""

    name: str
    by: tuple[str, ...]
    """The frontends that list it, and do not report it as not ready."""
    not_by: tuple[str, ...]
    """The frontends that answered and do not."""
    registered: bool
    not_ready: tuple[str, ...] = ()
    """Those of `not_by` that report it as not ready."""

    @property
    def differs(self) -> bool:
        """Return whether only one side has it. Without any answer: no."""
        return bool(self.by or self.not_by) and bool(self.by) != self.registered


def compare(
    lists: Mapping[str, frozenset[str]],
    registered: Mapping[str, Collection[str | None]],
    cut: Collection[str] = (),
    listed_by: Mapping[str, Iterable[str]] | None = None,
    not_ready: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> dict[str, Served]:
    """Return every name that a frontend lists or that is registered.

    `lists` is by frontend; `registered` has the namespaces of each name. `cut`: the frontends that
    list more than is known, so that they are never in `not_by`; nor are frontends that may watch
    other namespaces (see `looks_at` for `listed_by`). `not_ready`: by frontend, the names that it
    reports as not ready.
    """
    there = registered.keys()
    names = frozenset(there).union(*lists.values())
    looked = looks_at(lists if listed_by is None else listed_by, registered)
    found = {}
    for name in sorted(names):
        waiting = tuple(one for one in lists if name in not_ready.get(one, ()))
        found[name] = Served(
            name,
            tuple(one for one, models in lists.items() if name in models and one not in waiting),
            tuple(
                frontend
                for frontend, models in lists.items()
                if frontend in waiting
                or (
                    name not in models
                    and frontend not in cut
                    and (name not in there or not looked[frontend].isdisjoint(registered[name]))
                )
            ),
            name in there,
            waiting,
        )
    return found
