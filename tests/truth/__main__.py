"""Walk through every situation, on each store, and print what dyntop says beside what requests get.

    make truth                           # all of it
    TRUTH="killed conflict" make truth   # the situations whose names begin so

Exits with 1 where the two are not equal, where a situation did not come about, or where a drain and
restore lost a request. A situation that this machine does not allow is named, with the reason.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from tests.support.namespace import NotAllowed
from tests.truth.cluster import StoreKind, cluster_on, installed
from tests.truth.load import drain_under_load
from tests.truth.looking import Looker, Row
from tests.truth.situations import SITUATIONS, Situation
from tests.truth.table import line, render

REQUESTS = 1500
"""Made while a worker is drained and restored again and again."""


def rows(situation: Situation, kind: StoreKind) -> Iterator[Row]:
    """Let a situation happen on a store, and look at each of its moments."""
    etcd = situation.make_etcd() if situation.make_etcd is not None else None
    with cluster_on(kind, etcd) as cluster, Looker(cluster) as looker:
        for moment in situation.run(cluster):
            yield looker.look(moment)


def main(chosen: tuple[str, ...]) -> int:
    """Run what is chosen, or all; returns the exit code."""
    if not installed():
        print("the package ai-dynamo is not installed here: run `make cluster`", file=sys.stderr)
        return 1
    lines: list[tuple[str, ...]] = []
    problems: list[str] = []
    for situation in SITUATIONS:
        if chosen and not situation.name.startswith(chosen):
            continue
        try:
            situation.require()
        except NotAllowed as reason:
            print(f"{situation.name}: not here: {reason}", flush=True)
            continue
        for kind in situation.stores:
            where = f"{situation.name}, {kind}"
            try:
                for row in rows(situation, kind):
                    lines.append(line(situation.name, kind, row))
                    print(f"{lines[-1][-1]:3}  {where}, {row.moment.name}", flush=True)
                    problems += [f"{where}, {row.moment.name}: {it}" for it in row.differences]
            except Exception as error:  # the others are still worth a look
                problems.append(f"{where}: {type(error).__name__}: {error}")
    for kind in ("etcd", "file"):
        if not chosen or "load".startswith(chosen):
            with cluster_on(kind) as cluster:
                load = drain_under_load(cluster, REQUESTS)
            lost = f"lost {len(load.lost)} of {len(load.answers)} requests"
            print(f"{load.rounds} drains and restores, {kind}: {lost}", flush=True)
            if load.lost:
                problems.append(f"drains and restores, {kind}: {lost}")
    print(f"\n{render(lines)}\n")
    print("\n".join(problems) if problems else "All of it is equal.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(tuple(os.environ.get("TRUTH", "").split())))
