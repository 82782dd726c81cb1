#!/bin/sh
# Textual 8.2.8 with Rich 15.0.0, Python 3.11, Linux. Seen 2026-11-29.
#
# The widgets of a screen that was closed are freed, but the lines that they drew are not: each
# widget's StylesCache stays in memory, with the strips in it, until 1,024 newer ones came. The cause
# is a cache of two colours, StylesCache.get_inner_outer: its first argument is named cls, but the
# method is decorated with lru_cache(1024) alone and not with classmethod, so each StylesCache object
# is part of the key. An app whose dialogs draw 30 lines grows by some 50 MB before it is flat, and a
# program that opens few dialogs an hour looks as if it leaked for days.
#
# Seen (a modal screen of one Static with 60 lines in a container, opened and closed 100 times):
#     closed screens in memory: 0
#     caches of drawn lines of closed widgets: 300
#     after get_inner_outer is made a classmethod, 100 times more: 0
#
# Ends with 0 while that is so, with 1 once it is not.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet install textual==8.2.8 rich==15.0.0
cat >"$dir/see.py" <<'PYTHON'
import asyncio
import gc
import sys

from textual._styles_cache import StylesCache
from textual.app import App
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static


class Dialog(ModalScreen):
    def compose(self):
        with Vertical():
            yield Static("\n".join(f"line {number}" for number in range(60)))


async def opened_and_closed(app, pilot):
    """Return how many dialogs, and how many caches without a widget, are in memory then."""

    def alive(kind):
        gc.collect()
        return [one for one in gc.get_objects() if isinstance(one, kind)]

    def without_widget():
        used = {id(widget._styles_cache) for widget in alive(Widget)}
        return sum(id(cache) not in used for cache in alive(StylesCache))

    for _ in range(100):
        app.push_screen(Dialog())
        await pilot.pause()
        app.pop_screen()
        await pilot.pause()
    return len(alive(Dialog)), without_widget()


async def main():
    app = App()
    async with app.run_test(size=(120, 40)) as pilot:
        widgets, caches = await opened_and_closed(app, pilot)
        print("closed screens in memory:", widgets)
        print("caches of drawn lines of closed widgets:", caches)
        StylesCache.get_inner_outer.cache_clear()
        StylesCache.get_inner_outer = classmethod(StylesCache.get_inner_outer)
        _, mended = await opened_and_closed(app, pilot)
        print("after get_inner_outer is made a classmethod, 100 times more:", mended)
    return 0 if widgets < 10 and caches >= 200 and mended < 10 else 1


sys.exit(asyncio.run(main()))
PYTHON
"$dir/venv/bin/python" "$dir/see.py"
