"""Choose which readings of leases and which probes are written: those that show something else than
the ones before, and otherwise one a minute. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from backends.discovery.lease_ttl import LeaseTtl, same_standing
from backends.liveness.keys_by_lease import LeaseOrKey
from backends.probe.types import ProbeResult, ProbeTarget

AT_LEAST_EVERY = 60.0
"""Seconds after which a reading is written though it shows nothing new."""


class LeaseReadings:
    """The last reading of each lease, and those that are to be written."""

    def __init__(self) -> None:
        self._last: dict[LeaseOrKey, LeaseTtl] = {}
        self._written: dict[LeaseOrKey, LeaseTtl] = {}
        self._due: dict[LeaseOrKey, list[LeaseTtl]] = {}

    def observe(
        self, ttls: Mapping[LeaseOrKey, LeaseTtl], in_doubt: Collection[LeaseOrKey] = ()
    ) -> None:
        """Take in what the store answered. `in_doubt`: leases of which each answer counts."""
        for lease, read in ttls.items():
            before = self._last.get(lease)
            lease_ttl = read.after(before)
            self._last[lease] = lease_ttl
            written = self._written.get(lease)
            due = self._due.get(lease, [])
            if before is not None and _begins_reset(before, lease_ttl):
                # Whether a renewal was due is told by the one before the store gave full times.
                kept = [] if before is written and not due else [before]
            elif (
                written is None
                or not same_standing(lease_ttl, written)
                or lease_ttl.at - written.at >= AT_LEAST_EVERY
                or lease in in_doubt
            ):
                # Of those since the last write the newest is enough, but for one before a reset.
                kept = due[:-1]
            else:
                continue
            self._due[lease] = [*kept, lease_ttl]
            self._written[lease] = lease_ttl

    def add_last(self, leases: Iterable[LeaseOrKey]) -> None:
        """Have the last reading of each of these leases written, if it was not."""
        for lease in leases:
            last = self._last.get(lease)
            if last is not None and last is not self._written.get(lease):
                self._due.setdefault(lease, []).append(last)
                self._written[lease] = last

    def take_due(self) -> list[dict[LeaseOrKey, LeaseTtl]]:
        """Return what is to be written now. Two readings of one lease come one after the other."""
        due, self._due = self._due, {}
        if not due:
            return []
        earlier = {lease: some[0] for lease, some in due.items() if len(some) > 1}
        last = {lease: some[-1] for lease, some in due.items()}
        return [earlier, last] if earlier else [last]

    def take_all(self) -> dict[LeaseOrKey, LeaseTtl]:
        """Return the last reading of each lease, as written now."""
        self._due.clear()
        self._written = dict(self._last)
        return dict(self._last)

    def leases(self) -> list[LeaseOrKey]:
        """Return all leases that are known."""
        return list(self._last)

    def forget(self, leases: Iterable[LeaseOrKey]) -> None:
        """Drop leases that have no keys any more. What is due of them is written still."""
        for lease in leases:
            self._last.pop(lease, None)
            self._written.pop(lease, None)


def _begins_reset(before: LeaseTtl, now: LeaseTtl) -> bool:
    return now.ttl.reset_ago is not None and before.ttl.reset_ago is None


class ProbedAddresses:
    """The last result of each address, and those that are to be written."""

    def __init__(self) -> None:
        self._last: dict[ProbeTarget, ProbeResult] = {}
        self._written: dict[ProbeTarget, ProbeResult] = {}
        self._due: dict[ProbeTarget, ProbeResult] = {}

    def observe(self, results: Sequence[ProbeResult]) -> None:
        """Take in the results of probes."""
        for result in results:
            target = result.target
            self._last[target] = result
            written = self._written.get(target)
            if (
                written is None
                or _shown(written) != _shown(result)
                or result.answer.failed
                or result.at - written.at >= AT_LEAST_EVERY
            ):
                self._due[target] = self._written[target] = result

    def take_due(self) -> list[ProbeResult]:
        """Return what is to be written now."""
        due, self._due = self._due, {}
        return list(due.values())

    def take_all(self) -> list[ProbeResult]:
        """Return the last result of each address, as written now."""
        self._due.clear()
        self._written = dict(self._last)
        return list(self._last.values())

    def targets(self) -> list[ProbeTarget]:
        """Return all addresses that are known."""
        return list(self._last)

    def forget(self, targets: Iterable[ProbeTarget]) -> None:
        """Drop addresses that no record names any more."""
        for target in targets:
            self._last.pop(target, None)
            self._written.pop(target, None)


def _shown(result: ProbeResult) -> tuple[object, ...]:
    return (result.answer, result.text, result.deep, result.local)
