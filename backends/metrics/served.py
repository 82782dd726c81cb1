"""What frontends say they serve (`/v1/models`), beside what is registered. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from backends.reading import card_json
from backends.records import ModelCard

PATH = "/v1/models"
"""As OpenAI's API has it; Dynamo's frontends list base models, adapters and aliases in it."""

MOST_MODELS = 2_000
LONGEST_NAME = 1_000
"""Characters of a name that is kept; a longer one is left out."""


class Listed(NamedTuple):
    """What a frontend lists as served."""

    names: frozenset[str]
    cut: bool
    """Whether it lists more than is kept: what is not among the names may be served all the same.
    """


def listed(body: bytes) -> Listed | None:
    """The names in an answer to `/v1/models`. None: it is no such list.

    The text that tells of which kind an object is differs between releases, so it is not looked at:
    0.6.1 calls a model an `object`.
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
    """Under which names a frontend serves what a card registers: its own, and its aliases."""
    aliases = None
    # A card may be large, and this is asked of all of them every few seconds.
    if b'"aliases"' in card.entry.value:
        aliases = card_json(card.entry).get("aliases")
    found = aliases if isinstance(aliases, list) else []
    return frozenset(name for name in (card.model_name, *found) if isinstance(name, str) and name)


@dataclass(frozen=True, slots=True)
class Served:
    """One name, as far as frontends and the store know it."""

    name: str
    by: tuple[str, ...]
    """The frontends that list it."""
    not_by: tuple[str, ...]
    """Those that answered and do not."""
    registered: bool

    @property
    def differs(self) -> bool:
        """Whether one side has it and the other does not. Without any answer nothing does."""
        return bool(self.by or self.not_by) and bool(self.by) != self.registered


def compare(
    lists: Mapping[str, frozenset[str]],
    registered: Iterable[str],
    cut: Collection[str] = (),
) -> dict[str, Served]:
    """Every name that a frontend lists or that is registered; `lists` is by frontend.

    `cut`: the frontends that list more than is known, of which it is never said what they do not.
    """
    there = frozenset(registered)
    names = there.union(*lists.values())
    return {
        name: Served(
            name,
            tuple(frontend for frontend, models in lists.items() if name in models),
            tuple(
                frontend
                for frontend, models in lists.items()
                if name not in models and frontend not in cut
            ),
            name in there,
        )
        for name in sorted(names)
    }
