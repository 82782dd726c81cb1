"""`dyntop record FILE`: write down all changes, and why they came, until it is ended."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from backends.discovery.discovery import Discovery
from backends.dynamo.queries import EVERYTHING
from backends.liveness.collector import Probes
from backends.liveness.gathering import Probing
from backends.probe.no_probes import NoProbes
from backends.recording.part_files import CannotRecord, RecordingBounds
from backends.recording.recorder import ObservesRecorder, RecordedBy, Recorder
from backends.recording.writer import RecordingWriter
from backends.removal.audit_drains import AuditDrains
from backends.store import Store, StoreError
from tui import __version__
from tui.cli.arguments.bounds import age_text, size_text
from tui.cli.output import described
from tui.cli.shared.audit_file import audit_at
from tui.config.settings import Settings
from tui.runtime.heap import give_back
from tui.runtime.redact import masks
from tui.runtime.standard_streams import print_message
from tui.session import is_local, open_discovery, open_probes
from tui.text.errors import Exit, explain
from tui.text.format import count
from tui.text.host_clock import HostClock
from tui.text.sanitize import plain

if TYPE_CHECKING:
    from backends.metrics.scraper import Scrapes


def run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    """Record until SIGINT, SIGTERM or SIGHUP, or until nothing can be written any more.

    Raises `StoreError` if the store cannot be reached at the start; later losses are printed on
    standard error.
    """
    return asyncio.run(_record(settings, arguments))


async def _record(settings: Settings, arguments: argparse.Namespace) -> Exit:
    path = Path(arguments.file)
    bounds = RecordingBounds(arguments.max_size, arguments.max_age)
    probing = Probing.ALL if settings.probing is Probing.ALL else Probing.NEVER
    clock = HostClock()
    writer = RecordingWriter(path, bounds, clock=clock, notify=print_message)
    audit = settings.audit_to_read
    query = replace(EVERYTHING, namespace=settings.namespace, nested=True)
    async with (
        _opened(settings, probing) as (discovery, probes),
        _opened_scrapes(settings, clock) as scrapes,
    ):
        store = discovery.store
        recorder = Recorder(
            discovery,
            query,
            writer,
            probes,
            RecordedBy(__version__, socket.gethostname(), settings.namespace),
            clock=clock,
            mask=masks(os.environ),
            observer=_Printed(store, path, bounds, probing, described(settings)),
            drains=None
            if audit is None
            else AuditDrains(audit_at(audit), store.name, store.address),
            scrapes=scrapes,
            probing=probing,
            cap=settings.lease_rate,
        )
        try:
            with _ended_by_signals() as ended:
                why = await _until_ended(recorder, ended)
            await recorder.end(why)
        except CannotRecord as failure:
            print_message(f"recording ended: {failure.path}: {failure.reason}")
            return Exit.REFUSED
    return Exit.DONE


async def _until_ended(recorder: Recorder, ended: asyncio.Future[str]) -> str:
    """Record until a signal comes, and return which. Raises as `Recorder.run`."""
    running = asyncio.ensure_future(recorder.run())
    try:
        await asyncio.wait((running, ended), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        return ended.result()
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError, CannotRecord, StoreError):
            await running


@asynccontextmanager
async def _opened(settings: Settings, probing: Probing) -> AsyncIterator[tuple[Discovery, Probes]]:
    if probing is Probing.NEVER:
        async with open_discovery(settings) as discovery:
            yield discovery, NoProbes()
    else:
        async with open_probes(settings) as opened:
            yield opened


@asynccontextmanager
async def _opened_scrapes(
    settings: Settings, clock: Callable[[], float]
) -> AsyncIterator[Scrapes | None]:
    """Open what scrapes the servers that were named. None: none were."""
    if not settings.metrics:
        yield None
        return
    from backends.metrics.scraper import Scraper

    here = is_local(settings.connection)
    scraper = Scraper(settings.metrics, reveals=False, here=here, clock=clock)
    try:
        yield scraper
    finally:
        await scraper.aclose()


@contextmanager
def _ended_by_signals() -> Iterator[asyncio.Future[str]]:
    """Give a future that is done with the first signal to end."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[str] = loop.create_future()

    def end(name: str) -> None:
        if not ended.done():
            ended.set_result(name)

    # The caller ignores one on purpose (nohup, a script's background): respect that.
    caught = [
        one
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(one) is not signal.SIG_IGN
    ]
    for one in caught:
        loop.add_signal_handler(one, end, one.name)
    try:
        yield ended
    finally:
        for one in caught:
            loop.remove_signal_handler(one)


class _Printed(ObservesRecorder):
    """Prints how it stands with the store, a line for each change."""

    def __init__(
        self, store: Store, path: Path, bounds: RecordingBounds, probing: Probing, of: str
    ) -> None:
        """`of`: the namespace that is recorded, to end a sentence. Empty: all."""
        self._of = of
        self._store = store
        self._path = path
        self._bounds = bounds
        self._probing = probing
        self._lost = ""

    def begun(self, entries: int) -> None:
        # What reading them took is free now.
        give_back()
        bounds = [
            *(() if (most := self._bounds.max_size) is None else (f"at most {size_text(most)}",)),
            *(() if (age := self._bounds.max_age) is None else (f"the last {age_text(age)}",)),
        ]
        store = f"{self._store.name} at {self._store.address}{self._of}"
        probed = "addresses are probed" if self._probing is Probing.ALL else "nothing is probed"
        print_message(
            f"recording {count(entries, 'key')} of {store} and all changes into {self._path} "
            f"({' and '.join(bounds) or 'without bounds'}; {probed}); Ctrl-C ends it"
        )

    def lost(self, error: StoreError) -> None:
        sentence = explain(error, self._store.name).sentence
        if sentence != self._lost:
            self._lost = sentence
            print_message(f"{sentence}; still recording")

    def back(self) -> None:
        self._lost = ""
        print_message(f"{self._store.name} at {self._store.address} is read again")

    def held(self, seconds: float) -> None:
        print_message(
            f"the disk took nothing for {seconds:.0f} s: what changed meanwhile has no times"
        )

    def failed(self, problem: str) -> None:
        print_message(f"the store was not followed ({plain(problem)}): it is read again")
