"""Read what Kubernetes writes down about the pods of the detail, while it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from backends.aio.poll_while_shown import PollWhileShown
from backends.aio.timer import LOOP, Timer
from backends.store import Owner, PodEvents, Pods, Unreachable
from backends.store.pods import events_of

INTERVAL = 10.0
"""Seconds between two readings. A kubelet probes every few seconds, and counts the failures in one
event."""
MOST_PODS = 3
"""Pods of one row that are asked about: several objects may have one id."""

_Pod = tuple[str, str]
"""The namespace and uid of a pod."""


class PodEventsPoller:
    """Reads the events of some pods repeatedly. One request at a time: a cursor that passes many
    rows asks for few of them."""

    def __init__(
        self, pods: Pods | None, timer: Timer = LOOP, *, interval: float = INTERVAL
    ) -> None:
        """`pods`: None if the store has none; then nothing is ever read."""
        self._pods = pods
        self._shown: dict[_Pod, Owner] = {}
        self._reads = False
        self._found: dict[_Pod, PodEvents] = {}
        self._on_found: Callable[[], None] = lambda: None
        self._polling = PollWhileShown(self._round, lambda: interval, timer)

    def watch(self, owners: Iterable[Owner], *, reads: bool = True) -> None:
        """Read the events of these objects' pods from now on. Empty: of none. `reads`: if False,
        keep what was read of them, and read nothing more."""
        pods = {_pod(one): one for one in owners if one.pod_uid and self._pods is not None}
        shown = dict(islice(pods.items(), MOST_PODS))
        reads = reads and bool(shown)
        if shown.keys() == self._shown.keys() and reads == self._reads:
            return
        self._shown, self._reads = shown, reads
        self._found = {pod: found for pod, found in self._found.items() if pod in shown}
        self._polling.look(False)
        self._polling.look(reads)

    def of(self, owner: Owner) -> PodEvents | None:
        """Return the last reading of an object's pod. None: there is none yet."""
        return self._found.get(_pod(owner))

    async def run(self, on_found: Callable[[], None]) -> None:
        """Read without end; `on_found` is called after each reading."""
        self._on_found = on_found
        await self._polling.run()

    async def _round(self) -> None:
        for pod, owner in list(self._shown.items()):
            if self._pods is None or pod not in self._shown:
                return
            found = await events_of(self._pods, owner)
            if pod not in self._shown:
                return
            if isinstance(found, Unreachable) and pod in self._found:
                # The header says that the store is lost; what was read stays.
                continue
            self._found[pod] = found
            self._on_found()


def _pod(owner: Owner) -> _Pod:
    return owner.namespace, owner.pod_uid
