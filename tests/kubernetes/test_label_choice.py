"""Which label of a pod is taken off, and the patches that take it off and put it back."""

from __future__ import annotations

from typing import Any

import pytest

from backends.kubernetes.label_acts.choice import choose
from backends.kubernetes.label_acts.label_patches import put_back_patch, take_off_patch
from backends.kubernetes.objects import label_off
from backends.store import PodLabel

COMPONENT = "nvidia.com/dynamo-component"
TYPE = "nvidia.com/dynamo-component-type"
SPACE = "nvidia.com/dynamo-namespace"
SELECTOR = "nvidia.com/selector"
LABELS = {COMPONENT: "backend", TYPE: "worker", SPACE: "prod", SELECTOR: "s", "app": "a"}
LABEL = PodLabel("dynamo", "prod-backend-0", "uid-1", COMPONENT, "backend")
KEPT = {"dyntop/label-off": f"{COMPONENT}=backend"}


@pytest.mark.parametrize(
    ("selectors", "of_controller", "name"),
    [
        ([{COMPONENT: "backend", TYPE: "worker", SPACE: "prod"}], {SELECTOR}, COMPONENT),
        ([{TYPE: "worker", SPACE: "prod"}], set(), TYPE),
        ([{COMPONENT: "backend", SPACE: "prod"}], {COMPONENT}, SPACE),
        # Another of the operator's.
        ([{SELECTOR: "s"}], set(), SELECTOR),
        # One label has to take it out of both Services.
        ([{COMPONENT: "backend", SPACE: "prod"}, {SPACE: "prod"}], set(), SPACE),
        ([{COMPONENT: "backend"}, {SPACE: "prod"}], set(), None),
        # The controller would start another pod in its place.
        ([{SELECTOR: "s"}], {SELECTOR}, None),
        # That label may be anybody's.
        ([{"app": "a"}], set(), None),
        ([], set(), None),
    ],
)
def test_the_label_is_one_that_the_services_select_by_and_the_controller_does_not(
    selectors: list[dict[str, str]], of_controller: set[str], name: str | None
) -> None:
    assert choose(LABELS, selectors, of_controller) == name


def operations(patch: list[dict[str, Any]]) -> list[tuple[str, str, Any]]:
    return [(one["op"], one["path"], one.get("value")) for one in patch]


LABEL_AT = "/metadata/labels/nvidia.com~1dynamo-component"
KEPT_AT = "/metadata/annotations/dyntop~1label-off"


def test_a_label_goes_and_is_kept_in_one_change_on_condition_of_uid_and_value() -> None:
    read = {"uid": "uid-1", "labels": LABELS, "annotations": {"a": "b"}}
    assert operations(take_off_patch(read, LABEL)) == [
        ("test", "/metadata/uid", "uid-1"),
        ("test", LABEL_AT, "backend"),
        ("add", KEPT_AT, f"{COMPONENT}=backend"),
        ("remove", LABEL_AT, None),
    ]


def test_the_first_annotation_of_a_pod_is_on_condition_of_its_version() -> None:
    """Else annotations that somebody made meanwhile would be replaced."""
    read = {"uid": "uid-1", "labels": LABELS, "resourceVersion": "7"}
    assert operations(take_off_patch(read, LABEL))[2:4] == [
        ("test", "/metadata/resourceVersion", "7"),
        ("add", "/metadata/annotations", KEPT),
    ]


def test_a_label_comes_back_on_condition_that_it_is_still_off_and_kept() -> None:
    rest = {"app": "a"}
    read = {"uid": "uid-1", "labels": rest, "annotations": KEPT}
    assert operations(put_back_patch(read, LABEL)) == [
        ("test", "/metadata/uid", "uid-1"),
        ("test", KEPT_AT, f"{COMPONENT}=backend"),
        ("test", "/metadata/labels", rest),
        ("add", LABEL_AT, "backend"),
        ("remove", KEPT_AT, None),
    ]


def test_the_only_label_of_a_pod_comes_back_on_condition_of_its_version() -> None:
    read = {"uid": "uid-1", "annotations": KEPT, "resourceVersion": "7"}
    assert operations(put_back_patch(read, LABEL))[2:4] == [
        ("test", "/metadata/resourceVersion", "7"),
        ("add", "/metadata/labels", {COMPONENT: "backend"}),
    ]


@pytest.mark.parametrize(
    ("labels", "kept", "off"),
    [
        ({}, f"{COMPONENT}=backend", LABEL),
        # By hand it is back, whatever the annotation still says.
        ({COMPONENT: "other"}, f"{COMPONENT}=backend", None),
        ({}, "not a label", None),
        ({}, "=backend", None),
        ({}, None, None),
    ],
)
def test_a_pod_says_which_label_is_off_until_it_has_it_again(
    labels: dict[str, str], kept: str | None, off: PodLabel | None
) -> None:
    metadata = {"namespace": "dynamo", "name": "prod-backend-0", "uid": "uid-1", "labels": labels}
    annotations = {} if kept is None else {"dyntop/label-off": kept}
    assert label_off({**metadata, "annotations": annotations}) == off
