"""Probe nothing, where evidence is gathered without addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from backends.probe.types import ProbeResult, ProbeTarget


class NoProbes:
    """Probes no address. Keeps the `Probes` protocol of the collector."""

    def want(self, targets: Collection[ProbeTarget]) -> None:
        """Nothing is probed."""

    async def run(self, notify: Callable[[list[ProbeResult]], None]) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()

    async def once(
        self, targets: Collection[ProbeTarget], *, deep: bool = False
    ) -> list[ProbeResult]:
        return []

    async def aclose(self) -> None:
        """There is nothing to end."""
