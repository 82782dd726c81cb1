"""The number of files that this process may have open."""

from __future__ import annotations

import os
import resource

LEAST = 32
"""Descriptors that dyntop needs. gRPC and the terminal take some 16, and with fewer gRPC ends the
process. The rest is for the audit, a log, and a few probe connections."""
WANTED = 1024
"""Descriptors that dyntop requests if it may: what most systems grant by default."""


def why_too_few() -> str | None:
    """Raise this process's own limit if it is too low. Return why it cannot be raised, and what to
    do. None: the limit is sufficient."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _is_below(soft, WANTED):
        most = hard if _is_below(hard, WANTED) else WANTED
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    if not _is_below(soft, LEAST):
        return None
    return (
        f"this process may open only {soft} files at once, and dyntop needs {LEAST}: raise the "
        f"limit first, e.g. with ulimit -n {WANTED}"
    )


def why_none_left() -> str | None:
    """Return why no file or connection can be opened now, and what to do. None: it can."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        reason = (error.strerror or "input or output failed").lower()
        return (
            f"this process can open no more files or connections ({reason}, its limit is {limit}): "
            "start dyntop again with a higher limit, e.g. after ulimit -n 4096"
        )
    return None


def _is_below(limit: int, number: int) -> bool:
    return limit != resource.RLIM_INFINITY and limit < number
