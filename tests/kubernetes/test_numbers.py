"""What a real API server does with the values in `spec.data`, which no schema describes."""

from __future__ import annotations

from typing import Any

import pytest

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


@pytest.mark.parametrize("number", [2**63, 2**63 + 1, 2**64 - 1, 11_400_714_819_323_198_485])
def test_larger_numbers_are_rounded_to_a_float(kube: KubeNamespace, number: int) -> None:
    stored = _stored(kube, number)["id"]
    assert stored == float(number)


def test_a_null_is_kept(kube: KubeNamespace) -> None:
    assert _stored(kube, None) == {"id": None, "beside": 1}
