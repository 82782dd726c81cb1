"""What a process costs, by /proc."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
"""A second's, of those that /proc counts CPU time in."""


def cpu_seconds(pid: int) -> float:
    """CPU time that all threads of a process took so far, and its children that have ended."""
    # The name, in parentheses, may have spaces in it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def resident_bytes(pid: int) -> int:
    """Memory of a process that is resident."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def in_own_process() -> ProcessPoolExecutor:
    """Calls functions in one other process, which has nothing of this one, gRPC least of all."""
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
