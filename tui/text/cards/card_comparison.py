"""Model cards beside each other, field by field. Untrusted text is not escaped yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from backends.discovery.cluster import Cluster, FirstSeen
from backends.dynamo.card_checksum import fingerprint, worker_set_of
from backends.dynamo.card_differences import CardComparison, ComparedField, compare
from backends.dynamo.parse import card_json
from backends.dynamo.records import ModelCard
from backends.liveness.sentences import FRONTEND_RULE
from backends.liveness.serving import Serving
from tui.text.cards.model_summary import by_age, in_conflict, short_sort
from tui.text.detail import Detail
from tui.text.format import NOTHING, count, hex_id, seen

MOST_COMPARED = 4
"""Cards that are compared at once: more columns are not read."""

LETTERS = "ABCD"

LONGEST_SHARED = 4_000
"""Characters of which the first that differs is looked for."""
MOST_CHARACTERS = 15_000
"""Characters of a value in the detail of its field, where all cards have room."""
KEPT_BEFORE = 8
"""Characters of a long value that are shown before its first difference."""

COVERED_MARK, OTHER_MARK = "≠", "~"
"""Of a field that differs: in Dynamo's checksum, or not in it."""


class ComparedCard(msgspec.Struct, frozen=True):
    """One of the cards that are compared."""

    letter: str
    card: ModelCard
    sort: str
    """The fingerprint of what the checksum covers. Dynamo's own checksum is another."""
    workers: int
    """How many workers have a card of this sort, in a conflict. 0: that was not asked."""
    since: FirstSeen
    """When the card, in a conflict the first of its sort, was first seen."""


class ComparedCards(msgspec.Struct, frozen=True):
    """Some cards, and where they differ."""

    cards: tuple[ComparedCard, ...]
    comparison: CardComparison
    left_out: str = ""
    """What is not compared here, as a sentence. Empty: nothing."""

    @property
    def refused(self) -> int:
        """How many fields of Dynamo's checksum differ."""
        return sum(one.is_covered for one in self.comparison.differing)

    @property
    def others(self) -> int:
        """How many other fields differ."""
        return len(self.comparison.differing) - self.refused


def comparison_of_marked(
    cards: Sequence[ModelCard], cluster: Cluster, key: str
) -> ComparedCards | str:
    """Compare the cards of marked rows. A sentence: they cannot be. `key`: the key that compares,
    for the sentence."""
    if len(cards) < 2:
        return f"{key} compares 2 to {MOST_COMPARED} cards: mark another row with a card."
    if len(cards) > MOST_COMPARED:
        marked = count(len(cards), "card")
        return f"{key} compares 2 to {MOST_COMPARED} cards: {marked} are marked."
    if problem := _unreadable(cards):
        return f"Nothing to compare: {problem}."
    return _compared([(card, 0, cluster.value_seen(card.key)) for card in cards])


def comparison_of_sorts(
    name: str,
    cards: Iterable[ModelCard],
    serving: Serving,
    cluster: Cluster,
    *,
    marks: bool = True,
) -> ComparedCards | str:
    """Compare one card of each sort, the oldest first, of the first worker set of these cards that
    has several. A sentence: there is none. `name`: of the model, for the sentence. `marks`: rows
    can be marked to compare others."""
    cards = list(cards)
    sets = in_conflict(cards, serving)
    if not sets:
        why = f"no worker set of {name} has several sorts of card"
        if cards and all(one.is_lora for one in cards):
            why = f"frontends of Dynamo 1.6.1 do not compare the cards of adapter {name}"
        otherwise = " Mark two rows to compare their cards." if marks else ""
        return f"Nothing to compare: {why}.{otherwise}"
    sorts = by_age(sets[0], serving, cluster)
    there = [(cluster.records.get(min(sort.keys)), sort) for sort in sorts]
    chosen = [
        (card, len(sort.keys), sort.since) for card, sort in there if isinstance(card, ModelCard)
    ]
    left_out = []
    if (more := len(chosen) - MOST_COMPARED) > 0:
        left_out.append(f"{count(more, 'more sort')} not shown")
    if len(sets) > 1:
        left_out.append(f"{count(len(sets) - 1, 'more worker set')} in conflict")
    return _compared(chosen[:MOST_COMPARED], "; ".join(left_out))


def _compared(
    cards: Sequence[tuple[ModelCard, int, FirstSeen]], left_out: str = ""
) -> ComparedCards:
    parsed = [card_json(card.entry) for card, _, _ in cards]
    return ComparedCards(
        tuple(
            ComparedCard(letter, card, card.fingerprint or fingerprint(body), workers, since)
            for letter, (card, workers, since), body in zip(LETTERS, cards, parsed, strict=False)
        ),
        compare(parsed),
        left_out,
    )


