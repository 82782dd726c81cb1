"""What is chosen by key is there again at the next start, and the file has all else as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.operating import Operator, World, dashboard
from tests.support.registered import instance
from tests.support.running import COMMAND
from tests.support.terminal import Terminal
from tui.config.settings import Settings
from tui.config.settings_file import read_settings

MINE = '# mine\n[keys]\nundo = "U"    # not u\n'


class File:
    """The settings file of a test."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def text(self) -> str:
        """Empty: there is none yet."""
        return self.path.read_text() if self.path.exists() else ""

    def write(self, text: str, mode: int = 0o600) -> None:
        self.path.write_text(text)
        self.path.chmod(mode)

    def chosen(self) -> dict[str, Any]:
        """Return what a start with this file has of it."""
        settings = Settings.from_environment({}, no_audit=True, file=read_settings(self.path))
        names = ("keys", "preferences", "remembered_in", "file_problem")
        return {name: getattr(settings, name) for name in names}


@pytest.fixture
def file(tmp_path: Path) -> File:
    path = tmp_path / "dyntop" / "settings.toml"
    path.parent.mkdir()
    return File(path)


def world() -> World:
    world = World(leases=False)
    world.put(*(instance(number) for number in (1, 2, 3)), instance(4, component="frontend"))
    return world


async def written(operator: Operator, file: File, *texts: str) -> None:
    """Wait until the file has these texts."""
    await operator.until(lambda: all(one in file.text for one in texts), f"written {texts}")


async def test_what_is_chosen_by_key_is_there_again_at_the_next_start(file: File) -> None:
    file.write(MINE)
    async with dashboard(world(), **file.chosen(), size=(160, 30)) as operator:
        assert operator.app.theme == "textual-dark"
        before = operator.tree.outer_size.width
        await operator.press("s", "S", "3", "S", ">", ">", ">")
        operator.app.theme = "nord"
        await written(operator, file, "[columns.instances]", "[columns.workers]", "nord", "tree_w")
    assert file.text == (
        f"{MINE}\n"
        '[columns.instances]\nsort = "id"\nreverse = true\n\n'
        '[columns.workers]\nsort = "where"\nreverse = true\n\n'
        f'[dashboard]\ntree_width = {before + 6}\ntheme = "nord"\n'
    )
    async with dashboard(world(), **file.chosen(), size=(160, 30)) as operator:
        assert operator.app.theme == "nord"
        assert operator.tree.outer_size.width == before + 6
        assert "INSTANCE▼" in operator.text()
        assert operator.rows("id") == [f"{number:x}" for number in (4, 3, 2, 1)]
        # What is as by default again is no setting any more.
        await operator.press("S", "s")
        order = operator.pane.order
        while order.column != "name":
            await operator.press("s")
            order = operator.pane.order
        await operator.until(lambda: "instances" not in file.text, "written")
    assert file.text.startswith(MINE)


async def test_the_first_tab_is_the_chosen_one(file: File) -> None:
    file.write('[dashboard]\nfirst_tab = "workers"\n')
    async with dashboard(world(), **file.chosen()) as operator:
        assert operator.tab() == "workers"
        assert len(operator.pane.rows) == 4
        await operator.press("j")
        assert operator.detail()


async def test_a_first_tab_that_may_be_empty_is_opened_if_it_is_not(file: File) -> None:
    file.write('[dashboard]\nfirst_tab = "others"\n')
    async with dashboard(world(), **file.chosen()) as operator:
        assert operator.tab() == "overview"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[dashboard]\ntheme = "nrod"\n', "'nrod' is no theme: did you mean nord"),
        ("version = 2\n", "version 2 is of a newer dyntop"),
        ('[keys]\ndrian = "D"\n', "'drian' is no action: did you mean drain"),
    ],
)
async def test_with_a_file_that_is_wrong_it_starts_says_so_once_and_leaves_it_alone(
    content: str, said: str, file: File
) -> None:
    file.write(content)
    async with dashboard(world(), **file.chosen()) as operator:
        assert len(operator.told()) == 1
        assert said in operator.told()[0]
        await operator.press("s")
        await operator.dashboard.remembering.save()
        assert len(operator.told()) == 1
    assert file.text == content


