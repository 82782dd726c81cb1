"""What a real API server does with the values in `spec.data`, which no schema describes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.kubernetes.api import Refused
from tests.support.kubernetes.namespace import KubeNamespace


def _stored(kube: KubeNamespace, value: Any) -> Any:
    """Apply an object with a value in it, and return the value that is stored."""
    pod = kube.pod("prod-backend-0")
    kube.apply_worker(pod, {"event_sources": {"key": {"id": value, "beside": 1}}})
    found = kube.worker("prod-backend-0")
    assert found is not None
    return found["spec"]["data"]["event_sources"]["key"]


@pytest.mark.parametrize("number", [0, 2**53 + 1, 2**63 - 1, -(2**63)])
def test_whole_numbers_of_63_bits_are_kept(kube: KubeNamespace, number: int) -> None:
    assert _stored(kube, number)["id"] == number


@pytest.mark.parametrize(
    ("number", "stored"),
    [
        (2**63, 9_223_372_036_854_776_000),
        (2**63 + 1, 9_223_372_036_854_776_000),
        (11_400_714_819_323_198_485, 11_400_714_819_323_200_000),
        # More than 64 bits hold, so that a u64 cannot be read from it.
        (2**64 - 1, 18_446_744_073_709_552_000),
    ],
)
def test_larger_ones_come_back_as_the_shortest_digits_of_a_float(
    kube: KubeNamespace, number: int, stored: int
) -> None:
    found = _stored(kube, number)["id"]
    assert found == stored
    assert float(found) == float(number)


def test_a_null_is_kept(kube: KubeNamespace) -> None:
    assert _stored(kube, None) == {"id": None, "beside": 1}


def test_a_map_whose_last_entry_goes_by_an_apply_is_null_until_the_next_apply(
    kube: KubeNamespace,
) -> None:
    pod = kube.pod("prod-backend-0")

    def stored(*keys: str) -> Any:
        endpoints = {key: {"instance_id": 1} for key in keys}
        return kube.apply_worker(pod, {"endpoints": endpoints})["spec"]["data"]["endpoints"]

    assert stored() == {}
    assert stored("one", "two") == {"one": {"instance_id": 1}, "two": {"instance_id": 1}}
    assert stored("two") == {"two": {"instance_id": 1}}
    assert stored() is None
    assert stored() == {}


def test_so_is_a_map_within_an_entry(kube: KubeNamespace) -> None:
    pod = kube.pod("prod-backend-0")
    kube.apply_worker(pod, {"model_cards": {"key": {"card_json": {"context_length": 1}}}})
    stored = kube.apply_worker(pod, {"model_cards": {"key": {"card_json": {}}}})
    assert stored["spec"]["data"] == {"model_cards": {"key": {"card_json": None}}}


def test_data_that_loses_all_its_maps_by_an_apply_is_refused(kube: KubeNamespace) -> None:
    pod = kube.pod("prod-backend-0")
    before = kube.apply_worker(pod, {"endpoints": {}})
    with pytest.raises(Refused, match=r"spec\.data in body must be of type object") as refused:
        kube.apply_worker(pod, {})
    assert refused.value.status == 422
    assert kube.worker("prod-backend-0") == before


def test_an_entry_that_is_removed_by_a_patch_leaves_an_empty_map(kube: KubeNamespace) -> None:
    kube.apply_worker(kube.pod("prod-backend-0"), {"endpoints": {"key": {"instance_id": 1}}})
    assert kube.remove_entry("prod-backend-0", "endpoints", "key")["spec"]["data"] == {
        "endpoints": {}
    }
