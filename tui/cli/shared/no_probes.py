"""Probing without an address."""

from __future__ import annotations

from collections.abc import Callable, Collection

from backends.probe.types import ProbeResult, ProbeTarget


class NoProbes:
    """Probes no address: only leases are read. Keeps the `Probes` protocol."""

    def want(self, targets: Collection[ProbeTarget]) -> None:
        """Nothing is probed."""

    async def run(self, notify: Callable[[list[ProbeResult]], None]) -> None:
        """Nothing is probed."""

    async def once(
        self, targets: Collection[ProbeTarget], *, deep: bool = False
    ) -> list[ProbeResult]:
        return []

    async def aclose(self) -> None:
        """There is nothing to end."""
