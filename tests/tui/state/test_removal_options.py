"""What `d` is named for a row is what its question proposes."""

from __future__ import annotations

from itertools import combinations

import pytest

from tests.support.registered import MALFORMED, card, channel, instance, source
from tests.tui.state.test_removals import Place
from tui.state.removal_options import proposed_verb, removal_options
from tui.state.removal_review import RemovalReview

LEASED = {
    0xA7: [instance(0xA7), instance(0xA7, endpoint="clear"), card(0xA7), card(0xA7, lora="x/sql")],
    0xB8: [card(0xB8, "acme/drained"), card(0xB8, lora="x/law"), channel(0x201)],
    0xF0: [instance(0xF0, component="router"), channel(0x102, "router_events")],
}
UNLEASED = [MALFORMED, card(3), source(0x301, 3)]


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_for_any_records_the_name_is_that_of_the_first_offer(number: int) -> None:
    place = Place()
    for lease, contents in LEASED.items():
        await place.registered(*contents, lease=lease)
    records = await place.registered(*UNLEASED)
    for lease in LEASED:
        place.heard(lease)
    verbs = set()
    for chosen in combinations(records, number):
        first = removal_options(place.view, chosen)[0]
        verb = RemovalReview(place.states, first.records, first.verb).verb
        assert proposed_verb(place.view, chosen) == verb, [one.key for one in chosen]
        verbs.add(verb)
    assert verbs == {"drain", "unregister"}


async def test_what_has_gone_is_not_drained() -> None:
    place = Place()
    (record,) = await place.registered(instance(1), lease=1)
    assert proposed_verb(place.view, [record]) == "drain"
    place.keyspace.delete(record.key)
    await place.seen()
    assert proposed_verb(place.view, [record]) == "unregister"
    assert proposed_verb(place.view, []) == "unregister"
