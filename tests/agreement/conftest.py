"""Runs commands as the tests of the command line do."""

from tests.cli.conftest import here, state

__all__ = ["here", "state"]
