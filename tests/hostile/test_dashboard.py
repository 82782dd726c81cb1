"""The dashboard over what others wrote: drawn and copied as plain text, and removed key by key."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.hostile.corpus import KEYS, TEXTS, everything, named
from tests.hostile.plainness import assert_plain
from tests.support.operating import Operator, World, dashboard
from tests.support.registered import KeyAndValue

SIZE = (100, 50)


async def until_all_are_in(operator: Operator, registered: list[KeyAndValue]) -> None:
    there = operator.dashboard.view.cluster.records
    await operator.until(lambda: len(there) == len(registered), "all in")


def assert_drawn_plainly(operator: Operator) -> None:
    """Nothing on screen but what can be seen, and each line as wide as the screen."""
    strips = operator.app.screen._compositor.render_strips()
    assert_plain("\n".join(strip.text for strip in strips))
    for message in operator.told():
        assert_plain(message)
    # What can be clicked is only what dyntop itself made so.
    for strip in strips:
        for segment in strip:
            if segment.style is not None:
                assert not segment.style.link
                assert "@click" not in segment.style.meta


async def assert_each_page_is_plain(operator: Operator) -> None:
    await operator.press("g")
    assert_drawn_plainly(operator)
    page = operator.pane.size.height - 2
    for _ in range(0, len(operator.pane.rows), page):
        await operator.press("pagedown")
        assert_drawn_plainly(operator)


async def test_everything_is_drawn_plainly_in_every_tab() -> None:
    registered = list(everything().values())
    world = World(leases=False)
    async with dashboard(world, size=SIZE) as operator:
        # While it runs, so that Events tells of each of them.
        world.put(*registered)
        await until_all_are_in(operator, registered)
        for number in range(len(operator.tabs())):
            await operator.press(str(number))
            await assert_each_page_is_plain(operator)
        await operator.press("2", "g")
        # Adapters and cards are behind the models.
        await operator.type("lj" * 6)
        await assert_each_page_is_plain(operator)
        operator.tree.focus()
        await operator.type("Gljljlj")
        assert_drawn_plainly(operator)
        await operator.press("slash")
        # As a person pastes it.
        for text in ("clicks", "direction overrides"):
            operator.filter.value = TEXTS[text]
            await operator.pilot.pause()
            assert_drawn_plainly(operator)
        await operator.press("escape")
        # Gone, and told of.
        for key, _ in registered:
            world.keyspace.delete(key)
        await operator.until(lambda: not operator.dashboard.view.cluster.records)
        await operator.press("1")
        assert_drawn_plainly(operator)
        assert operator.app.is_running


async def test_it_is_copied_and_shown_in_full_as_plain_text() -> None:
    world = World(leases=False)
    what = ("clipboard", "clicks", "100 KB of marks")
    registered = [named(TEXTS[one])[0] for one in what]
    world.put(*registered)
    async with dashboard(world, size=(90, 30)) as operator:
        for key, _ in registered:
            assert operator.pane.select(key)
            for letter in "yY":
                await operator.type(letter)
                copied = operator.app.clipboard
                assert_plain(copied)
                assert copied.replace("\n", "").isprintable()
            await operator.press("enter")
            await operator.until(lambda: not operator.on_main)
            assert_drawn_plainly(operator)
            await operator.press("escape", "d")
            await operator.until(lambda: operator.in_dialog)
            assert_drawn_plainly(operator)
            await operator.press("escape")
            operator.app.clear_notifications()


EASILY_MISTAKEN = [
    *(named(TEXTS[name])[5][0] for name in ("line ends", "100 KB of lines")),
    *(KEYS[name] for name in ("backslash and a bad byte", "leading zeros", "100 KB, not UTF-8")),
]


async def test_exactly_the_selected_key_is_removed(tmp_path: Path) -> None:
    world = World(leases=False)
    world.put(*((key, b"{}") for key in EASILY_MISTAKEN))
    # What they are most easily taken for: cut off, decoded once more, in another case.
    world.put(*((near, b"[]") for key in EASILY_MISTAKEN for near in neighbours(key)))
    async with dashboard(world, size=(60, 20), audit=tmp_path / "audit.jsonl") as operator:
        for key in EASILY_MISTAKEN:
            there = world.keys()
            assert operator.pane.select(key)
            await operator.unregister()
            assert_drawn_plainly(operator)
            await operator.press("Y")
            await operator.until(partial(is_gone, world, key), "removed")
            assert there - world.keys() == {key}
            operator.app.clear_notifications()
    assert_plain((tmp_path / "audit.jsonl").read_text(encoding="ascii"))


def is_gone(world: World, key: bytes) -> bool:
    return world.find(key) is None


def neighbours(key: bytes) -> set[bytes]:
    spelled = key.decode("utf-8", "backslashreplace").encode()
    near = {key[:-1], key + b"0", key.replace(b"/0", b"/"), key.strip(), spelled}
    near |= {key.replace(b"\\", b"\\\\"), key.replace(b"AB", b"ab"), key.replace(b"/./", b"/")}
    return {one for one in near if one.startswith(b"v1/instances/")} - set(EASILY_MISTAKEN)


async def test_markup_stays_as_it_was_written() -> None:
    world = World(leases=False)
    world.put(*named("[red]x"))
    async with dashboard(world) as operator:
        await operator.until_shown("[red]x 1")
        await operator.press("2")
        await operator.until_shown("▸ [red]x")
        await operator.press("1", "G", "d")
        await operator.until_shown("v1/instances/[red]x")
        await operator.until(lambda: operator.in_dialog)
        await operator.press("Y")
        await operator.until(operator.told)
        await operator.press("slash")
        await operator.type("[nowhere")
        await operator.until_shown("“[nowhere”")
