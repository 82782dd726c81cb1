import pytest

# A helper that asserts shows what differed, as the tests themselves do.
pytest.register_assert_rewrite("tests.real.dashboard")
