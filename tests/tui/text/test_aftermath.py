"""What a removal leaves of cards in conflict, in words."""

from __future__ import annotations

import pytest

from backends.dynamo.records import AnyRecord
from tests.liveness.test_tracker_conflicts import card_of, instance_of
from tests.liveness.watched import Watched
from tui.text.aftermath import conflicting_cards_text

FIRST, SECOND, OTHER = card_of(1, 4096), card_of(2, 4096), card_of(3, 2048)


@pytest.mark.parametrize(
    ("removed", "kept"),
    [
        (
            [FIRST, instance_of(2)],
            "That of 1 is left with 0 of 2 routable workers, the other with 1 of 1.",
        ),
        (
            [FIRST, OTHER],
            "That of 1 is left with 1 of 2 routable workers, the other with 0 of 1.",
        ),
    ],
)
def test_acting_on_cards_in_conflict_says_what_each_sort_is_left_with(
    removed: list[AnyRecord], kept: str
) -> None:
    watched = Watched(FIRST, SECOND, OTHER, *map(instance_of, (1, 2, 3)))
    watched.lives(**{"1": 22.0, "2": 22.0, "3": 22.0})
    (line,) = conflicting_cards_text(watched.cluster, watched.verdicts, removed)
    assert line == f"acme/tiny-llm: 2 sorts of card disagree. {kept}"
