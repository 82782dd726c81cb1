"""One statement that is made otherwise than in truth is found, so that agreeing means something."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backends.liveness.routing import RoutableCount
from tests.agreement.looking import LATER, SIZE, until_all_is_known
from tests.agreement.object_worlds import leftover, not_ready
from tests.agreement.on_screen import read_dashboard, read_questions
from tests.agreement.seeds import made_of
from tests.agreement.statements import Statements
from tests.agreement.worlds import Made, dead_on_this_host, drained, healthy
from tests.support.operating import dashboard
from tui.state.column import Cell

LIES: list[dict[str, tuple[str, Callable[..., object]]]] = [
    {
        "findings": ("tui.state.record_states.RecordStates.findings", lambda *_: 0),
        "workers not live": (
            "tui.state.record_states.RecordStates.workers",
            lambda self, scope=(): (self.view.verdicts.count_workers(scope),) * 2,
        ),
        "words of its reason": (
            "tui.state.record_states.RecordStates.why",
            lambda *_: Cell("it sleeps"),
        ),
        "routable": (
            "tui.state.models_tab.row_summaries.RowSummaries._serving",
            lambda *_: (RoutableCount(7, 7, 7), "", ()),
        ),
        "worker ": ("tui.widgets.panes.channels._worker", lambda _: Cell("unknown")),
        "models:": ("tui.widgets.panes.models.ModelsPane.count", lambda _: 9),
        "workers:": ("backends.discovery.cluster.Cluster.count_workers", lambda *_: 9),
        "age": ("tui.state.columns.of_records.seen", lambda *_: "9s"),
        "evidence": ("tui.state.removal_review.text_with_age", lambda *_: "all is well"),
        "left of": ("tui.text.detail.time_left", lambda *_: "59 of 60 s left"),
    },
    {
        "routable": (
            "tui.state.inspector.model_of_card",
            lambda *_: "its model: routable 7 of 7: all",
        ),
    },
]
"""Statements that are made otherwise than in truth, by the beginning of what is found of them.
Those of one run are about different facts: each is found by its own."""


@pytest.mark.parametrize("lies", LIES, ids=["of each kind", "of the other place"])
async def test_each_false_statement_is_found(
    lies: dict[str, tuple[str, Callable[..., object]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, false in lies.values():
        monkeypatch.setattr(place, false)
    found = await disagreements_in_a_small_world()
    assert [about for about in lies if not any(one.startswith(about) for one in found)] == [], found


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
