"""What the rows of each tab state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.agreement.statements import Statements
from tests.agreement.wordings import (
    figures,
    glyph,
    is_finding,
    known,
    state_stated,
    to_int,
    worker_named,
)
from tui.widgets.panes.pane import Pane


def _rows(pane: Pane[Any]) -> Iterator[tuple[Any, dict[str, str]]]:
    """The rows that are there, each with its texts."""
    for row in pane.rows:
        if not pane.is_faded(row):
            yield row, {column.id: column.cell_of(row).text for column in pane.table.columns}


def _read_instances(
    pane: Pane[Any], said: Statements, place: tuple[str, ...], narrowed: bool
) -> None:
    rows = list(_rows(pane))
    said.add(("instances", *place), len(rows), "rows")
    bad = [record for record, cells in rows if is_finding(cells["state"])]
    if not narrowed:
        cluster, verdicts = pane.view.cluster, pane.view.verdicts
        none = {*cluster.no_workers(), *verdicts.left_behind}
        said.add(("workers not live", *place), len({*map(cluster.worker_of, bad)} - none), "rows")
    for record, cells in rows:
        state_stated(said, record.key, cells["state"], "Instances")
        said.add(("age", record.key), cells["seen"], "Instances")
        mark, _, host = cells["host"].rpartition(" ")
        if mark:
            said.add(("restarts", record.key), mark, "Instances")
        said.add(("reason", record.key), cells["why"], "Instances")
        if record.entry.owner is not None:
            said.add(("node of", record.key), known(host), "Instances")


def _read_models(pane: Any, said: Statements, place: tuple[str, ...], narrowed: bool) -> None:
    # Open all, models first.
    for _ in range(2):
        for row in list(pane.rows):
            if row.opened is False:
                pane.set_open(row, True)
    rows = list(_rows(pane))
    models = [(row, cells) for row, cells in rows if row.kind == "model"]
    said.add(("models", *place), len(models), "rows")
    not_served = 0
    adapters: dict[str, bool] = {}
    for row, cells in rows:
        above = pane.dashboard.scope
        if row.kind == "card":
            state_stated(said, row.cards[0].key, cells["state"], "Models")
            is_live = cells["state"] == "● live"
            which = "why not routed" if is_live else "reason"
            said.add((which, row.cards[0].key), cells["why"], "Models")
            if row.cards[0].entry.owner is not None:
                said.add(("node of", row.cards[0].key), known(cells["host"]), "Models")
            continue
        # How a model is served is the same whatever a filter leaves out.
        fact = (row.kind, above, row.key)
        said.add(("routable", *fact), cells["routable"], _view(place, narrowed))
        said.add(("why not", *fact), cells["why"], _view(place, narrowed))
        said.add(("workers of", *fact), cells["workers"], _view(place, narrowed))
        said.add(("state of", *fact), cells["state"], _view(place, narrowed))
        if row.kind == "LoRA" and not pane.is_faded(row):
            # One name may be an adapter of several models.
            served = not cells["routable"].startswith("0/")
            adapters[row.name] = adapters.get(row.name, False) or served
        if row.kind == "model":
            if found := re.match(r"([\d,]+)(?:–[\d,]+)?/([\d,]+)$", cells["routable"]):
                not_served += not to_int(found[1])
                said.add(("workers of", *fact), found[2], "ROUTABLE")
            if not above:
                said.add(("routable", row.name), figures(cells["routable"]), "Models")
    if not place:
        said.add(("models not served",), not_served, "Models")
        alone = sum(not served for served in adapters.values())
        said.add(("adapters not served",), alone, "Models")


def _view(place: tuple[str, ...], narrowed: bool) -> str:
    return f"Models under {place[0]}" if narrowed else "Models"


def _read_workers(
    pane: Pane[Any], said: Statements, place: tuple[str, ...], narrowed: bool
) -> None:
    rows = list(_rows(pane))
    marked = {row.worker.id for row, cells in rows if cells["state"] == "⊘ left behind"}
    roles = {row.worker.id: row.worker.role.value for row, _ in rows}
    are_workers = [one for one, role in roles.items() if role == "worker" and one not in marked]
    said.add(("workers", *place), len(are_workers), "rows")
    for row, cells in rows:
        worker = row.worker.id
        said.add(("left behind", worker), worker in marked, "Workers")
        said.add(("worst of", worker), glyph(cells["state"]), "Workers")
        first = row.worker.records[0]
        if found := re.match(r"(\d+)/(\d+)s$", cells.get("lease", "")):
            said.add(("left of", first.lease), float(found[1]), "Workers")
        if "pod" in cells:
            started = known(cells["restarts"])
            said.add(("pod of", first.key), known(cells["pod"]), "Workers")
            said.add(("node of", first.key), known(cells["host"]), "Workers")
            said.add(("starts of the container of", first.key), started and int(started), "Workers")
        for record in row.worker.records:
            said.add(("worker", record.key), f"{worker:x}", "Workers")
        cards = [*row.worker.cards, *row.worker.adapters]
        if len(cards) == 1:
            routed = cells["serving"]
            said.add(("is routed", cards[0].key), routed == "serving", "Workers")


def _read_channels(
    pane: Pane[Any], said: Statements, place: tuple[str, ...], narrowed: bool
) -> None:
    rows = list(_rows(pane))
    channels = [row for row, _ in rows if row.record.kind.value == "event_channel"]
    if not narrowed:
        said.add(("channels", *place), len(channels), "rows")
    for row, cells in rows:
        state_stated(said, row.record.key, cells["state"], "Event channels")
        said.add(("worker", row.record.key), worker_named(cells["worker"]), "Event channels")
        said.add(("age", row.record.key), cells["seen"], "Event channels")
        said.add(("reason", row.record.key), cells["why"], "Event channels")


def _read_others(pane: Pane[Any], said: Statements, place: tuple[str, ...], narrowed: bool) -> None:
    rows = list(_rows(pane))
    said.add(("others", *place), len(rows), "rows")
    for record, cells in rows:
        state_stated(said, record.key, cells["state"], "Other keys")
        said.add(("age", record.key), cells["seen"], "Other keys")


READ: dict[str, Callable[[Pane[Any], Statements, tuple[str, ...], bool], None]] = {
    "instances": _read_instances,
    "models": _read_models,
    "workers": _read_workers,
    "channels": _read_channels,
    "others": _read_others,
}
