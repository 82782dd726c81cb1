"""The Workers tab: a row for each process, with all that it registered."""

from __future__ import annotations

import pytest

from backends.probe.types import ProbeAnswer
from tests.support.operating import Operator, SaidProbes, World, dashboard
from tests.support.registered import MALFORMED, card, channel, instance, source
from tui.dialogs.unregister import UnregisterDialog

A, B = 0xA7, 0xB8
KEYS_OF_A = [
    instance(A),
    instance(A, endpoint="clear_kv_blocks"),
    card(A),
    card(A, lora="acme/sql"),
    card(A, lora="acme/law"),
    channel(0x101),
    channel(0x102, "kv_metrics"),
    source(0x101, A),
]
"""Channels' ids are their publishers': only the lease joins them to their worker."""


def world_of_two() -> World:
    world = World()
    world.put(*KEYS_OF_A, lease=A)
    world.put(instance(B, component="router"), lease=B)
    return world


async def open_tab(operator: Operator) -> None:
    await operator.press("3")
    await operator.until(lambda: operator.tab() == "workers")


def registered(operator: Operator) -> list[str]:
    """The detail's lines, one for each record: state, kind and name."""
    shown = operator.pane.detail(operator.dashboard.inspector)
    assert shown is not None
    labels = [label for label, _ in shown.fields]
    return [text for _, text in shown.fields[labels.index("registered") :]]


async def test_there_is_one_row_for_each_worker_with_all_it_registered_counted() -> None:
    async with dashboard(world_of_two(), size=(150, 30)) as operator:
        await open_tab(operator)
        assert operator.tabs()[3] == "Workers 2"
        assert operator.rows("id") == ["a7", "b8"]
        assert operator.rows("where") == ["prod/backend", "prod/router"]
        assert operator.rows("models") == ["acme/tiny-llm", ""]
        assert operator.rows("endpoints") == ["2", "1"]
        assert operator.rows("cards") == ["1", ""]
        assert operator.rows("loras") == ["2", ""]
        assert operator.rows("channels") == ["2", ""]
        await operator.until_shown("WORKER", "COMPONENT▲", "EPS", "CARDS", "LORAS", "CHANS")


async def test_the_numbers_follow_what_comes_and_goes() -> None:
    world = world_of_two()
    async with dashboard(world, size=(150, 30)) as operator:
        await open_tab(operator)
        world.put(card(B, "acme/big", component="router"), lease=B)
        world.keyspace.delete(card(A, lora="acme/sql")[0])
        await operator.until(lambda: operator.rows("loras") == ["1", ""])
        await operator.until(lambda: operator.rows("cards") == ["1", "1"])
        assert operator.rows("models") == ["acme/tiny-llm", "acme/big"]
        world.put(instance(0xC9), lease=0xC9)
        await operator.until(lambda: operator.rows("id") == ["a7", "c9", "b8"])
        assert operator.tabs()[3] == "Workers 3"


async def test_the_lease_counts_down_with_the_clock_and_starts_anew_when_it_is_renewed() -> None:
    world = world_of_two()
    async with dashboard(world, size=(160, 30)) as operator:
        await open_tab(operator)
        await operator.until(lambda: operator.rows("lease") == ["60/60s", "60/60s"])
        for passed, left in ((5, 55), (7, 48)):
            world.now += passed
            await operator.until_shown(f"{left}/60s")
        await operator.until(lambda: operator.detail().get("lease") == "48 of 60 s left")
        world.renewed(A)
        await operator.until(lambda: operator.rows("lease")[0] == "60/60s")
        await operator.until_shown("60/60s")


async def test_the_detail_lists_every_record_of_the_worker_with_its_state() -> None:
    world = world_of_two()
    world.put((instance(A, endpoint="broken")[0], b"{"), lease=A)
    async with dashboard(world) as operator:
        await open_tab(operator)
        await operator.until(lambda: operator.detail().get("lease") == "60 of 60 s left")
        assert operator.detail()["worker"] == f"a7, in decimal {A}"
        there = [
            "! malformed  instance prod/backend/broken",
            "● live  instance prod/backend/clear_kv_blocks",
            "● live  instance prod/backend/generate",
            "● live  card acme/tiny-llm",
            "● live  card acme/sql",
            "● live  card acme/law",
            "● live  channel prod/backend/kv-events",
            "● live  channel prod/backend/kv_metrics",
            "● live  source prod/backend/kv-events",
        ]
        # What a lease's answer means for each is drawn a moment after the answer.
        await operator.until(lambda: sorted(registered(operator)) == sorted(there))
        assert operator.rows("state") == ["! 1 malformed", "● live"]
        await operator.press("enter")
        await operator.until(lambda: not operator.on_main)
        await operator.until_shown("card acme/law", "source prod/backend/kv-events")


