"""What charts are of: a model, a frontend of a model, or a worker."""

from __future__ import annotations

import msgspec

from backends.metrics.hour import SeriesKey, key_of_model, key_of_worker
from tui.text.format import hex_id


class ChartSubject(msgspec.Struct, frozen=True):
    """A model, a frontend of a model, or a worker."""

    key: SeriesKey
    name: str
    """As its row has it. Untrusted."""

    @property
    def is_worker(self) -> bool:
        """Return whether workers report it, and no frontend."""
        return self.key[0] in ("worker", "server")

    @property
    def why_no_figures(self) -> str:
        """Return why there are none, though processes are asked: of a worker that none of them is
        there will be none."""
        if self.is_worker:
            asked = "it is asked if its card reveals its metrics, or --metrics names it"
            return f"No figures of this worker so far: {asked}"
        return "No figures of this model so far: charts begin with the second scrape that has it"


def of_model(name: str) -> ChartSubject:
    """Return a model or an adapter, by its served name."""
    return ChartSubject(key_of_model(name), name)


def of_worker(worker: int) -> ChartSubject:
    """Return a worker by its id."""
    return ChartSubject(key_of_worker(worker, None), hex_id(worker))
