"""A terminal that does not take what is painted is given no more, and all in one when it did."""

from __future__ import annotations

import pytest

from tests.registered import instance
from tests.tui.operating import World, dashboard
from tui.app import DyntopApp
from tui.slow_line import PIECES_OF_A_FRAME


async def test_a_terminal_that_is_behind_is_painted_to_only_when_it_took_what_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting = 0
    paints = 0
    after_paint = DyntopApp.post_display_hook

    def counted(app: DyntopApp) -> None:
        nonlocal paints
        paints += 1
        after_paint(app)

    monkeypatch.setattr(DyntopApp, "_pieces_waiting", lambda _: waiting)
    monkeypatch.setattr(DyntopApp, "post_display_hook", counted)
    world = World()
    world.put(instance(1))
    async with dashboard(world) as operator:
        waiting = PIECES_OF_A_FRAME + 1
        world.put(instance(2))
        await operator.until(lambda: operator.app._batch_count > 0)
        before = paints
        world.put(instance(3))
        await operator.until(lambda: "3 instances" in operator.header())
        await operator.press("down")
        assert paints == before
        waiting = 0
        await operator.until(lambda: paints > before)
        assert operator.app._batch_count == 0
        await operator.until_shown("3 instances")


async def test_a_terminal_that_keeps_up_is_never_held_back() -> None:
    world = World()
    world.put(instance(1))
    async with dashboard(world) as operator:
        assert operator.app._pieces_waiting() == 0
        await operator.press("down")
        assert operator.app._batch_count == 0