def evidence(operator: Operator) -> list[str]:
    """The lines of evidence of the detail, without their ages."""
    shown = operator.pane.detail(operator.dashboard.inspector)
    assert shown is not None
    labels = [label for label, _ in shown.fields]
    begin, end = labels.index("evidence"), labels.index("registered")
    lines = [text for label, text in shown.fields[begin:end] if label in ("evidence", " ")]
    return [line.rpartition("  (")[0] for line in lines]


@pytest.mark.parametrize("answer", [ProbeAnswer.ACCEPTS, ProbeAnswer.ANSWERS])
async def test_what_several_addresses_of_a_worker_came_to_is_said_once(answer: ProbeAnswer) -> None:
    world = World()
    addresses = ["10.0.0.9:9000", "10.0.0.10:9000", "10.0.0.11:9000"]
    for name, address in zip(("generate", "clear", "flush"), addresses, strict=True):
        world.put(instance(A, endpoint=name, address=address), lease=A)
    world.put(card(A), lease=A)
    probes = SaidProbes(dict.fromkeys(addresses, (answer, answer.value)))
    async with dashboard(world, probes=probes) as operator:
        await open_tab(operator)
        await operator.press("p")
        await operator.until(lambda: any("each of 3" in line for line in evidence(operator)))
        said = f"each of 3 request planes {answer.value} (10.0.0.9:9000 and 2 more)"
        assert [line for line in evidence(operator) if "each of" in line] == [said]


async def test_acting_on_a_worker_drains_it_and_by_choice_removes_all_of_it() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        await open_tab(operator)
        await operator.unregister()
        dialog = operator.app.screen
        assert isinstance(dialog, UnregisterDialog)
        instances = {key for key, _ in KEYS_OF_A if key.startswith(b"v1/instances/")}
        assert {record.key for record in dialog.targets.records} == instances
        await operator.until_shown("Drain 2 instances?")
        await operator.press("f2")
        await operator.until(lambda: len(dialog.targets.records) == len(KEYS_OF_A))
        assert {record.key for record in dialog.targets.records} == {key for key, _ in KEYS_OF_A}
        await operator.until_shown("Unregister 2 instances, 3 model cards, 2 event channels")
        await operator.type("a7\r")
        await operator.until(lambda: world.keys() == {instance(B, component="router")[0]})
        await operator.until(lambda: operator.on_main and operator.told() != [])
        await operator.until(lambda: operator.gone("id") == ["a7"])


async def test_a_worker_that_went_is_shown_as_gone_with_what_it_had() -> None:
    world = world_of_two()
    async with dashboard(world, size=(150, 30)) as operator:
        await open_tab(operator)
        world.keyspace.end_lease(A)
        await operator.until(lambda: operator.gone("id") == ["a7"])
        assert operator.gone("state") == ["† gone"]
        assert operator.gone("where") == ["prod/backend"]
        assert operator.gone("channels") == ["2"]
        assert operator.gone("lease") == ["–"]
        assert operator.tabs()[3] == "Workers 1"
        await operator.press("g")
        await operator.until(lambda: operator.at("id") == "a7")
        await operator.until(lambda: len(registered(operator)) == len(KEYS_OF_A))
        assert all(line.startswith("† gone  ") for line in registered(operator))
        assert operator.detail()["state"].startswith("gone: no longer registered")
        await operator.until(lambda: "  lease " in operator.detail()["gone"])
        world.put(*KEYS_OF_A, lease=A)
        await operator.until(lambda: operator.rows("id") == ["a7", "b8"])
        assert operator.gone("id") == []


async def test_a_worker_is_there_as_long_as_anything_of_it_is() -> None:
    world = world_of_two()
    async with dashboard(world, size=(150, 30)) as operator:
        await open_tab(operator)
        for key, _ in KEYS_OF_A[:-1]:
            world.keyspace.delete(key)
        await operator.until(lambda: operator.rows("endpoints") == ["", "1"])
        assert operator.rows("id") == ["a7", "b8"]
        world.keyspace.delete(KEYS_OF_A[-1][0])
        await operator.until(lambda: operator.rows("id") == ["b8"])


async def test_a_filter_that_one_record_of_a_worker_matches_shows_that_worker_as_it_is() -> None:
    async with dashboard(world_of_two(), size=(150, 30)) as operator:
        await open_tab(operator)
        for text in ("acme/sql", "kv_metrics", "10.0.0.167"):
            await operator.press("slash")
            await operator.type(text)
            await operator.press("enter")
            await operator.until(lambda: operator.rows("id") == ["a7"])
            assert operator.rows("endpoints") == ["2"]
            assert operator.rows("loras") == ["2"]
            assert operator.tabs()[3] == "Workers 1"
            await operator.press("escape")
            await operator.until(lambda: operator.rows("id") == ["a7", "b8"])


