"""`import backends` is the library: every public name, at no cost before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import backends
from backends import Assessment, Discovery, Evidence, MemoryConnection, Verdict, open_store, survey
from backends.liveness.evidence_kinds import Malformed
from backends.memory import Keyspace, MemoryStore
from backends.store import Forbidden
from tests.support import registered
from tests.support.registered import record


@pytest.mark.parametrize("name", backends.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(backends, name).__name__ == name


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = backends.nothing


def test_importing_the_package_imports_nothing_else_and_changes_no_environment() -> None:
    program = (
        "import os, sys; before = {*sys.modules}; environment = dict(os.environ); import backends; "
        "print(*({*sys.modules} - before)); assert environment == dict(os.environ)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    found = {name for name in done.stdout.split() if name not in sys.stdlib_module_names}
    assert found == {"backends"}


async def test_a_store_is_closed_where_its_block_ends() -> None:
    closed: list[bool] = []

    class Counted(MemoryStore):
        async def aclose(self) -> None:
            closed.append(True)
            await super().aclose()

    async with Counted() as store:
        assert isinstance(store, Counted)
        assert closed == []
    assert closed == [True]


async def test_what_is_stale_is_told_in_a_line_for_each() -> None:
    keyspace = Keyspace()
    key, value = registered.card(26, model="acme/tiny-llm")
    keyspace.put(key, value, lease=None)
    async with MemoryStore(keyspace) as store:
        found = await survey(Discovery(store))
    lines = [f"{one}: {found.assessment(one)}" for one in found.records]
    assert len(lines) == 1
    assert lines[0].startswith("model prod/backend/generate 1a acme/tiny-llm: ")
    assert "\n" not in lines[0]


def test_no_control_character_of_a_record_or_its_evidence_reaches_a_terminal() -> None:
    key, value = registered.card(26, model="acme/\x1b[31mred\n")
    line = str(record((key, value)))
    assert line.isprintable()
    assert "\\x1b[31mred\\n" in line
    evidence = Evidence(Malformed("its name is \x1b]0;x\x07"), 0.0)
    assert str(Assessment(Verdict.MALFORMED, (evidence,))).isprintable()


async def test_an_error_of_a_store_is_caught_by_its_public_name() -> None:
    async with open_store(MemoryConnection()) as store:
        assert store.name == "memory"
    assert issubclass(Forbidden, backends.StoreError)
