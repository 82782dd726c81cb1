"""Take the processes of a pod out of discovery by one of its labels, where processes run in pods
(Kubernetes).

What the processes registered stays as it is, so that nothing that they change writes them back. The
pod itself keeps what was taken off, so that it can be put back from any machine.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec

from backends.store.owner import Owner, PodLabel


class LabelOutcome(StrEnum):
    """The outcome of taking a label off a pod, or of putting it back."""

    TAKEN_OFF = "label off"
    OFF_ALREADY = "label off already"
    """The pod does not have the label any more: nothing was done."""
    PUT_BACK = "put back"
    THERE = "label there"
    """The pod has the label with that value: nothing was done."""
    CHANGED = "label changed"
    """The label has another value by now: nothing was done."""
    NOT_KEPT = "label not kept"
    """The pod does not say any more that a lasting drain took off this label: nothing was put
    back."""
    POD_GONE = "pod gone"
    """The pod does not exist any more, or another has its name: nothing was done."""


class NoLabel(msgspec.Struct, frozen=True):
    """Why no label of a pod can be taken off."""

    reason: str
    """For people, as a clause: `this user may not patch pods`."""


class PodLabels(Protocol):
    """Finds, takes off and puts back the labels of pods. Every method may raise `StoreError`."""

    async def find(self, owner: Owner) -> PodLabel | NoLabel:
        """Return the label to take off the pod of a process, so that clients do not discover the
        process until it is back, and its controller does not replace the pod.

        Reads the pod and what selects it, and asks what this user may do. Changes nothing.
        """

    async def take_off(self, label: PodLabel) -> LabelOutcome:
        """Take a label off, if the pod of that uid still has it with that value."""

    async def put_back(self, label: PodLabel, *, dry_run: bool = False) -> LabelOutcome:
        """Put a label back that `take_off` took off, if the pod of that uid still lacks it.

        `dry_run`: have the server check the change without making it.
        """
