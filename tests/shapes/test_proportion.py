"""No shape of a store costs more than in proportion to its keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator

import pytest

from backends.discovery.discovery import Added, Removed, Resynced
from backends.discovery.history import Event
from backends.discovery.record_index import Scope
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.judge import LeaseTtl
from backends.liveness.tracker import LeaseOrKey, lease_or_key
from backends.liveness.workers import workers
from backends.probe.types import ProbeAnswer, ProbeResult
from backends.removal.explainer import Explainer
from backends.store import Lifetime, TimeToLive
from tests.shapes.odd_stores import SHAPES, Registered, records_of
from tests.shapes.steps import steps_of
from tui.state.cluster_view import ClusterView
from tui.state.overview.model_lines import ModelLines
from tui.state.removal_options import drained_records, proposed_verb, removal_options
from tui.state.shared_addresses import SharedAddresses
from tui.text.aftermath import conflicting_cards_text, kept_text, remaining_workers_text
from tui.text.cards.model_summary import summarise

SMALL, TIMES = 60, 4
"""Keys, and how many times as many there are in the larger store."""
MOST = 1.25 * TIMES
"""Times as much work. If each key were looked at for each other, it would be up to sixteen."""

LIVES, ENDED = TimeToLive(60.0, 55.0), TimeToLive(None, -1.0)


class _Leases:
    """Answers for all leases alike."""

    class store:  # noqa: N801
        lifetime = Lifetime.LEASED

    def __init__(self, ttl: TimeToLive) -> None:
        self._ttl = ttl

    async def time_to_live(self, records: Iterable[AnyRecord]) -> dict[bytes, TimeToLive]:
        return {one.key: self._ttl for one in records}


def works(records: list[AnyRecord]) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is done with a store, in turn."""
    view = ClusterView(0.0, Lifetime.LEASED)
    cluster, verdicts, addresses = view.cluster, view.verdicts, SharedAddresses(view)
    noted: list[Event] = []

    def load() -> None:
        snapshot = Resynced((), tuple(map(Added, records)), "1")
        for _ in view.load(snapshot, 0.0):
            pass
        view.take([snapshot], 0.0)
        view.take_changes()

    def read_leases() -> None:
        ttl = LeaseTtl(LIVES, 1.0)
        leases: set[LeaseOrKey] = set(map(lease_or_key, records))
        verdicts.observe_ttls(dict.fromkeys(leases, ttl))
        view.take_changes()

    def probe() -> None:
        targets = sorted(verdicts.targets(records), key=str)
        refused = [ProbeResult(one, ProbeAnswer.REFUSED, 2.0, "refuses") for one in targets]
        verdicts.observe_readings(refused)
        view.take_changes()

    def weigh() -> None:
        for one in records:
            verdicts.assessment(one, 1.0)

    def count_in_the_tree() -> None:
        scopes: list[Scope] = [()]
        for scope in scopes:
            verdicts.count_workers(scope)
            verdicts.count_workers_not_live(scope)
            scopes += [(*scope, name) for name in cluster.children(scope)]

    def list_workers() -> None:
        for one in workers(cluster, records):
            assert one.role
            assert one.components is not None
        addresses.rebuild()

    def list_models() -> None:
        lines = ModelLines(view)
        lines.rebuild(())
        lines.lines(len(records))
        for name in list(view.models.names()):
            cards = [one for one in view.models.cards(name) if not one.is_lora]
            summarise(name, cards, cluster, verdicts.serving, verdicts.of)

    def filter_by_words() -> None:
        view.narrow("prod")
        view.narrow("")

    def ask_to_remove() -> None:
        proposed_verb(view, [one for one in records if isinstance(one, ModelCard)])
        proposed_verb(view, records)
        removal_options(view, records)
        drained_records(view, records)

    def say_what_remains() -> None:
        conflicting_cards_text(cluster, verdicts, records)
        kept_text(cluster, records[: len(records) // 2])
        remaining_workers_text(cluster, verdicts, records[: len(records) // 2])

    def all_go() -> None:
        noted[:] = view.take([Removed(one, "2") for one in records], 2.0)
        view.take_changes()
        addresses.amend(one.key for one in records)
        view.causes()

    def explain(ttl: TimeToLive) -> None:
        explainer = Explainer(_Leases(ttl), cluster, clock=lambda: 3.0)
        for one in noted:
            one.why = None
            explainer.note(one)
        asyncio.run(explainer.explain(noted))

    def half_goes() -> None:
        noted[:] = view.take([Removed(one, "2") for one in records[::2]], 2.0)
        view.take_changes()

    def all_come() -> None:
        there = cluster.records
        view.take([Added(one) for one in records if one.key not in there], 4.0)
        view.take_changes()
        addresses.amend(one.key for one in records)

    yield "load", load
    yield "read leases", read_leases
    yield "weigh", weigh
    yield "find addresses", lambda: verdicts.targets(records)
    yield "count in the tree", count_in_the_tree
    yield "list workers", list_workers
    yield "list models", list_models
    yield "filter", filter_by_words
    yield "ask to remove", ask_to_remove
    yield "say what remains", say_what_remains
    yield "probe", probe
    yield "weigh what failed", weigh
    yield "half goes", half_goes
    yield "explain what was deleted", lambda: explain(LIVES)
    yield "come back", all_come
    yield "all go", all_go
    yield "explain what ended", lambda: explain(ENDED)
    yield "all come back", all_come


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_four_times_the_keys_take_about_four_times_the_work(
    shape: Callable[[int], Iterator[Registered]],
) -> None:
    sizes = [records_of(shape, size) for size in (SMALL, TIMES * SMALL)]
    ratios = {}
    for (name, few), (_, many) in zip(*map(works, sizes), strict=True):
        before = steps_of(few)
        ratios[name] = round(steps_of(many) / before, 1)
    assert {name: ratio for name, ratio in ratios.items() if ratio > MOST} == {}
