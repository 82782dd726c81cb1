from __future__ import annotations

from hypothesis import settings

# The same examples in every run, and no stop-watch: these machines are shared.
settings.register_profile("dyntop", derandomize=True, deadline=None, database=None)
settings.load_profile("dyntop")
