"""`--context NAME`: the right store by name, and no act where the context is read-only."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import CARD, INSTANCE, Here
from tests.support.etcd_server import EtcdServer
from tests.support.operating import World, dashboard
from tests.support.registered import card, instance
from tests.support.registering import put_worker
from tests.support.running import dyntop
from tui.dialogs.help import HelpScreen

KEY, OTHER = INSTANCE.decode(), CARD.decode()
WORKER = KEY.rpartition("/")[2]


@pytest.fixture
def config(tmp_path: Path, folder: Path) -> dict[str, str]:
    """The environment that leads to contexts: `prod`, which is read-only, and `dev`."""
    path = tmp_path / "config" / "dyntop" / "contexts.toml"
    path.parent.mkdir(parents=True)
    path.write_text(
        f'[prod]\nfile_store = "{folder}"\nnamespace = "prod"\nread_only = true\n'
        f'[dev]\nfile_store = "{folder}"\n'
        '[elsewhere]\nfile_store = "/nowhere"\n'
        "[typo]\nread_onyl = true\n"
        '[scheme]\nendpoints = "ftp://a:1"\n'
    )
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def listed(here: Here, folder: Path) -> list[str]:
    return here("list", "-o", "name", "--file-store", str(folder)).lines


def test_it_works_before_and_after_the_command_and_from_the_environment(
    config: dict[str, str], here: Here
) -> None:
    named = config | {"DYNTOP_CONTEXT": "prod"}
    for args, env in (
        (("--context", "prod", "list"), config),
        (("list", "--context", "prod"), config),
        (("list",), named),
        (("--context", "elsewhere", "list", "--context", "dev"), named),
    ):
        ended = here(*args, "-o", "name", env=env)
        assert (ended.code, ended.lines) == (0, [KEY, OTHER])
    assert here("list", "--context", "elsewhere", env=named).code == 3
    assert here("list", "-n", "other", "-o", "name", env=named).lines == []
    # An empty flag names none, and then Dynamo's own setting is asked.
    ended = here("list", "--context", "", env=named | {"DYN_DISCOVERY_BACKEND": "mem"})
    assert (ended.code, ended.out) == (2, b"")
    assert "DYN_DISCOVERY_BACKEND" in ended.one_sentence()


def test_what_filters_is_said_with_the_context(config: dict[str, str], here: Here) -> None:
    ended = here("list", "channels", "--context", "prod", env=config)
    assert "in namespace prod (context prod)" in ended.one_sentence()


@pytest.mark.parametrize("writable", [{}, {"DYNTOP_READ_ONLY": "0"}])
def test_under_a_read_only_context_nothing_is_removed_or_put_back(
    writable: dict[str, str],
    config: dict[str, str],
    folder: Path,
    state: dict[str, str],
    here: Here,
) -> None:
    act = dyntop("unregister", "--yes", "--context", "dev", OTHER, env=config | state).act
    for command in (
        ["unregister", "--yes", KEY],
        ["unregister", "--yes", "--stale"],
        ["drain", "--yes", WORKER],
        ["restore", act],
    ):
        for args in (["--context", "prod", *command], [*command, "--context", "prod"]):
            ended = here(*args, env=config | writable)
            assert (ended.code, ended.out) == (1, b"")
            assert "read-only" in ended.one_sentence()
        assert here(*command, env=config | writable | {"DYNTOP_CONTEXT": "prod"}).code == 1
        assert listed(here, folder) == [KEY]
    # To look is no act.
    ended = here("unregister", "--dry-run", KEY, "--context", "prod", env=config)
    assert (ended.code, ended.lines) == (0, [f"would remove {KEY}"])
    # What refused was the context.
    assert here("restore", act, "--context", "dev", env=config).code == 0
    assert listed(here, folder) == [KEY, OTHER]


def test_under_a_read_only_context_nothing_goes_from_an_etcd(
    etcd: EtcdServer, tmp_path: Path, state: dict[str, str]
) -> None:
    path = tmp_path / "dyntop" / "contexts.toml"
    path.parent.mkdir()
    path.write_text(f'[prod]\nendpoints = ["{etcd.endpoint}"]\nread_only = true\n')
    env = state | {"XDG_CONFIG_HOME": str(tmp_path), "DYNTOP_CONTEXT": "prod"}
    worker, keys = put_worker(etcd)
    before = etcd.entries()
    for command in (["unregister", "--yes", *keys], ["drain", "--yes", f"{worker:x}"]):
        ended = dyntop(*command, env=env)
        assert (ended.code, ended.out) == (1, b"")
        assert "read-only" in ended.one_sentence()
    assert etcd.entries() == before
    assert dyntop("list", "-o", "name", env=env).lines == keys


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none", "it has prod, dev, elsewhere, typo, scheme"),
        ("typo", "read_onyl is no setting of a context"),
        ("scheme", "or the context: 'ftp://a:1' must begin with http://"),
        ("\x1b[2J", "no context '\\x1b[2J'"),
    ],
)
def test_a_context_that_cannot_be_used_is_2_and_one_sentence(
    name: str, said: str, config: dict[str, str], here: Here
) -> None:
    for command in (["list"], ["unregister", "--yes", KEY], ["check"]):
        ended = here("--context", name, *command, env=config)
        assert (ended.code, ended.out) == (2, b"")
        assert said in ended.one_sentence()


def test_who_needs_no_store_needs_no_context(here: Here, tmp_path: Path) -> None:
    env = {"XDG_CONFIG_HOME": str(tmp_path), "DYNTOP_CONTEXT": "prod"}
    assert here("list", env=env).code == 2
    assert here("list", "--demo", env=env).code == 0
    assert here("history", env=env).code == 0


@pytest.mark.parametrize("read_only", [True, False])
async def test_in_the_dashboard_a_read_only_context_hides_and_refuses_every_act(
    read_only: bool,
) -> None:
    world = World()
    world.put(instance(0xA7), lease=0xA7)
    world.put(card(1))
    before = world.entries()
    async with dashboard(
        world, size=(140, 60), context="prod", context_source="--context", read_only=read_only
    ) as operator:
        assert "ctx prod" in operator.breadcrumb()
        assert ("read-only" in operator.breadcrumb()) == read_only
        await operator.until(lambda: "Filter" in operator.footer())
        acts = ("d Drain", "c Clean up", "u Undo")
        if not read_only:
            await operator.until_shown("d Drain")
        assert [act in operator.footer() for act in acts] == [not read_only] * 3
        for key in "dcu":
            await operator.press(key)
            refused = operator.on_main and not operator.told()
            assert refused == read_only, key
            if not operator.on_main:
                await operator.press("escape")
                await operator.until(lambda: operator.on_main, "the question answered")
        assert world.entries() == before
        await operator.press("question_mark")
        await operator.until(lambda: isinstance(operator.app.screen, HelpScreen), "the help")
        await operator.until_shown("keys and signs", "Freeze or resume the view")
        assert ("Propose all stale keys" in operator.text()) != read_only


async def test_a_context_that_the_environment_named_is_shown_with_that() -> None:
    async with dashboard(
        size=(140, 30),
        context="pr\x1bod",
        context_source="DYNTOP_CONTEXT",
        namespace="p",
        namespace_source="context pr\x1bod",
    ) as operator:
        assert "ctx pr\\x1bod (DYNTOP_CONTEXT) › ns p " in operator.breadcrumb()
