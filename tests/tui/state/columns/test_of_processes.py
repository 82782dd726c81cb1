"""Each place that shows the host of a process shows the same one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

import pytest

from backends.discovery.discovery import Added, Resynced
from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.judge import Verdict
from backends.liveness.serving.model_workers import workers_of
from backends.liveness.workers import worker as worker_by_id
from backends.store import Lifetime
from tests import corpus
from tests.support import registered
from tests.support.owned import owned
from tests.support.registered import record
from tui.cli.shared.worker_columns import COLUMNS, LookedAtWorkers
from tui.state.cluster_view import ClusterView
from tui.state.columns.of_processes import Processes, process_columns


def on_nats(number: int) -> AnyRecord:
    """An instance whose address is a subject, which has no host."""
    key, value = registered.instance(number)
    body = json.loads(value) | {"transport": {"nats_tcp": f"prod_backend.generate-{number:x}"}}
    return record((key, json.dumps(body).encode()), lease=number)


LEASED = {cluster.name: list(map(read, cluster.entries)) for cluster in corpus.load_clusters()} | {
    "only a channel has a host": [
        on_nats(1),
        record(registered.card(1), lease=1),
        record(registered.channel(7), lease=1),
    ],
    "nothing has a host": [on_nats(1), record(registered.card(1), lease=1)],
}


def view_of(records: Sequence[AnyRecord], lifetime: Lifetime) -> ClusterView:
    view = ClusterView(0.0, lifetime)
    view.take([Resynced((), tuple(map(Added, records)), "1")], 0.0)
    return view


def _itself(row: AnyRecord) -> AnyRecord:
    return row


def in_rows(view: ClusterView, one: AnyRecord) -> str:
    host, *_ = process_columns(Processes(view), _itself, ticks=False)
    return str(host.cell_of(one).text).replace("–", "")


def of_its_model(view: ClusterView, card: ModelCard) -> str:
    (found,) = workers_of([card], view.cluster, lambda _: None, lambda _: Verdict.LIVE)
    return found.host


@pytest.mark.parametrize("name", LEASED)
def test_a_model_s_detail_the_tabs_and_the_list_name_the_same_host(name: str) -> None:
    view = view_of(LEASED[name], Lifetime.LEASED)
    cards = view.cluster.of_type(ModelCard)
    assert cards
    (listed,) = [one for one in COLUMNS if one.name == "HOST"]
    for card in cards:
        host = of_its_model(view, card)
        assert in_rows(view, card) == host
        number = view.cluster.worker_of(card)
        assert number is not None
        worker = worker_by_id(view.cluster, number)
        assert worker is not None
        assert listed.text(cast("LookedAtWorkers", None), worker) == host


def test_in_kubernetes_it_is_the_node() -> None:
    records = [owned(registered.instance(1)), owned(registered.card(1))]
    view = view_of(records, Lifetime.OWNED)
    (card,) = view.cluster.of_type(ModelCard)
    assert card.entry.owner is not None
    assert in_rows(view, card) == of_its_model(view, card) == card.entry.owner.node != ""
