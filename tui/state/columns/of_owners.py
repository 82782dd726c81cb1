"""Columns on the pod of a row's record, in a store with owners (Kubernetes). No Textual in here."""

from __future__ import annotations

from collections.abc import Callable

from backends.store import ContainerState, Owner
from tui.state.column import Cell, Column
from tui.state.sorted_rows import Row
from tui.text.format import NOTHING

OwnerOf = Callable[[Row], Owner | None]
"""Returns the owner of a row's record. None: the row stands for no record, or for several."""


def pod_columns(owner_of: OwnerOf[Row], *, drop: int) -> list[Column[Row]]:
    """Return the columns of pods and of their containers' restarts."""

    def pod(row: Row) -> Cell:
        owner = owner_of(row)
        return Cell(NOTHING if owner is None or not owner.pod_name else owner.pod_name, "dim")

    def container(row: Row) -> ContainerState | None:
        owner = owner_of(row)
        return None if owner is None else owner.container

    def restarts(row: Row) -> Cell:
        state = container(row)
        if state is None:
            return Cell(NOTHING, "dim")
        return Cell(f"{state.restarts:,}", "warn" if state.restarts else "dim")

    def number(row: Row) -> int:
        state = container(row)
        return -1 if state is None else state.restarts

    return [
        Column("pod", "POD", 12, pod, path=True, drop=drop),
        Column("restarts", "RESTARTS", 8, restarts, right=True, sort=number, drop=drop + 2),
    ]
