"""`:ctx` goes on with another store without a restart, and nothing of the one before goes along."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.await_remove import AwaitRemove
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from tests.support.drawing import undrawn
from tests.support.operating import MOST_SHOWN, QUICK, Operator, noting
from tests.support.registered import KeyAndValue, card, instance
from tests.support.running import put_file
from tui.app import DyntopApp
from tui.config.other_contexts import OtherContexts
from tui.config.settings import Settings
from tui.config.settings_file import settings_file
from tui.dialogs.context_list import ContextList
from tui.dialogs.unregister import UnregisterDialog
from tui.screens.main import MainScreen
from tui.session import HeldSession
from tui.state.dashboard import Dashboard
from tui.state.destinations import Bookmark
from tui.state.observer import Unseen, Update

FILE = """
[dashboard]
first_tab = "instances"

[contexts.prod]
file_store = "{folder}/prod"
read_only = true

[contexts.lab]
file_store = "{folder}/lab"
namespace = "lab"

[contexts.down]
endpoints = "http://127.0.0.1:1"

[contexts.typo]
file_store = "kv"
"""
ROUNDS = 50
KINDS = (Dashboard, MainScreen, Widget, Timer, HeldSession)


def store_in(folder: Path, *registered: KeyAndValue) -> None:
    """A file store whose files expire long after the test."""
    folder.mkdir()
    for key, value in registered:
        path = put_file(folder, key, value)
        os.utime(path, (time.time() + 3600,) * 2)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """`lab`, `prod`, and a store at the start that no context names."""
    store_in(tmp_path / "prod", instance(0xA1), card(0xA1))
    store_in(tmp_path / "lab", instance(0xB1, namespace="lab"), instance(0xB2, namespace="lab"))
    store_in(tmp_path / "start", instance(0xC1, namespace="started"))
    (tmp_path / "config" / "dyntop").mkdir(parents=True)
    (tmp_path / "config/dyntop/settings.toml").write_text(FILE.format(folder=tmp_path))
    return {
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "DYN_FILE_KV": str(tmp_path / "start"),
        "DYN_DISCOVERY_BACKEND": "file",
    }


@asynccontextmanager
async def started(
    environ: dict[str, str], *, at_first: str = "c1", **flags: Any
) -> AsyncIterator[Operator]:
    settings = Settings.from_environment(environ, file=settings_file(environ), **flags)
    read_only = flags.get("read_only", False)
    contexts = OtherContexts(
        environ,
        {"read_only": read_only, "probing": None, "lease_rate": None, "no_audit": False},
    )
    held = await HeldSession.open(settings)
    app = DyntopApp(held.session, settings, timings=QUICK, held=held, contexts=contexts)
    told = noting(app)
    app.NOTIFICATION_TIMEOUT = MOST_SHOWN  # type: ignore[misc]
    try:
        with undrawn(True):
            async with app.run_test(size=(120, 40), notifications=True) as pilot:
                operator = Operator(app, pilot, told)
                await until_ids(operator, {at_first})
                yield operator
    finally:
        await app.switch.aclose()
    assert not app.faults.errors


async def given(operator: Operator, text: str) -> None:
    await operator.press("colon")
    await operator.type(text)
    await operator.press("enter")


async def until_ids(operator: Operator, ids: Iterable[str]) -> None:
    await operator.until(
        lambda: operator.on_main and set(operator.rows("id")) == set(ids), f"the ids {ids}"
    )


async def test_nothing_of_the_store_before_goes_along(environ: dict[str, str]) -> None:
    async with started(environ) as operator:
        await operator.drain("c1")
        await operator.until(lambda: operator.dashboard.removals.last() is not None)
        await operator.press("7", "1", "f")
        await operator.type("/nothing\r")
        first = operator.dashboard
        operator.main.navigator.jumps.remember(Bookmark("workers", (), None))
        await given(operator, "ctx lab")
        await until_ids(operator, {"b1", "b2"})
        now = operator.dashboard
        assert now is not first
        assert operator.breadcrumb().strip() == "ctx lab › ns lab"
        assert "c1" not in operator.text()
        assert operator.main.navigator.jumps.back() is None
        assert (now.marked, now.scope, now.removals.last()) == (0, (), None)
        assert not now.view.tombstones
        assert {e.record.id.instance_id for e in now.view.events() if e.record} <= {0xB1, 0xB2}
        await operator.press("u")
        assert operator.told()[-1].startswith("Nothing removed in this session")
        await given(operator, "ctx -")
        # Nothing was put back, and the way back is open.
        await operator.until(lambda: operator.breadcrumb() == "")
        await operator.until(lambda: operator.dashboard.view.complete)
        assert operator.rows("id") == []


@pytest.mark.parametrize("remember", ["true", "false"])
async def test_what_was_chosen_by_key_goes_along_written_or_not(
    remember: str, environ: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "config/dyntop/settings.toml"
    whole = FILE.replace("[dashboard]", f"[dashboard]\nremember = {remember}")
    path.write_text(whole.partition("[contexts.typo]")[0].format(folder=tmp_path))
    before = path.read_text()
    async with started(environ) as operator:
        width = operator.tree.outer_size.width
        await operator.press("S", ">", "C", "space", "escape")
        await given(operator, "ctx lab")
        await until_ids(operator, {"b1", "b2"})
        assert operator.pane.order.reverse
        assert "state" not in [column.id for column in operator.pane.table.columns]
        await operator.until(lambda: operator.tree.outer_size.width == width + 2)
        await operator.press("s")
        await operator.dashboard.remembering.save()
        assert not any("not remembered" in one for one in operator.told())
    after = path.read_text()
    if remember == "false":
        assert after == before
    else:
        assert f"tree_width = {width + 2}" in after
        assert 'shown = ["name"' in after
        assert 'sort = "id"' in after


async def test_read_only_is_of_the_context_and_a_flag_holds_in_all(
    environ: dict[str, str],
) -> None:
    async with started(environ) as operator:
        for name, ids, read_only in (("prod", {"a1"}, True), ("lab", {"b1", "b2"}, False)):
            await given(operator, f"ctx {name}")
            await until_ids(operator, ids)
            assert operator.dashboard.is_read_only is read_only
            await operator.until(lambda: ("d Drain" in operator.footer()) is not read_only)  # noqa: B023
    async with started(environ, read_only=True) as operator:
        await given(operator, "ctx lab")
        await until_ids(operator, {"b1", "b2"})
        assert operator.dashboard.is_read_only


async def test_what_cannot_be_opened_is_said_and_what_was_shown_stays(
    environ: dict[str, str],
) -> None:
    async with started(environ) as operator:
        for typed, said in (
            ("ctx lba", ":ctx: there is no context 'lba' in"),
            ("ctx typo", "file_store is 'kv', and must be a path that begins with /"),
            ("ctx -", "No other context was shown before this one."),
        ):
            operator.forget_told()
            await given(operator, typed)
            await operator.until(lambda: any(said in one for one in operator.told()), said)  # noqa: B023
            assert operator.rows("id") == ["c1"]


async def test_a_store_that_cannot_be_reached_is_shown_so_with_the_way_back(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with started(environ) as operator:
        await given(operator, "ctx down")
        await operator.until_shown("not connected", "ctx down")
        await operator.until_shown(":ctx - goes back to file", f"{tmp_path}/start")
        await given(operator, "ctx -")
        await until_ids(operator, {"c1"})


async def test_a_flag_of_the_start_that_names_a_store_gives_way_and_comes_back_with_it(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with started(environ, at_first="a1", file_store=str(tmp_path / "prod")) as operator:
        await given(operator, "ctx lab")
        await until_ids(operator, {"b1", "b2"})
        said = "--file-store of the start is not part of it; :ctx - goes back to that."
        await operator.until(lambda: operator.told() == [said])
        await given(operator, "ctx -")
        await until_ids(operator, {"a1"})
        assert not operator.dashboard.is_read_only


async def test_ctx_alone_lists_all_and_enter_switches(environ: dict[str, str]) -> None:
    async with started(environ) as operator:
        await given(operator, "ctx")
        await operator.until(lambda: isinstance(operator.app.screen, ContextList))
        await operator.until_shown("●  (as started)", "read-only", "file_store is 'kv'")
        await operator.press("G", "enter")
        assert isinstance(operator.app.screen, ContextList)
        await operator.press("escape")
        await until_ids(operator, {"c1"})
        await given(operator, "ctx")
        await operator.until(lambda: isinstance(operator.app.screen, ContextList))
        await operator.press("down", "down", "enter")
        await until_ids(operator, {"b1", "b2"})
        await operator.press("colon")
        await operator.type("ctx pr")
        await operator.until_shown("ctx prod")
        await operator.press("tab", "enter")
        await until_ids(operator, {"a1"})


async def test_while_a_question_is_open_or_keys_are_removed_nothing_is_switched(
    environ: dict[str, str],
) -> None:
    async with started(environ) as operator:
        await operator.press("d")
        await operator.until(lambda: isinstance(operator.app.screen, UnregisterDialog))
        operator.app.switch.ask_for("lab")
        assert operator.told() == [
            "No other context is shown while something else is open: close it first."
        ]
        await operator.press("escape")
        await operator.until(lambda: operator.on_main)
        answered = asyncio.Event()

        async def removing() -> None:
            await answered.wait()

        operator.main.begin("removals", removing)
        await given(operator, "ctx lab")
        said = "No other context is shown while keys are removed or put back."
        await operator.until(lambda: operator.told()[-1] == said)
        answered.set()
        await operator.until(lambda: not operator.main.is_at_work("removals"))
        await given(operator, "ctx lab")
        await until_ids(operator, {"b1", "b2"})


async def test_what_comes_while_a_screen_is_removed_is_not_drawn_on_it(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with started(environ) as operator:
        before, dashboard, remove = operator.main, operator.dashboard, Screen.remove
        drawn: list[Update] = []

        def removing(screen: Screen[object]) -> AwaitRemove:
            if screen is before:
                # From here on Textual may have taken its widgets away, on a busy host for long.
                monkeypatch.setattr(before, "changed", drawn.append)
                dashboard.show_everything()
                dashboard.show_link()
                before._tick()
                assert dashboard.updates.observer.records_on_screen() == []
            return remove(screen)

        monkeypatch.setattr(Screen, "remove", removing)
        await given(operator, "ctx lab")
        await until_ids(operator, {"b1", "b2"})
        assert isinstance(dashboard.updates.observer, Unseen)
        assert drawn == []


async def test_after_many_switches_nothing_is_left_of_those_before(
    environ: dict[str, str],
) -> None:
    async with started(environ) as operator:
        names = ["lab", "prod"]
        first = weakref.ref(operator.dashboard)

        async def switch(times: int) -> None:
            for number in range(times):
                name = names[number % 2]
                operator.app.switch.ask_for(name)
                await operator.until(
                    lambda name=name: (  # type: ignore[misc]
                        operator.app.settings.context == name
                        and operator.dashboard.view.complete
                        and not operator.app.switch._is_at_work
                    ),
                    name,
                )

        await switch(4)
        before = await held()
        await switch(ROUNDS)
        grown = await held() - before
        assert {kind: more for kind, more in grown.items() if more > MORE} == {}
        assert first() is None


MORE = 4
"""Tasks, threads and files of one session, which may come and go: far fewer than one a round."""


async def held() -> Counter[str]:
    """What this process holds."""
    stopped = [asyncio.get_running_loop().call_later(3600, print) for _ in range(400)]
    for timer in stopped:
        timer.cancel()
    # The loop forgets timers that were stopped once they are most of all.
    await asyncio.sleep(0)
    gc.collect()
    kinds = Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, KINDS))
    kinds["tasks"] = len(asyncio.all_tasks())
    kinds["threads"] = threading.active_count()
    kinds["files"] = len(os.listdir("/proc/self/fd"))
    return kinds
