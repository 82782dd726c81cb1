"""Keys, clicks, pastes and sizes in bursts end nothing, and remove nothing by themselves.

The same in every run; FUZZ_SEED takes others, and `make fuzz` as many as there is time for.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fuzz import terminal_bytes
from tests.fuzz.fuzzing import Fuzz

SEED = int(os.environ.get("FUZZ_SEED") or 1)


@pytest.mark.parametrize(
    ("name", "read_only", "confirms"),
    [("read only", True, True), ("no yes", False, False), ("with a yes", False, True)],
)
async def test_bursts_of_input_do_no_harm(name: str, read_only: bool, confirms: bool) -> None:
    print(f"FUZZ_SEED={SEED} ({name})")
    await Fuzz(SEED, bursts=30, read_only=read_only, confirms=confirms).run()


def test_bytes_of_a_terminal_do_no_harm(tmp_path: Path) -> None:
    print(f"FUZZ_SEED={SEED}")
    terminal_bytes.fuzz(SEED, 6000, tmp_path)
