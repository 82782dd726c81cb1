"""The cards of a conflict beside each other, as text or JSON: for `dyntop show --compare`."""

from __future__ import annotations

from collections.abc import Iterable

from backends.dynamo import keys
from backends.dynamo.records import ModelCard
from backends.liveness.survey import Survey
from tui.runtime.standard_streams import print_message, write_lines
from tui.text.cards.card_comparison import ComparedCards, comparison_lines, comparison_of_sorts
from tui.text.errors import Exit
from tui.text.json_export import as_json, hex_or_none
from tui.text.sanitize import plain

MOST_CHARACTERS = 400
"""Characters of a value in text; JSON has them all."""


def print_comparison(
    name: str, cards: Iterable[ModelCard], seen: Survey, now: float, output: str
) -> Exit:
    """Print one card of each sort in the first worker set of these cards that has several.

    `REFUSED`: there is none. Raises `OutputFailed`, BrokenPipeError.
    """
    found = comparison_of_sorts(name, cards, seen.verdicts.serving, seen.cluster, marks=False)
    if isinstance(found, str):
        print_message(found)
        return Exit.REFUSED
    if output == "json":
        write_lines([_json(found)])
    else:
        write_lines(plain(line) for line in comparison_lines(found, now, MOST_CHARACTERS))
    return Exit.DONE


def _json(found: ComparedCards) -> str:
    return as_json(
        {
            "cards": [
                {
                    "key": keys.spell(one.card.key),
                    "instance_id": hex_or_none(one.card.id.instance_id),
                    "sort": one.sort,
                    "workers": one.workers,
                }
                for one in found.cards
            ],
            "fields": [
                {
                    "path": field.path,
                    "values": list(field.values),
                    "differs": field.differs,
                    "in_checksum": field.is_covered,
                }
                for field in found.comparison.fields
            ],
            "whole": found.comparison.is_whole,
            "not_shown": found.left_out or None,
        }
    )
