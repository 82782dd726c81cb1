"""One statement that is made otherwise than in truth is found, so that agreeing means something."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backends.liveness.routing import RoutableCount
from tests.agreement.looking import LATER, SIZE, until_all_is_known
from tests.agreement.object_worlds import leftover, not_ready
from tests.agreement.seeds import made_of
from tests.agreement.statements import (
    Statements,
    read_dashboard,
    read_questions,
)
from tests.agreement.worlds import Made, dead_on_this_host, drained, healthy
from tests.support.operating import dashboard
from tui.state.columns import Cell

LIES: list[tuple[str, Callable[..., object], str]] = [
    ("tui.state.record_states.RecordStates.findings", lambda *_: 0, "findings"),
    ("tui.state.record_states.RecordStates.not_live", lambda *_: 0, "instances not live"),
    (
        "tui.widgets.panes.models.ModelsPane._serving",
        lambda *_: (RoutableCount(7, 7, 7), ""),
        "routable",
    ),
    ("tui.widgets.panes.channels._worker", lambda _: Cell("unknown"), "worker"),
    ("tui.widgets.panes.models.ModelsPane.count", lambda _: 9, "models"),
    ("backends.discovery.cluster.Cluster.count_workers", lambda *_: 9, "workers"),
    ("tui.state.record_columns.seen", lambda *_: "9s", "age"),
    ("tui.state.removal_review.text_with_age", lambda *_: "all is well", "evidence"),
    ("tui.text.detail.time_left", lambda *_: "59 of 60 s left", "left of"),
    ("tui.state.inspector.model_of_card", lambda *_: "its model: routable 7 of 7: all", "routable"),
]
"""Each a statement that is made otherwise than in truth, and what it is about."""


@pytest.mark.parametrize(("place", "false", "about"), LIES, ids=[place for place, *_ in LIES])
async def test_one_false_statement_is_found(
    place: str, false: Callable[..., object], about: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, false)
    found = await disagreements_in_a_small_world()
    assert any(one.startswith((f"{about}:", f"{about} ")) for one in found), found


async def test_one_false_statement_about_a_pod_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.text.owner._pod", lambda *_: "prod-other-0")
    found = await disagreements_in(made_of(healthy, not_ready, leftover, objects=True))
    assert any(one.startswith("pod of ") for one in found), found


async def test_where_every_statement_is_true_none_is_found() -> None:
    assert await disagreements_in_a_small_world() == []


async def disagreements_in_a_small_world() -> list[str]:
    return await disagreements_in(made_of(healthy, drained, dead_on_this_host))


async def disagreements_in(made: Made) -> list[str]:
    said = Statements()
    async with dashboard(made.world, probes=made.answers, size=SIZE) as operator:
        made.world.now += LATER
        await until_all_is_known(operator)
        await read_dashboard(operator, said, places=1)
        await read_questions(operator, said)
    return said.disagreements()
