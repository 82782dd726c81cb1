"""Runs commands as the tests of the command line do, and the dashboard as its own do."""

from tests.cli.conftest import here, state
from tests.tui.conftest import looks_often

__all__ = ["here", "looks_often", "state"]
