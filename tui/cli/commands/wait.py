"""`dyntop wait`: until a model is served by so many workers, or is gone; for scripts."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing, suppress

from msgspec.structs import replace

from backends.discovery.cluster import Cluster
from backends.discovery.discovery import Added, Discovery, Removed, Resynced, WatchEvent
from backends.dynamo.queries import EVERYTHING
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.collector import EvidenceCollector
from backends.liveness.gathering import Probing
from backends.liveness.tracker import LivenessTracker
from backends.store import Forbidden, Heartbeat, Lost, StoreError
from tui.cli.output import described
from tui.cli.shared.asked_frontends import FollowedFrontends, warn_unasked
from tui.config.settings import Settings
from tui.runtime.standard_streams import end_at_once_on_interrupt, print_message
from tui.session import Session, open_session
from tui.text.errors import Exit, explain
from tui.text.format import count
from tui.text.serving import cards_of, figures_of, is_well_served, standing_of


def run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    """Follow the store until the model is in the wanted state: `DONE`, or `TIMED_OUT` after
    `--timeout` seconds.

    Raises `StoreError` if the store cannot be reached, or not be read in full, at the start; later
    losses are printed on standard error.
    """
    end_at_once_on_interrupt()
    return asyncio.run(_run(settings, arguments))


async def _run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    async with open_session(settings) as session:
        waiting = _Waiting(session, settings, arguments)
        try:
            async with asyncio.timeout(arguments.timeout):
                await waiting.until_reached()
        except TimeoutError:
            print_message(f"not within {arguments.timeout:g} s: {waiting.standing()}")
            waiting.warn_unasked()
            return Exit.TIMED_OUT
        print_message(waiting.standing())
        waiting.warn_unasked()
        return Exit.DONE


class _Waiting:
    """Follows one model, and decides whether it is in the wanted state."""

    def __init__(self, session: Session, settings: Settings, arguments: argparse.Namespace) -> None:
        self._discovery: Discovery = session.discovery
        self._settings = settings
        self._name: str = arguments.model
        self._workers: int = arguments.workers
        self._gone: bool = arguments.gone
        self._cluster = Cluster()
        self._verdicts = LivenessTracker(self._cluster, session.discovery.store.lifetime)
        self._named: dict[bytes, ModelCard] = {}
        """The cards of that name."""
        self._complete = False
        self._news = asyncio.Event()
        self._frontends: FollowedFrontends | None = None
        """The chosen frontends. None: the store alone decides."""
        if settings.metrics and not self._gone:
            self._frontends = FollowedFrontends(settings, time.time)
        self._printed = ""
        self._lost = ""
        self._collector = EvidenceCollector(
            session.discovery,
            self._verdicts,
            session.probes,
            self._records,
            clock=time.time,
            probing=settings.probing,
            cap=settings.lease_rate,
        )

    async def until_reached(self) -> None:
        """Follow the watch and the evidence until the wanted state. A state that is reached by the
        store alone is checked once more: a worker that died keeps its keys for a while, and a
        frontend takes a while to serve a registered model."""
        gathering = asyncio.create_task(self._collector.run(self._news.set))
        following = asyncio.create_task(self._follow())
        tasks = [gathering, following]
        if self._frontends is not None:
            tasks.append(asyncio.create_task(self._frontends.run(self._hear_frontends)))
        try:
            while True:
                news = asyncio.create_task(self._news.wait())
                await asyncio.wait({news, following}, return_when=asyncio.FIRST_COMPLETED)
                if following.done():
                    news.cancel()
                    following.result()
                self._news.clear()
                self._verdicts.update()
                if self._reached() and await self._is_confirmed():
                    return
                self._print_standing()
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task

    def standing(self) -> str:
        """Return the state of the model, as a sentence."""
        where = described(self._settings)
        if not self._complete:
            return f"the store was not read yet{where}"
        return f"{standing_of(self._name, self._verdicts.serving, self._cards())}{where}"

    def warn_unasked(self) -> None:
        """Say which of the frontends that were named do not answer, and so deny nothing."""
        warn_unasked(self._verdicts.serving.frontends)

    def _hear_frontends(self) -> None:
        if self._frontends is not None:
            self._verdicts.serving.observe_frontends(self._frontends.reports())
            self._news.set()

    async def _follow(self) -> None:
        """Raises `StoreError` where the store cannot be reached at the start."""
        whole = replace(EVERYTHING, namespace=self._settings.namespace, nested=True)
        async with aclosing(self._discovery.watch(whole)) as events:
            async for event in events:
                self._take(event)

    def _take(self, event: WatchEvent) -> None:
        match event:
            case Resynced(unread=unread) if unread and not self._complete:
                # As `check` and `show`: what bears on the answer may be in what is missing.
                raise Forbidden(self._discovery.store.address, unread)
            case Added() | Removed() | Resynced():
                self._cluster.apply(event, time.time())
                if isinstance(event, Resynced):
                    self._complete, self._lost = True, ""
                    self._verdicts.set_complete(not event.unread)
                    if event.unread:
                        self._wait_on(Forbidden(self._discovery.store.address, event.unread))
                changed = self._cluster.take_changes().keys
                for key in changed:
                    record = self._cluster.records.get(key)
                    if isinstance(record, ModelCard) and record.model_name == self._name:
                        self._named[key] = record
                    else:
                        self._named.pop(key, None)
                self._verdicts.update(changed)
                self._news.set()
            case Lost(error=error) if not self._complete:
                raise error
            case Lost(error=error):
                self._wait_on(error)
            case Heartbeat():
                pass

    def _wait_on(self, error: StoreError) -> None:
        """Wait until everything is read again; prints so once."""
        sentence = explain(error, self._discovery.store.name).sentence
        if sentence != self._lost:
            self._lost = sentence
            print_message(f"{sentence}; still waiting")

    def _cards(self) -> list[ModelCard]:
        """Return the cards of the model, or of the adapter of that name."""
        return cards_of(self._name, self._named.values())

    def _records(self) -> Sequence[AnyRecord]:
        """Return all records of the model's workers: their leases and addresses are the
        evidence."""
        return self._cluster.with_siblings(self._cards()) if self._complete else []

    def _reached(self) -> bool:
        if not self._complete or self._lost:
            return False
        cards, serving = self._cards(), self._verdicts.serving
        if self._gone:
            return not cards
        figures = figures_of(self._name, serving, cards)
        return is_well_served(self._name, serving, cards) and figures.least >= self._workers

    async def _is_confirmed(self) -> bool:
        """Return whether the state is still reached once the workers' addresses and the frontends
        were asked."""
        if self._gone:
            return True
        if self._settings.probing is not Probing.NEVER:
            await self._collector.probe(self._records(), deep=False)
            self._verdicts.update()
        if self._frontends is not None:
            await self._frontends.look()
            self._hear_frontends()
        return self._reached()

    def _print_standing(self) -> None:
        sentence = self.standing()
        if sentence != self._printed and self._complete:
            self._printed = sentence
            print_message(f"{sentence}; waiting for {self._wanted()}")

    def _wanted(self) -> str:
        if self._gone:
            return "it to be gone"
        at_frontends = "" if self._frontends is None else " at the frontends of --metrics"
        return f"{count(self._workers, 'worker')}{at_frontends}"
