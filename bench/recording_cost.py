"""What `dyntop record` costs beside an idle dashboard, and beside `dyntop watch` of an empty store.

    python -m bench.recording_cost [WORKERS] [CHANGES_A_SECOND] [SECONDS]

A real etcd, whose leases are renewed, and changes at a steady rate: one instance after the other
moves to another port. Run it by hand; docs/benchmarks.md has its figures.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from bench.listening import listening
from bench.load import Load
from bench.place import filled, opened
from bench.processes import cpu_seconds, resident_bytes
from bench.writing import paced
from tests.support.etcd_server import EtcdServer
from tests.support.running import COMMAND, environment

SETTLING = 45.0
"""Seconds until nothing is left of a start."""
MB = 1024 * 1024


def proportional_bytes(pid: int) -> int:
    """Memory of a process, with its share of what others use, too."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError("no Pss")


def started(*words: str, endpoint: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, *words],
        env=environment({"ETCD_ENDPOINTS": endpoint}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def main() -> None:
    workers, rate, seconds = (
        float(given) if given else default
        for given, default in itertools.zip_longest(sys.argv[1:], (1000.0, 20.0, 60.0))
    )
    load = Load(int(workers) * 2)
    with ExitStack() as stack:
        file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "night.dyntop"
        place = stack.enter_context(filled(load, renewed=True))
        stack.enter_context(listening(place.instances()))
        empty = stack.enter_context(EtcdServer())
        terminal, _ = stack.enter_context(opened(place, tab=None))
        watch = started("watch", endpoint=empty.endpoint)
        stack.callback(watch.kill)
        record = started("record", str(file), endpoint=place.etcd.endpoint)
        stack.callback(record.kill)
        assert record.stderr is not None
        print(record.stderr.readline().decode().strip())
        pids = {"dashboard": terminal.process.pid, "watch of nothing": watch.pid}
        pids["record"] = record.pid
        time.sleep(SETTLING)
        measured(pids, seconds, "nothing changes")
        instances = place.instances()
        ended = threading.Event()

        def change() -> None:
            moves = itertools.cycle(instances)
            for (number, one), _ in zip(enumerate(moves), paced(rate), strict=False):
                if ended.is_set():
                    return
                place.writer.put(place.move(one, f"127.0.0.1:{9000 + number % 1000}"))

        writing = threading.Thread(target=change)
        writing.start()
        stack.callback(ended.set)
        time.sleep(5)
        size = file.stat().st_size
        measured(pids, seconds, f"{rate:g} changes a second")
        print(f"file: {size / MB:.2f} MB, then {(file.stat().st_size - size) / MB:.2f} MB more")
        ended.set()
        writing.join()


def measured(pids: dict[str, int], seconds: float, when: str) -> None:
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    time.sleep(seconds)
    for name, pid in pids.items():
        cpu = 100 * (cpu_seconds(pid) - before[name]) / seconds
        rss, pss = resident_bytes(pid) / MB, proportional_bytes(pid) / MB
        print(f"{when}: {name}: {cpu:.2f} % of a core, RSS {rss:.1f} MB, PSS {pss:.1f} MB")


if __name__ == "__main__":
    main()
