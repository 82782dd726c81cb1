"""Choose the label to take off a pod in pod mode. Pure.

Dynamo's operator labels pods, and its Services select by some of these labels (read in its source,
2026): without one of them a pod leaves its Service's EndpointSlices. What a pod's controller
selects by stays, else the controller would start another pod in place of this one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

PREFERRED = (
    "nvidia.com/dynamo-component",
    "nvidia.com/dynamo-component-type",
    "nvidia.com/dynamo-namespace",
)
"""The operator's labels that are taken first."""
OF_OPERATOR = "nvidia.com/"
"""How the operator's labels begin. Others may be other people's."""


def choose(
    labels: Mapping[str, str],
    selectors: Collection[Mapping[str, str]],
    of_controller: Collection[str],
) -> str | None:
    """Return the name of the label to take off. None: there is no such label.

    `labels`: the pod's. `selectors`: of all Services whose slices make it discoverable, each of
    which has to let go of it. `of_controller`: the labels that its controller selects by.
    """
    common = [
        name
        for name in labels
        if name.startswith(OF_OPERATOR)
        and name not in of_controller
        and all(name in selector for selector in selectors)
    ]
    if not selectors or not common:
        return None
    return min(common, key=lambda name: (_rank(name), name))


def _rank(name: str) -> int:
    return PREFERRED.index(name) if name in PREFERRED else len(PREFERRED)
