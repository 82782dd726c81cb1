"""`dyntop report FILE`: one file for a bug report, which `dyntop events` opens."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import socket
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from backends.dynamo.queries import EVERYTHING
from backends.recording.excerpt import frames_since
from backends.recording.lines import AnyLine
from backends.recording.part_files import CannotRecord
from backends.recording.reader import Recording
from backends.recording.report_frames import header_of, now_frame, past_frame
from backends.recording.whole_file import write_whole
from backends.redact import Mask
from backends.store import Misconfigured, StoreError
from tui import __version__
from tui.cli.arguments.bounds import age_text
from tui.cli.output import described
from tui.cli.shared.reading import Clock
from tui.cli.shared.surveying import drained_by, probe_by_default, surveyed
from tui.config.settings import Settings
from tui.config.shown import shown, unused
from tui.runtime.crash_report import versions_of_libraries
from tui.runtime.redact import masks
from tui.runtime.standard_streams import print_message
from tui.session import open_probes
from tui.text.errors import Exit, explain
from tui.text.format import count
from tui.text.host_clock import HostClock

LAST = 1800.0
"""Seconds of a recording that are put into a report, if nothing else is asked for."""


def run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    """Write the report. Raises `StoreError`, also for a recording that cannot be read."""
    return asyncio.run(_report(settings, arguments, HostClock()))


async def _report(settings: Settings, arguments: argparse.Namespace, clock: Clock) -> Exit:
    if arguments.last is not None and arguments.recording is None:
        raise Misconfigured("--last", "is of a recording: name one with --from")
    path = Path(arguments.file)
    mask = masks(os.environ)
    report = _about(settings, mask)
    recorded: Iterable[Iterable[AnyLine]] = ()
    if arguments.recording is not None:
        recording = await asyncio.to_thread(Recording, arguments.recording)
        last = recording.content(len(recording.heads) - 1).last.at
        since = (clock() if last is None else last) - (arguments.last or LAST)
        recorded = frames_since(recording, since, report)
    query = replace(EVERYTHING, namespace=settings.namespace, nested=True)
    async with open_probes(settings) as (discovery, probes):
        store = discovery.store
        server = await discovery.server_version()
        # None: the store has no server, or it did not tell.
        report["server"] = f"{store.name} {server}" if server else None
        header = header_of(
            store,
            clock(),
            report,
            mask=mask,
            version=__version__,
            host=socket.gethostname(),
            namespace=settings.namespace,
            server=server,
        )
        past: list[AnyLine] = []
        if arguments.recording is None:
            try:
                past = await past_frame(store, query, header)
            except StoreError as error:
                print_message(
                    f"what was before is not in it: {explain(error, store.name).sentence}"
                )
        probe = probe_by_default(settings, arguments.probe)
        found = await surveyed(
            settings,
            discovery,
            None if probe is None else probes,
            query,
            probe=probe,
            clock=clock,
        )
        drained = await drained_by(settings, discovery)
    now = now_frame(found, "", drained, replace(header, at=found.at))
    frames = chain(recorded, [past] if past else [], [now])
    try:
        size = await asyncio.to_thread(write_whole, path, frames)
    except CannotRecord as failure:
        print_message(f"there is no report: {failure.path}: {failure.reason}")
        return Exit.REFUSED
    keys = count(len(found.cluster.records), "key")
    print_message(
        f"{path} has {keys} of {store.name} at {store.address}{described(settings)}, "
        f"{_before(arguments, past)} and the "
        f"settings without secrets ({size:,} bytes); addresses, names and values are in it"
    )
    return Exit.DONE


def _before(arguments: argparse.Namespace, past: list[AnyLine]) -> str:
    """Return what a report has of before, in words."""
    if arguments.recording is not None:
        return f"the last {age_text(arguments.last or LAST)} of {arguments.recording}"
    if not past:
        return "nothing of before"
    return "the last changes that the store still knows"


def _about(settings: Settings, mask: Mask) -> dict[str, Any]:
    """Return versions and settings, without secrets."""
    rows = list(shown(settings))
    return {
        "dyntop": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": dict(versions_of_libraries()),
        "settings": [
            {"setting": row.name, "value": row.value and mask(row.value), "source": row.source}
            for row in rows
        ],
        "set_and_not_used": unused(os.environ, settings.sources),
    }
