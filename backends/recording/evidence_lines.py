"""Make lines of evidence as it changes: those that are due, and all for a checkpoint. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from backends.discovery.lease_ttl import LeaseTtl
from backends.liveness.drain_marks import DrainMark
from backends.liveness.keys_by_lease import LeaseOrKey
from backends.probe.types import ProbeResult, ProbeTarget
from backends.recording.changed_evidence import LeaseReadings, ProbedAddresses
from backends.recording.entry_lines import drain_reading, lease_reading, probe_reading
from backends.recording.lines import AnyLine, DrainsLine, LeasesLine, ProbesLine

if TYPE_CHECKING:
    from backends.recording.recorded_figures import FigureLines


class EvidenceLines:
    """Readings of leases, probes, drains and figures, each as it was written last."""

    def __init__(self, *, has_figures: bool) -> None:
        self._leases = LeaseReadings()
        self._probed = ProbedAddresses()
        self._marks: Mapping[int, DrainMark] = {}
        self.figures: FigureLines | None = None
        """Those of the servers that are scraped. None: none are."""
        if has_figures:
            # Only where it is asked for: it takes memory.
            from backends.recording.recorded_figures import FigureLines

            self.figures = FigureLines()

    def read(
        self, ttls: Mapping[LeaseOrKey, LeaseTtl], in_doubt: Collection[LeaseOrKey] = ()
    ) -> None:
        """Take in what the store answered. `in_doubt`: leases of which each answer counts."""
        self._leases.observe(ttls, in_doubt)

    def probed(self, results: Sequence[ProbeResult]) -> None:
        """Take in the results of probes."""
        self._probed.observe(results)

    def drained(self, marks: Mapping[int, DrainMark], at: float) -> DrainsLine | None:
        """Take in which workers were drained. Returns the line. None: as before."""
        if marks == self._marks:
            return None
        self._marks = marks
        return self._drains(at)

    def due(self, at: float) -> Iterator[AnyLine]:
        """Yield the lines that are to be written now."""
        yield from self.due_leases(at)
        if probes := self._probed.take_due():
            yield _probes(probes, at)

    def due_leases(self, at: float) -> Iterator[LeasesLine]:
        """Yield those of leases."""
        return (readings_line(one, at) for one in self._leases.take_due() if one)

    def before_removal(self, leases: Iterable[LeaseOrKey], at: float) -> Iterator[LeasesLine]:
        """Yield the lines of leases that are to be written before keys of some of them go: how much
        time was left tells a revoked lease from one that ran out."""
        self._leases.add_last(leases)
        return self.due_leases(at)

    def known(self, at: float) -> Iterator[AnyLine]:
        """Yield the lines of all that is known, as written now."""
        if leases := self._leases.take_all():
            yield readings_line(leases, at)
        if probes := self._probed.take_all():
            yield _probes(probes, at)
        if self._marks:
            yield self._drains(at)
        if self.figures is not None:
            yield self.figures.all(at)

    def forget_leases(self, leases: Iterable[LeaseOrKey]) -> None:
        """Drop leases that have no keys any more. What is due of them is written still."""
        self._leases.forget(leases)

    def keep_addresses(self, is_known: Callable[[ProbeTarget], bool]) -> None:
        """Drop the addresses of no record."""
        self._probed.forget(one for one in self._probed.targets() if not is_known(one))

    def _drains(self, at: float) -> DrainsLine:
        return DrainsLine(at=at, drains=tuple(drain_reading(*one) for one in self._marks.items()))


def readings_line(readings: Mapping[LeaseOrKey, LeaseTtl], at: float) -> LeasesLine:
    """Return the line of some readings of leases."""
    return LeasesLine(at=at, leases=tuple(lease_reading(*one) for one in readings.items()))


def _probes(probes: Iterable[ProbeResult], at: float) -> ProbesLine:
    return ProbesLine(at=at, probes=tuple(map(probe_reading, probes)))
