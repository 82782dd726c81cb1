"""Whatever there is in a world, all statements about one fact agree: on the main screen in every
place, under filters, in questions, and in what the commands print."""

from __future__ import annotations

import asyncio
import os

import pytest

from backends.liveness.judge import Verdict
from tests.agreement.commands import commands_of, read_commands
from tests.agreement.looking import LATER, SIZE, until_all_is_known
from tests.agreement.on_screen import read_clean_up, read_dashboard, read_narrowed, read_questions
from tests.agreement.seeds import WITH_ALL, made_from, made_of
from tests.agreement.statements import Statements
from tests.agreement.worlds import KINDS, Made, internal_endpoint_alone
from tests.cli.conftest import Here
from tests.support.operating import Operator, dashboard

SEEDS = range(int(os.environ.get("DYNTOP_WORLDS", "3")))
"""Worlds that are looked at; more of them, where somebody has the time."""


async def look(made: Made, said: Statements) -> None:
    async with dashboard(made.world, probes=made.answers, size=SIZE) as operator:
        made.world.now += LATER
        await until_all_is_known(operator)
        await read_clean_up(operator, said)
        await operator.pilot.pause()
        await read_dashboard(operator, said)
        await read_questions(operator, said)
        await narrow(operator, said)


async def narrow(operator: Operator, said: Statements) -> None:
    """By what is not live, by a text, and by both."""
    await operator.press("exclamation_mark")
    await read_narrowed(operator, said, "!")
    await operator.press("escape", "slash", *"tiny", "enter")
    await read_narrowed(operator, said, "/tiny")
    await operator.press("exclamation_mark")
    await read_narrowed(operator, said, "! and /tiny")
    await operator.press("escape")


@pytest.mark.parametrize("seed", SEEDS)
def test_all_statements_about_one_fact_agree(
    seed: int, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, said = made_from(seed), Statements()
    asyncio.run(look(made, said))
    with commands_of(made, monkeypatch):
        read_commands(here, said)
    assert said.disagreements() == [], made.kinds


def test_every_verdict_and_every_place_that_states_it_is_looked_at(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in no world, or not read, could say anything."""
    with commands_of(made := made_from(WITH_ALL["leases"]), monkeypatch):
        read_commands(here, said := Statements())
    assert len(made.kinds) == len(KINDS)
    assert said.places("verdict") == {"list", "check", "show KEY"}
    stated = {value for of, some in said.of.items() for value, _ in some if of[0] == "verdict"}
    with commands_of(made_from(WITH_ALL["objects"]), monkeypatch):
        stated |= {one["verdict"] for one in here("list", "--probe", "-o", "json").records}
    assert stated == {one.value for one in Verdict}


async def test_a_finding_on_an_internal_instance_alone_is_counted_and_shown() -> None:
    made = made_of(internal_endpoint_alone)
    async with dashboard(made.world, probes=made.answers, size=SIZE) as operator:
        await operator.until_shown("1 finding ", "all namespaces 1 !1", "Instances 1")
        assert operator.rows("state") != ["! malformed"]
        await operator.press("exclamation_mark")
        await operator.until(lambda: operator.rows("state") == ["! malformed"])
        assert operator.branches()[0] == "matches 1 !1"
