"""Names and values are written by others: nothing of them reaches a terminal but plain text."""

from __future__ import annotations

import json
import unicodedata

import pytest

from tests.registered import KeyAndValue
from tests.tui.operating import Operator, World, dashboard

HOSTILE = {
    "markup": "[bold red]x[/] [link=http://evil]y[/link] [@click=app.quit]z[/]",
    "bracket": "[/]",
    "escape": "\x1b[2J\x1b]0;title\x07\x9b31m",
    "lines": "a\nb\r\tc\x00\x7f",
    "direction": "a‮b⁦c​d\ufeff",
    "wide": "漢字かな👩‍👩‍👧‍👦" * 8,
    "marks": "e" + "\u0301" * 50,
    "surrogate": "\ud800",
    "long": "x" * 100_000,
    "wide and long": "漢" * 10_000,
}


def everything_named(name: str) -> list[KeyAndValue]:
    """An instance, a card, an adapter, a channel, a source, a malformed one, an unknown key."""
    raw = name.encode("utf-8", "backslashreplace").replace(b"/", b"|")
    encoded = "".join(f"%{byte:02X}" for byte in raw).encode()
    worker = {"namespace": name, "component": name, "endpoint": name, "instance_id": 1}
    card = {"display_name": name, "source_path": name, "model_type": name}
    scoped = {"scope": {"kind": "namespace", "name": name}, "topic": name}
    place, scope = (
        raw + b"/" + raw + b"/" + raw + b"/1",
        b"namespace/" + encoded + b"/topic/" + encoded,
    )
    transport = {"kind": name, "config": {name: name}}
    contents = [
        (b"v1/instances/" + place, {"type": "Endpoint", **worker, "transport": {"tcp": name}}),
        (b"v1/mdc/" + place, {"type": "Model", **worker, "card_json": card}),
        (
            b"v1/mdc/" + place + b"/" + raw,
            {"type": "Model", **worker, "card_json": card | {"lora": {"name": name}}},
        ),
        (
            b"v1/event_channels/" + scope + b"/2",
            {**scoped, "instance_id": 2, "transport": transport},
        ),
        (b"v1/event_sources/" + scope + b"/2", {**scoped, "publisher_id": 2}),
    ]
    found = [(key, json.dumps(body).encode()) for key, body in contents]
    return [*found, (b"v1/instances/" + raw, raw), (b"v1/" + raw, raw)]


def assert_plain(operator: Operator) -> None:
    """Nothing on screen but what is printable, and no line wider than the screen."""
    for line in operator.lines():
        assert not [char for char in line if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co")]
        assert "\u0301" * 4 not in line


@pytest.mark.parametrize(
    "kinds", [[kind for kind in HOSTILE if "long" not in kind], ["long", "wide and long"]]
)
async def test_it_is_shown_and_copied_as_plain_text_everywhere(kinds: list[str]) -> None:
    contents = [content for kind in kinds for content in everything_named(HOSTILE[kind])]
    world = World(leases=False)
    async with dashboard(world, size=(90, 30)) as operator:
        # While it runs, so that Events tells of each of them.
        world.put(*contents)
        there = operator.main.monitor.cluster.records
        await operator.until(lambda: len(there) == len({key for key, _ in contents}))
        for tab in "12345":
            await operator.press(tab, "g")
            assert_plain(operator)
            for _ in operator.pane.rows if tab == "1" else kinds[:2]:
                await operator.type("lyiYj")
                assert_plain(operator)
                lines = operator.app.clipboard.split("\n")
                assert all(line.isprintable() for line in lines)
        for _ in operator.pane.rows:
            await operator.type("j")
            assert_plain(operator)
        for tab in "1235":
            await operator.press(tab, "g", "d")
            await operator.until(lambda: operator.in_dialog)
            assert_plain(operator)
            await operator.press("n")
        await operator.press("1", "enter")
        await operator.until(lambda: not operator.on_main)
        assert_plain(operator)
        await operator.press("escape")
        operator.tree.focus()
        await operator.type("Gljljl")
        assert_plain(operator)
        assert operator.app.is_running


async def test_markup_stays_as_it_was_written() -> None:
    world = World(leases=False)
    world.put(*everything_named("[red]x"))
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
