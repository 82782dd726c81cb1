"""Log levels, for the command line (which imports no logging) and for the log."""

from __future__ import annotations

LEVELS = ("debug", "info", "warning", "error")
DEFAULT_LEVEL = "info"