def _unreadable(cards: Iterable[ModelCard]) -> str:
    """Return the first card that has no fields, and why, as a clause. Empty: all have."""
    for card in cards:
        if not card_json(card.entry):
            why = card.unread or card.malformed or "its value holds no card"
            return f"the card of {hex_id(card.id.instance_id)} cannot be read: {why}"
    return ""


# --- in words -------------------------------------------------------------------------------------


def heading(compared: ComparedCards, now: float) -> list[str]:
    """Return a line for each card, and what follows from their differences."""
    return [*(_card_line(one, now) for one in compared.cards), *_consequences(compared)]


def _card_line(one: ComparedCard, now: float) -> str:
    card = one.card
    sort = f"sort {short_sort(one.sort)}"
    if not (one.since.was_there and now - one.since.at < 1):
        sort += f", for {seen(one.since, now)}"
    parts = [
        one.letter,
        hex_id(card.id.instance_id),
        card.id.path() or NOTHING,
        f"{count(one.workers, 'worker')}, {sort}" if one.workers else sort,
        f"malformed: {card.malformed}" if card.malformed else "",
    ]
    return "  ".join(filter(None, parts))


def _consequences(compared: ComparedCards) -> Iterator[str]:
    cards = [one.card for one in compared.cards]
    sets = {worker_set_of(card) for card in cards}
    number = compared.refused
    fields = count(number, "field")
    if not number:
        yield "No field of Dynamo's checksum differs"
    elif None in sets:
        yield f"{COVERED_MARK} {fields} of Dynamo's checksum; 1.6.1 compares no cards of adapters"
    elif len(sets) > 1:
        yield f"{COVERED_MARK} {fields} of Dynamo's checksum; 1.6.1 compares no two worker sets"
    else:
        yield (
            f"{COVERED_MARK} {fields} of Dynamo's checksum (as of 1.6.1): {FRONTEND_RULE}, "
            "neither the majority nor the oldest; it refuses the other workers"
        )
    if compared.others:
        yield f"{OTHER_MARK} {count(compared.others, 'other field')}: in no checksum of 1.6.1"
    if not compared.comparison.is_whole:
        yield "The cards have more fields than are compared: the rest is left out."
    if compared.left_out:
        yield f"Not here: {compared.left_out}."


def mark_of(field: ComparedField) -> str:
    """Return the sign of a field: whether it differs, and whether the checksum covers it."""
    if not field.differs:
        return " "
    return COVERED_MARK if field.is_covered else OTHER_MARK


def value_of(field: ComparedField, index: int) -> str:
    """Return a card's value of a field. A card without the field: `–`."""
    value = field.values[index]
    return NOTHING if value is None else value


def short_value(field: ComparedField, index: int, cells: int) -> str:
    """Return a card's value for a column of so many cells: of long ones that differ the part from
    shortly before the first difference."""
    text = value_of(field, index)
    values = [one[:LONGEST_SHARED] for one in field.values if one is not None]
    if not field.differs or len(text) <= cells or len(values) < len(field.values):
        return text
    at_each = enumerate(zip(*values, strict=False))
    shared = next((n for n, chars in at_each if len({*chars}) > 1), min(map(len, values)))
    return text if shared <= KEPT_BEFORE else f"…{text[shared - KEPT_BEFORE :]}"


def field_detail(compared: ComparedCards, field: ComparedField) -> Detail:
    """Return a field with the whole value of each card, up to `MOST_CHARACTERS`."""
    covered = "in Dynamo's checksum" if field.is_covered else "not in Dynamo's checksum"
    state = f"{mark_of(field)} differs" if field.differs else "equal"
    whole = [
        f"{one.letter}  {hex_id(one.card.id.instance_id)}\n{shortened(value_of(field, index))}"
        for index, one in enumerate(compared.cards)
    ]
    fields = (("field", field.path), ("compared", f"{state}, {covered} (as of 1.6.1)"))
    return Detail(field.path, "", fields, "\n\n".join(whole))


def shown_fields(compared: ComparedCards, *, everything: bool) -> Sequence[ComparedField]:
    """Return the fields that differ, or all."""
    comparison = compared.comparison
    return comparison.fields if everything else comparison.differing


def shortened(value: str, most: int = MOST_CHARACTERS) -> str:
    """Return a value with the number of characters that are left out, if it is very long."""
    more = len(value) - most
    return value if more <= 0 else f"{value[:most]}… and {more:,} characters more"


def comparison_lines(compared: ComparedCards, now: float, most: int) -> Iterator[str]:
    """Yield a comparison as lines for a pipe: the fields that differ. `most`: characters that are
    shown of a value."""
    yield from heading(compared, now)
    for field in compared.comparison.differing:
        yield f"{mark_of(field)} {field.path}"
        for index, one in enumerate(compared.cards):
            yield f"    {one.letter}  {shortened(value_of(field, index), most)}"
