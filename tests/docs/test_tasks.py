"""The keys of the README's seven tasks do what the README says, on a real etcd."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.docs.documents import README, table
from tests.docs.world import GONE, WORKER, World
from tests.support.etcd_server import EtcdServer
from tests.support.terminal import Terminal
from tests.support.waiting import wait_for

ID = f"{WORKER:x}"
INSTANCE = f"v1/instances/prod/backend/generate/{ID}".encode()
LEFT = f"v1/mdc/prod/backend/generate/{GONE:x}".encode()


@pytest.fixture
def dashboard(world: World) -> Iterator[Terminal]:
    """The dashboard once all is on screen, in a window in which nothing is left out."""
    with world.at_terminal("dyntop", columns=180, rows=50) as terminal:
        terminal.wait_for("● connected")
        terminal.wait_for("WRONG NOW")
        terminal.wait_for("acme/tiny-llm")
        yield terminal


def keys_of(task: int) -> str:
    """Return what the README says of one of the tasks."""
    _, keys, _ = table(README, "Seven tasks for a bad night")[task]
    return keys


def is_there(etcd: EtcdServer, key: bytes) -> bool:
    return key in etcd.entries()


def test_there_are_seven() -> None:
    assert len(table(README, "Seven tasks for a bad night")) == 7


def test_overview_shows_findings_and_enter_their_evidence(dashboard: Terminal) -> None:
    assert "Overview (`0`) is open" in keys_of(0)
    assert "`Enter` goes to it" in keys_of(0)
    dashboard.wait_for(re.compile(rf"⊘ left behind +prod/backend +{GONE:x}").search)
    # Models that are not served come before processes.
    dashboard.press("j")
    dashboard.wait_for(re.compile(rf"worker +{GONE:x}").search)
    dashboard.press("enter")
    dashboard.wait_for("COMPONENT▲")
    dashboard.wait_for(re.compile(rf"{GONE:x} has no instance").search)
    dashboard.press("b")
    dashboard.wait_for("WRONG NOW")


def test_an_exclamation_mark_shows_findings_in_every_tab(dashboard: Terminal) -> None:
    assert "`!`" in keys_of(0)
    dashboard.press("2")
    dashboard.wait_for("MODEL▲")
    dashboard.press("!")
    dashboard.wait_until_gone("acme/tiny-llm")
    dashboard.wait_for("acme/old")
    dashboard.press("l", "j", "enter")
    dashboard.wait_for(re.compile(rf"{GONE:x} has no instance").search)


def test_c_and_y_remove_what_is_left_behind_and_nothing_else(
    dashboard: Terminal, etcd: EtcdServer
) -> None:
    assert "`c`" in keys_of(1)
    assert "`Y` removes" in keys_of(1)
    dashboard.press("c")
    dashboard.wait_for(lambda text: LEFT.decode() in text and "a all" in text)
    press_until(dashboard, "Y", lambda: not is_there(etcd, LEFT))
    assert is_there(etcd, INSTANCE)


def test_the_models_tab_says_how_many_workers_a_request_reaches_and_why_not_others(
    dashboard: Terminal,
) -> None:
    assert "`2` Models" in keys_of(2)
    dashboard.press("2")
    screen = dashboard.wait_for(lambda text: "MODEL▲" in text and "WHY" in text)
    rows = [line for line in screen.splitlines() if "▸" in line]
    assert any(re.search(r"acme/tiny-llm .* 1/1", row) for row in rows)
    assert any(re.search(r"acme/old .* 0/1 .*1 dead", row) for row in rows)


def test_d_in_workers_drains_by_the_typed_id_and_u_puts_back(
    dashboard: Terminal, etcd: EtcdServer
) -> None:
    assert "`3` Workers, go to its row, `d`, type the id" in keys_of(3)
    assert "`u` puts it back" in keys_of(3)
    dashboard.press("/")
    dashboard.type(ID)
    dashboard.press("enter", "3")
    dashboard.wait_for("COMPONENT▲")
    dashboard.press("d")
    dashboard.wait_for(f"Type {ID} to drain")
    dashboard.type(ID)
    dashboard.press("enter")
    wait_for(lambda: not is_there(etcd, INSTANCE), "the drain")
    dashboard.wait_for("▽ drained")
    dashboard.press("u")
    dashboard.wait_for("Put back (Y)")
    press_until(dashboard, "Y", lambda: is_there(etcd, INSTANCE))


@pytest.mark.parametrize("written", [ID, f"{WORKER}", f"instance_id={WORKER}"])
def test_a_pasted_id_finds_its_worker(dashboard: Terminal, written: str) -> None:
    assert "`:`, then paste it" in keys_of(4)
    assert "`Enter`" in keys_of(4)
    dashboard.press(":")
    dashboard.type(written)
    dashboard.press("enter")
    # The detail is that of the worker.
    dashboard.wait_for(re.compile(rf"worker +{ID}").search)
    dashboard.wait_for("COMPONENT")


def test_events_are_narrowed_to_the_last_minutes(dashboard: Terminal) -> None:
    assert "`7` Events" in keys_of(5)
    assert "`/` and `10m`" in keys_of(5)
    dashboard.press("7")
    dashboard.wait_for("= resynced")
    dashboard.press("/")
    dashboard.type("10m")
    dashboard.wait_for("filter  10m")
    dashboard.wait_for("= resynced")
    dashboard.type(" 0s")
    dashboard.wait_for("Nothing that happened matches")


def press_until(dashboard: Terminal, key: str, is_so: Callable[[], bool]) -> None:
    """Press a key until that is so: a yes counts only once its question could have been read."""

    def pressed() -> bool:
        if is_so():
            return True
        dashboard.press(key)
        return False

    wait_for(pressed, f"what {key} does")


def test_a_bracket_steps_back_to_what_was_registered_and_n_returns(dashboard: Terminal) -> None:
    assert "`[` steps back (etcd, NATS), `N` returns" in keys_of(6)
    assert "`dyntop record FILE`" in keys_of(6)
    assert "`dyntop replay FILE`" in keys_of(6)
    dashboard.press("[")
    dashboard.wait_for(re.compile(r"PAST +revision \d+").search)
    dashboard.wait_for("WRONG THEN")
    dashboard.press("N")
    dashboard.wait_for("WRONG NOW")
