"""Find the label of a pod that takes its processes out of discovery; take it off, put it back.

Container mode: the pod's own label for discovery, which clients select pods by (seen with 1.2 and
1.6). Pod mode: a label that the pod's Service selects by and its controller does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backends.kubernetes.client import JSON_PATCH, HttpAnswer, KubeClient
from backends.kubernetes.label_acts.choice import choose
from backends.kubernetes.label_acts.label_patches import Patch, put_back_patch, take_off_patch
from backends.kubernetes.label_acts.selectors import (
    controller_labels,
    no_label,
    service_selectors,
)
from backends.kubernetes.objects import as_map
from backends.kubernetes.permissions import lacking
from backends.kubernetes.resources import ENABLED, LABEL_OFF, PODS
from backends.store import LabelOutcome, Mode, NoLabel, Owner, PodLabel, Refused

MANAGER = "dyntop"
"""The field manager that pods are changed as."""
TRIES = 5
"""How often a pod is read again that changed between reading and writing."""


class LabelActs:
    """The labels of pods, as `PodLabels`."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def find(self, owner: Owner) -> PodLabel | NoLabel:
        """Return the label to take off, as `PodLabels.find`. Raises `StoreError`."""
        namespace, pod = owner.namespace, owner.pod_name
        if not pod:
            return NoLabel("its object has no owner reference, so its pod is not known")
        if missing := await lacking(self._client, namespace, [("get", PODS), ("patch", PODS)]):
            return NoLabel(missing)
        metadata = await self._metadata(namespace, pod, owner.pod_uid)
        if metadata is None:
            return NoLabel("its pod does not exist any more")
        labels = _labels(metadata)
        if owner.mode is Mode.CONTAINER:
            if labels.get(ENABLED) != "true":
                return NoLabel(f"pod {pod} is not labelled for discovery")
            of_controller = await controller_labels(self._client, namespace, metadata)
            if not isinstance(of_controller, NoLabel) and ENABLED in of_controller:
                return NoLabel(f"the controller of pod {pod} selects by its label for discovery")
            return PodLabel(namespace, pod, owner.pod_uid, ENABLED, "true")
        services = await service_selectors(self._client, namespace, pod, owner.pod_uid)
        if isinstance(services, NoLabel):
            return services
        of_controller = await controller_labels(self._client, namespace, metadata)
        if isinstance(of_controller, NoLabel):
            return of_controller
        name = choose(labels, services, of_controller)
        if name is None:
            return no_label(pod, len(services))
        return PodLabel(namespace, pod, owner.pod_uid, name, labels[name])

    async def take_off(self, label: PodLabel) -> LabelOutcome:
        """Take a label off, as `PodLabels.take_off`. Raises `StoreError`."""
        for _ in range(TRIES):
            metadata = await self._metadata(label.namespace, label.pod, label.uid)
            if metadata is None:
                return LabelOutcome.POD_GONE
            there = _labels(metadata).get(label.name)
            if there is None:
                return LabelOutcome.OFF_ALREADY
            if there != label.value:
                return LabelOutcome.CHANGED
            answer = await self._patch(label, take_off_patch(metadata, label))
            if answer.ok:
                if label.name in _labels(_metadata_of(answer.body)):
                    raise Refused(self._client.address, f"{label.name} is there again at once")
                return LabelOutcome.TAKEN_OFF
            error = self._error_unless_changed(answer)
        raise error

    async def put_back(self, label: PodLabel, *, dry_run: bool = False) -> LabelOutcome:
        """Put a label back, as `PodLabels.put_back`. Raises `StoreError`."""
        for _ in range(TRIES):
            metadata = await self._metadata(label.namespace, label.pod, label.uid)
            if metadata is None:
                return LabelOutcome.POD_GONE
            there = _labels(metadata).get(label.name)
            if there is not None:
                return LabelOutcome.THERE if there == label.value else LabelOutcome.CHANGED
            kept = metadata.get("annotations") or {}
            if kept.get(LABEL_OFF) != label.text:
                return LabelOutcome.NOT_KEPT
            answer = await self._patch(label, put_back_patch(metadata, label), dry_run=dry_run)
            if answer.ok:
                if label.name not in _labels(_metadata_of(answer.body)):
                    raise Refused(self._client.address, f"{label.name} is off again at once")
                return LabelOutcome.PUT_BACK
            error = self._error_unless_changed(answer)
        raise error

    async def _metadata(self, namespace: str, pod: str, uid: str) -> Mapping[str, Any] | None:
        """Return a pod's metadata. None: no pod of that uid exists."""
        answer = await self._client.request("GET", PODS.path(namespace, pod))
        if answer.status == 404:
            return None
        if not answer.ok:
            raise self._client.error_of(answer)
        metadata = _metadata_of(answer.body)
        return metadata if metadata.get("uid") == uid else None

    async def _patch(self, label: PodLabel, patch: Patch, *, dry_run: bool = False) -> HttpAnswer:
        params = [("fieldManager", MANAGER), *([("dryRun", "All")] if dry_run else [])]
        path = PODS.path(label.namespace, label.pod)
        return await self._client.request("PATCH", path, params, patch, JSON_PATCH)

    def _error_unless_changed(self, answer: HttpAnswer) -> Exception:
        """Return the error of a refused change, for the last try. Raises what trying again cannot
        help."""
        error = self._client.error_of(answer)
        if answer.status not in (404, 409, 422):
            raise error
        return error


def _metadata_of(body: object) -> Mapping[str, Any]:
    return as_map(as_map(body).get("metadata"))


def _labels(metadata: Mapping[str, Any]) -> Mapping[str, str]:
    return as_map(metadata.get("labels"))