async def test_that_the_file_cannot_be_written_is_said_once(file: File) -> None:
    file.write(MINE, mode=0o444)
    async with dashboard(world(), **file.chosen()) as operator:
        await operator.press("s")
        await operator.until(operator.told, "a notice")
        await operator.press("s")
        await operator.dashboard.remembering.save()
        assert operator.told() == [
            f"What you choose by key is not remembered: {file.path} "
            "cannot be written (it is read-only)."
        ]
    assert file.text == MINE


async def test_two_dashboards_at_once_keep_each_other_s_choices(file: File) -> None:
    async with (
        dashboard(world(), **file.chosen()) as one,
        dashboard(world(), **file.chosen()) as other,
    ):
        await one.press("S")
        await written(one, file, "[columns.instances]")
        await other.press("3", "S")
        await written(other, file, "[columns.workers]")
    columns = read_settings(file.path).preferences.columns
    assert {tab: each.reverse for tab, each in columns.items()} == {
        "instances": True,
        "workers": True,
    }


@pytest.mark.parametrize("flag", ["--demo", "--file-store"])
def test_the_last_choice_is_written_as_it_quits_but_not_by_a_demo(
    flag: str, file: File, tmp_path: Path
) -> None:
    store = [] if flag == "--demo" else [str(tmp_path)]
    env = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    with Terminal([*COMMAND, flag, *store], env=env) as terminal:
        terminal.press("1")
        terminal.wait_for("ENDPOINT▲")
        terminal.press("S")
        terminal.wait_for("ENDPOINT▼")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
    assert file.path.exists() is (flag != "--demo")
    if store:
        assert read_settings(file.path).preferences.of_tab("instances").reverse


async def test_chosen_columns_are_seen_at_once_and_are_there_again(file: File) -> None:
    def titles(operator: Operator) -> list[str]:
        return [column.title for column, _ in operator.pane.table.laid_out()]

    async with dashboard(world(), **file.chosen(), size=(200, 40)) as operator:
        assert titles(operator)[:3] == ["STATE", "ENDPOINT", "INSTANCE"]
        await operator.press("C")
        await operator.until_shown("Columns of Instances", "sorted ▲")
        # The state is hidden, the endpoint moves behind the instance.
        await operator.press("space", "j", "J")
        await operator.until(lambda: titles(operator)[:2] == ["INSTANCE", "ENDPOINT"], "moved")
        # Neither may the last column go that names a row.
        await operator.press("space", "k", "space")
        await operator.until_shown("INSTANCE stays: it alone names the rows.")
        await operator.press("j", "space", "enter")
        await operator.until(lambda: operator.on_main, "closed")
        chosen = titles(operator)
        assert chosen[:2] == ["INSTANCE", "ENDPOINT"]
        assert "STATE" not in chosen
        await written(operator, file, "shown = [", '"id", "name"')
    async with dashboard(world(), **file.chosen(), size=(200, 40)) as operator:
        assert titles(operator) == chosen
        # What is hidden can be sorted by all the same, and comes back with a reset.
        operator.pane.sort_by("state")
        await operator.press("C", "r", "escape")
        await operator.until(lambda: titles(operator)[:2] == ["STATE", "ENDPOINT"], "reset")
        await operator.until(lambda: "shown" not in file.text, "written")


async def test_a_tab_without_columns_of_its_own_says_so_and_remembers_none(file: File) -> None:
    async with dashboard(world(), **file.chosen()) as operator:
        await operator.press("0")
        await operator.until(lambda: operator.tab() == "overview", "opened")
        await operator.press("C")
        assert operator.told() == ["Overview has no columns to choose from."]
        await operator.press("s", "S")
        await operator.dashboard.remembering.save()
    assert file.text == ""
