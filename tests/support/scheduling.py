"""How pytest-xdist deals tests out to its processes."""

from __future__ import annotations

from xdist.scheduler.loadfile import LoadFileScheduling

KUBERNETES = "kubernetes"


class OneApiServer(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """File by file, but all that may need a Kubernetes API server goes to one process.

    Each process would start two control planes of its own. One takes 4 s of CPU to start, and 1.5 s
    more for each minute in which nobody asks it anything.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = super()._split_scope(nodeid)
        of_it = (f"/{KUBERNETES}/", f"[{KUBERNETES}]", f"[{KUBERNETES}-")
        return KUBERNETES if any(part in nodeid for part in of_it) else path
