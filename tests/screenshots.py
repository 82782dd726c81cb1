"""Draw the documents' pictures from the demo's cluster: `python -m tests.screenshots FOLDER`."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path

from backends.store import Cause, Unreachable
from tests.snapshots.world import (
    Clock,
    Unmeasured,
    app,
    charted,
    live,
    loaded,
    metered,
    scraped,
    settled,
    tapped,
    troubled,
    until,
    worker,
)
from tests.support.drawing import lines_of
from tests.support.said_taps import SaidTaps
from tui.state.store_state import LinkState


class Scene(Enum):
    """What is to be seen that takes more than keys."""

    NONE = auto()
    OVERVIEW = auto()
    REQUESTS = auto()
    METRICS = auto()
    CHARTS = auto()
    TAP = auto()


@dataclass(frozen=True)
class Picture:
    """One picture: what is pressed before it is drawn."""

    name: str
    """Of the file, without its suffix."""
    keys: tuple[str, ...] = ()
    size: tuple[int, int] = (120, 40)
    seconds: int = 0
    """How long the cluster is watched before."""
    sort: str | None = None
    """The column that the table is sorted by. None: as it is by itself."""
    drained: str | None = None
    """The component of which a live worker is selected before the keys."""
    scene: Scene = Scene.NONE
    """What is opened before the keys."""
    lost: bool = False
    """Whether the store is lost at last."""
    as_text: bool = False
    """Whether it is lines of text, for where no picture can be shown, and not SVG."""

    @property
    def file(self) -> str:
        return f"{self.name}.{'txt' if self.as_text else 'svg'}"


OVERVIEW = Picture("overview", scene=Scene.OVERVIEW, seconds=45)
WHEEL_OVERVIEW = replace(OVERVIEW, size=(100, 30), as_text=True)
"""In the README of the wheel, which an index shows without the files beside it."""
PICTURES = (
    OVERVIEW,
    WHEEL_OVERVIEW,
    Picture("instances", sort="state"),
    Picture("models", ("2", "end", "right", "down", "right")),
    Picture("workers", ("3", *"jjjjj")),
    Picture("requests", ("G", "l", "j"), scene=Scene.REQUESTS),
    Picture("metrics", ("G", *"kkk", "l"), scene=Scene.METRICS),
    Picture("charts", scene=Scene.CHARTS),
    Picture("tap", scene=Scene.TAP),
    Picture("events", ("7", *"jjjjj", "right"), seconds=45),
    Picture("not-live", ("exclamation_mark", *"jj")),
    Picture("drain", ("d",), drained="prod/backend"),
    Picture("clean-up", ("c",)),
    Picture("disconnected", lost=True),
    Picture("80x24", size=(80, 24), sort="state"),
    Picture("60x20", ("2",), size=(60, 20)),
)


async def draw(picture: Picture) -> str:
    """The picture as the text of its file."""
    clock = Clock()
    world = troubled(clock)
    taps = SaidTaps(clock)
    # Messages are decoded as time passes.
    timer = Unmeasured() if picture.scene is Scene.TAP else None
    dashboard = app(world, clock, taps=taps, timer=timer)
    async with dashboard.run_test(size=picture.size) as pilot:
        screen = await loaded(pilot)
        await live(pilot, world, clock, picture.seconds)
        if picture.sort is not None:
            screen.active.sort_by(picture.sort)
            await pilot.press("g")
        if picture.drained is not None:
            shown = f"{worker(world, picture.drained, 1).id:x}"
            await pilot.press("slash", *shown, "enter")
        match picture.scene:
            case Scene.OVERVIEW:
                await metered(pilot, world, clock)
                await pilot.press("0")
            case Scene.REQUESTS:
                await scraped(pilot, world, clock)
            case Scene.METRICS:
                await metered(pilot, world, clock)
            case Scene.CHARTS:
                await charted(pilot, world, clock)
            case Scene.TAP:
                await tapped(pilot, world, clock, taps)
        for key in picture.keys:
            await pilot.press(key)
        if picture.lost:
            world.keyspace.break_off(Unreachable("http://etcd-0:2379", Cause.REFUSED))
            await until(pilot, lambda: screen.dashboard.view.store.link is LinkState.DISCONNECTED)
        await settled(pilot)
        if picture.as_text:
            return "".join(f"{line.rstrip()}\n" for line in lines_of(screen))
        return dashboard.export_screenshot(title="dyntop")


def main(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for picture in PICTURES:
        (folder / picture.file).write_text(asyncio.run(draw(picture)))


if __name__ == "__main__":
    os.environ |= {"TZ": "UTC", "COLORTERM": "truecolor"}
    os.environ.pop("NO_COLOR", None)
    time.tzset()
    main(Path(sys.argv[1]))
