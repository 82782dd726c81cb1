"""Sentences on what remains after a removal: of each model, of its workers, of their processes.

The question and the command show the same sentences. No Textual in here. Untrusted text is not
escaped yet.
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.discovery.cluster import Cluster
from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.liveness.judge import STALE
from backends.liveness.serving import place_of
from backends.liveness.serving.worker_sets import CardSet
from backends.liveness.tracker import LivenessTracker
from backends.removal.drain_plan import remaining_workers, same_process
from tui.text.consequences import left_in_words, workers_in_words
from tui.text.detail import keeps
from tui.text.format import count, hex_id

MOST_MODELS = 8
"""Models that are listed with what remains of them."""
MOST_SORTS = 8
"""Sorts of card whose workers are counted besides the first."""


def remaining_workers_text(
    cluster: Cluster, verdicts: LivenessTracker, records: Sequence[AnyRecord]
) -> list[str]:
    """Return how many routable workers each model and adapter has once these are removed."""

    def is_dead(one: AnyRecord) -> bool:
        return verdicts.of(one.key) in STALE

    left = remaining_workers(cluster, {one.key for one in records}, is_dead)
    lines = [left_in_words(one) for one in left[:MOST_MODELS]]
    if (more := len(left) - MOST_MODELS) > 0:
        lines.append(f"And {count(more, 'model')} more.")
    return lines


def conflicting_cards_text(
    cluster: Cluster, verdicts: LivenessTracker, records: Sequence[AnyRecord]
) -> list[str]:
    """Return, for each set of conflicting cards among these, how many routable workers each sort
    keeps."""
    gone = {record.key for record in records}
    lines: dict[CardSet, str] = {}
    for card in _cards_of(cluster, records):
        party = verdicts.serving.party(card.key)
        # Thousands of cards may be of one set, and each of another sort.
        if party is None or party[1] in lines or not (sorts := verdicts.conflict(card)):
            continue
        left = verdicts.serving.left_with(card.key, gone)
        kept = [f"{left.get(sort.fingerprint, 0):,} of {sort.routable:,}" for sort in sorts]
        others = ", ".join(kept[1 : 1 + MOST_SORTS])
        more = f" and {len(kept) - 1 - MOST_SORTS:,} more" if len(kept) - 1 > MOST_SORTS else ""
        lines[party[1]] = (
            f"{card.model_name}: {count(len(sorts), 'sort')} of card disagree. That of "
            f"{hex_id(card.id.instance_id)} is left with {kept[0]} routable workers, "
            f"the {'other' if len(sorts) == 2 else 'others'} with {others}{more}."
        )
    return list(lines.values())


def _cards_of(cluster: Cluster, records: Sequence[AnyRecord]) -> list[ModelCard]:
    """Return the cards among these records, and the cards of the instances among them."""
    found = {one.key: one for one in records if isinstance(one, ModelCard)}
    instances = [one for one in records if isinstance(one, EndpointInstance)]
    places = {place_of(one) for one in instances}
    for one in cluster.with_siblings(instances):
        if isinstance(one, ModelCard) and place_of(one) in places:
            found[one.key] = one
    return list(found.values())


def kept_text(
    cluster: Cluster, records: Sequence[AnyRecord], *, name_others: bool = True
) -> list[str]:
    """Return what the workers of these records keep registered. `name_others`: also name the other
    workers in the same processes."""
    gone = {record.key for record in records}
    stays = {one.key: one for one in cluster.with_siblings(records) if one.key not in gone}
    lines = []
    if stays:
        several = len({cluster.worker_of(one) for one in stays.values()} - {None}) > 1
        who, lease = (
            ("The workers keep", "their leases") if several else ("The worker keeps", "its lease")
        )
        leased = any(one.lease is not None for one in stays.values())
        lines.append(f"{who} {keeps(list(stays.values()))}{f' and {lease}' if leased else ''}.")
    instances = [one for one in records if isinstance(one, EndpointInstance)]
    if name_others and (beside := same_process(cluster, instances)):
        goes = "goes" if len(beside) == 1 else "go"
        lines.append(f"In the same process, {workers_in_words(beside)} {goes} on serving.")
    return lines
