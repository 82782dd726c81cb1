"""What the tests of probes share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.namespace import NotAllowed, own_network


@pytest.fixture
def network() -> Iterator[None]:
    """A network of this test's own; where that is not allowed, the test is skipped."""
    try:
        with own_network():
            yield
    except NotAllowed as reason:
        pytest.skip(str(reason))
