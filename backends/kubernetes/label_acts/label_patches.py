"""The changes of a pod: JSON patches (RFC 6902) with the conditions in them. Pure.

A pod's `resourceVersion` changes with each report of its kubelet, so the conditions are its uid and
the label itself. Only where a whole map has to be made, the version is a condition: else a map that
somebody made meanwhile would be lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backends.kubernetes.current_object import json_pointer
from backends.kubernetes.resources import LABEL_OFF
from backends.store import PodLabel

Patch = list[dict[str, Any]]


def take_off_patch(metadata: Mapping[str, Any], label: PodLabel) -> Patch:
    """Return the patch that takes a label off and keeps it in an annotation. `metadata`: the pod's,
    as read."""
    at = json_pointer("metadata", "labels", label.name)
    return [
        _test("/metadata/uid", label.uid),
        _test(at, label.value),
        *_added(metadata, "annotations", LABEL_OFF, label.text),
        {"op": "remove", "path": at},
    ]


def put_back_patch(metadata: Mapping[str, Any], label: PodLabel) -> Patch:
    """Return the patch that puts a label back, if the annotation still keeps it and no label came
    or went since the pod was read."""
    kept = json_pointer("metadata", "annotations", LABEL_OFF)
    labels = metadata.get("labels")
    # That a label is not there cannot be a condition, that all labels are as they were can.
    unchanged = [_test("/metadata/labels", labels)] if labels else []
    return [
        _test("/metadata/uid", label.uid),
        _test(kept, label.text),
        *unchanged,
        *_added(metadata, "labels", label.name, label.value),
        {"op": "remove", "path": kept},
    ]


def _added(metadata: Mapping[str, Any], within: str, name: str, value: str) -> Patch:
    """Return the operations that add a label or annotation."""
    if metadata.get(within):
        return [{"op": "add", "path": json_pointer("metadata", within, name), "value": value}]
    return [
        _test("/metadata/resourceVersion", metadata.get("resourceVersion")),
        {"op": "add", "path": f"/metadata/{within}", "value": {name: value}},
    ]


def _test(path: str, value: object) -> dict[str, Any]:
    return {"op": "test", "path": path, "value": value}