async def test_the_selected_place_shows_the_workers_that_have_something_in_it() -> None:
    async with dashboard(world_of_two()) as operator:
        await open_tab(operator)
        await operator.select("prod", "router")
        await operator.until(lambda: operator.rows("id") == ["b8"])
        assert operator.tabs()[3] == "Workers 1"


async def test_without_leases_channels_are_joined_to_their_worker_by_their_source() -> None:
    world = World(leases=False)
    world.put(instance(A), card(A), channel(0x101), source(0x101, A), instance(B))
    # Without a source nobody can tell whose it is.
    world.put(channel(0x102, "kv_metrics"))
    async with dashboard(world, size=(150, 30)) as operator:
        await open_tab(operator)
        assert operator.rows("id") == ["a7", "b8"]
        assert operator.rows("channels") == ["1", ""]
        assert operator.rows("lease") == ["–", "–"]
        await operator.until(lambda: len(registered(operator)) == 4)
        world.keyspace.delete(source(0x101, A)[0])
        await operator.until(lambda: operator.rows("channels") == ["", ""])


async def test_without_leases_a_filter_for_a_channel_finds_its_worker() -> None:
    world = World(leases=False)
    world.put(instance(A), channel(0x101, port=5999), source(0x101, A), instance(B))
    async with dashboard(world) as operator:
        await open_tab(operator)
        await operator.press("slash")
        await operator.type("5999")
        await operator.until(lambda: operator.rows("id") == ["a7"])


async def test_what_belongs_to_no_worker_makes_no_row() -> None:
    world = World(leases=False)
    world.put(channel(0x102, "kv_metrics"), source(0x103, 0))
    world.put((MALFORMED[0].replace(b"/bad", b"/not-hex"), MALFORMED[1]))
    async with dashboard(world) as operator:
        await open_tab(operator)
        assert operator.rows("id") == []
        await operator.until_shown("None here")


async def test_the_cursor_stays_on_its_worker_while_others_come_and_go() -> None:
    world = world_of_two()
    async with dashboard(world) as operator:
        await open_tab(operator)
        await operator.go_to("id", "b8")
        world.put(instance(1, component="aaa"), lease=1)
        world.keyspace.end_lease(A)
        await operator.until(lambda: operator.rows("id") == ["1", "b8"])
        assert operator.at("id") == "b8"


async def test_a_process_that_is_no_worker_is_not_drained_and_its_keys_can_be_removed() -> None:
    world = World()
    router = instance(0xB2, component="router", endpoint="best_worker_id")
    world.put(instance(0xA7), card(0xA7), lease=0xA7)
    world.put(router, lease=0xB2)
    said = (
        "b2 is not a worker but the router process of prod/router: it gets no requests of a model. "
        "d on a row of one of its keys removes that key."
    )
    async with dashboard(world, size=(150, 30)) as operator:
        await open_tab(operator)
        await operator.go_to("id", "b2")
        await operator.press("d")
        await operator.until(operator.told)
        assert operator.told() == [said]
        assert operator.on_main
        # With a worker marked beside it, that one is asked about.
        await operator.press("asterisk")
        operator.forget_told()
        await operator.unregister()
        assert operator.told() == [said]
        await operator.until_shown("Drain 1 instance?")
        await operator.press("escape")
        await operator.open("instances")
        await operator.go_to("id", "b2")
        await operator.unregister()
        await operator.until_shown("Unregister 1 instance?", router[0].decode())


async def test_an_id_of_which_only_an_orphaned_card_is_left_is_marked_and_counts_as_no_worker() -> (
    None
):
    world = World()
    world.put(card(0x1), card(0x2), instance(0x3))
    async with dashboard(world) as operator:
        await open_tab(operator)
        marked = "⊘ left behind"
        await operator.until(lambda: operator.rows("state").count(marked) == 2)
        assert "1 worker" in operator.header()
        assert operator.tabs()[3] == "Workers 1"
        await operator.go_to("id", "1")
        assert operator.detail()["process"].startswith("none: only what a worker left behind")
        # Its worker comes back, and one is removed.
        world.put(instance(0x1))
        await operator.until(lambda: "2 workers" in operator.header())
        assert operator.tabs()[3] == "Workers 2"
        world.keyspace.delete(card(0x2)[0])
        await operator.until(lambda: marked not in operator.rows("state"))
        assert "2 workers" in operator.header()
