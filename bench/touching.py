"""A folder of a load's files that are kept alive, as workers on a file store keep theirs."""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.load import Load
from bench.writing import paced
from tests.support.running import put_file

TOUCHED_AFTER = 3.0
"""Seconds: about a third of the time to live, as every release does."""
FIRST_LEASE = 0x694D000000000000


@contextmanager
def touched(load: Load) -> Iterator[Path]:
    """A folder with all that a load registers, its files touched by a process of its own."""
    with TemporaryDirectory(prefix="dyntop-bench-") as root:
        paths = [
            str(put_file(Path(root), key, value))
            for worker in range(load.workers)
            for key, value in load.records_of(worker, FIRST_LEASE + worker)
        ]
        spawn = multiprocessing.get_context("spawn")
        keeper = spawn.Process(target=touch, args=(paths,), daemon=True)
        keeper.start()
        try:
            yield Path(root)
        finally:
            keeper.terminate()
            keeper.join()


def touch(paths: Sequence[str]) -> None:
    """Touch each file in time, evenly spread, until the process ends."""
    for path, _ in zip(itertools.cycle(paths), paced(len(paths) / TOUCHED_AFTER), strict=False):
        os.utime(path)
