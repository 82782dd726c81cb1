"""What the tests of several folders share, and the benchmark with them."""

import pytest

# A helper that asserts shows what differed, as the tests themselves do. Before anything imports it.
pytest.register_assert_rewrite("tests.support.dashboard")
