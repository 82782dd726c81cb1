#!/bin/sh
# Textual 8.2.8 with Rich 15.0.0, Python 3.11, Linux. Seen 2026-11-30.
#
# Each widget of a new screen is styled as it is mounted. In an app with HORIZONTAL_BREAKPOINTS or
# VERTICAL_BREAKPOINTS all of them are then styled twice more before the first frame, though nothing
# changed: when the screen is shown first (ScreenResume.refresh_styles is true then, too), and when
# the classes of its size are set, which comes after the widgets are there. Each time each component
# class of each widget is styled as well: a DataTable has nine. In an app of eight tables that was
# half of the CPU of its start.
#
# Seen (eight DataTables; what is styled until the first frame):
#     as it is: 3 times each table, 247 stylings
#     no breakpoints: 2 times each table, 165 stylings
#     and the first resume without refresh_styles: 1 times each table, 83 stylings
#
# Ends with 0 while that is so, with 1 once it is not.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet install textual==8.2.8 rich==15.0.0
cat >"$dir/see.py" <<'PYTHON'
import asyncio
import sys
from collections import Counter

from textual.app import App
from textual.css.stylesheet import Stylesheet
from textual.screen import Screen
from textual.widgets import DataTable

styled = Counter()
apply = Stylesheet.apply


def counting(sheet, node, **options):
    styled[node] += 1
    apply(sheet, node, **options)


Stylesheet.apply = counting


class Main(Screen):
    AUTO_FOCUS = ""
    refreshes = True

    def compose(self):
        for _ in range(8):
            yield DataTable()

    def on_screen_resume(self, event):
        event.refresh_styles = event.refresh_styles and self.refreshes


class Plain(App):
    def get_default_screen(self):
        return Main()


class WithBreakpoints(Plain):
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-wide")]


async def look(app):
    """Return how often each table is styled, and how often anything."""
    styled.clear()
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.pause()
        (times,) = {styled[table] for table in app.screen.query(DataTable)}
        return times, sum(styled.values())


async def main():
    found = [await look(WithBreakpoints()), await look(Plain())]
    Main.refreshes = False
    found.append(await look(Plain()))
    names = ("as it is", "no breakpoints", "and the first resume without refresh_styles")
    for name, (times, whole) in zip(names, found):
        print(f"{name}: {times} times each table, {whole} stylings")
    return [times for times, _ in found] != [3, 2, 1]


sys.exit(asyncio.run(main()))
PYTHON
"$dir/venv/bin/python" "$dir/see.py"
