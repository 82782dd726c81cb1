"""The Event channels tab: each source under the channel that it is about."""

from __future__ import annotations

from tests.support.operating import Operator, World, dashboard
from tests.support.registered import channel, source
from tui.text.format import SHORT_KIND_NAMES

CHANNEL_AND_SOURCE = ["channel kv-events 11", "  source kv-events 11"]


def rows(operator: Operator) -> list[str]:
    """Kind, topic and publisher; what is under a channel is indented."""
    return [
        f"{'  ' * row.under_channel}{SHORT_KIND_NAMES[row.record.kind]} {row.record.id.topic} "
        f"{row.record.id.instance_id:x}"
        for row in operator.pane.rows
        if not operator.pane.is_faded(row)
    ]


async def test_a_source_is_under_its_channel_and_one_without_a_channel_on_its_own() -> None:
    world = World(leases=False)
    world.put(channel(0x11), source(0x11, 0x1A), channel(0x22, "metrics"), source(0x33, 0))
    async with dashboard(world) as operator:
        await operator.press("4")
        assert rows(operator) == [
            "channel kv-events 11",
            "  source kv-events 11",
            "source kv-events 33",
            "channel metrics 22",
        ]
        assert operator.rows("worker")[:2] == ["1a", "1a"]
        assert operator.rows("worker")[3] == "unknown"
        assert operator.tabs()[4] == "Channels 2"
        assert "2 channels" in operator.header()


async def test_a_source_moves_under_its_channel_when_that_comes_and_stays_when_it_goes() -> None:
    world = World(leases=False)
    world.put(source(0x11, 0x1A))
    async with dashboard(world) as operator:
        await operator.press("4")
        assert rows(operator) == ["source kv-events 11"]
        world.put(channel(0x11))
        await operator.until(lambda: rows(operator) == CHANNEL_AND_SOURCE)
        assert operator.at("topic") == "└ source"
        world.keyspace.delete(channel(0x11)[0])
        await operator.until(lambda: rows(operator) == ["source kv-events 11"])
        assert operator.pane.row is not None


async def test_a_publisher_that_binds_again_is_shown_at_its_new_address() -> None:
    world = World(leases=False)
    world.put(channel(0x11, port=5557))
    async with dashboard(world) as operator:
        await operator.press("4")
        await operator.until_shown("tcp://10.0.0.1:5557")
        world.put(channel(0x11, port=6001))
        await operator.until_shown("tcp://10.0.0.1:6001")
        await operator.until_not_shown("tcp://10.0.0.1:5557")


async def test_channels_sort_with_their_sources_below_them() -> None:
    world = World(leases=False)
    world.put(channel(1, "a"), source(1, 9, "a"), channel(2, "b"), source(2, 8, "b"))
    async with dashboard(world) as operator:
        await operator.press("4")
        for _ in operator.pane.table.columns:
            await operator.press("s", "S")
            first, its_source, *_ = found = rows(operator)
            assert its_source == "  " + first.replace("channel", "source")
            assert sorted(found) == ["  source a 1", "  source b 2", "channel a 1", "channel b 2"]


async def test_a_filter_that_a_source_alone_matches_shows_its_channel_too() -> None:
    world = World(leases=False)
    world.put(channel(0x11), source(0x11, 0xABCDEF), channel(0x22, "metrics"))
    async with dashboard(world) as operator:
        await operator.press("4", "slash")
        await operator.type("abcdef")
        await operator.until(lambda: rows(operator) == CHANNEL_AND_SOURCE)
