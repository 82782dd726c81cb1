"""The audit: each removal is written down before it happens, so that it can be put back.

A file of JSON lines that is only appended to, and kept as `audit.jsonl.1`, `.2`, … once it is
large. A removal is on the disk before the store is called. Its outcome is written afterwards, and
is missing if dyntop was killed in between.

Everything here blocks, so threads call it. Downwards, each module uses only those below it:

    audit      writing and reading, under the lock; the file's default path
    trail      from lines to operations, and to the workers that were drained
    lines      one line, both ways
    operation  an operation and its items, with their outcomes
    file       appending, putting files away, and one writer at a time
    disk       files for this user alone, synced to the disk; the one error
"""

from backends.removal.audit.audit import Audit, default_path
from backends.removal.audit.disk import AuditFailed
from backends.removal.audit.operation import (
    NOT_DONE,
    NOT_KNOWN,
    Item,
    Operation,
    OperationKind,
    as_text,
    new_id,
)
from backends.removal.audit.trail import Trail

__all__ = [
    "NOT_DONE",
    "NOT_KNOWN",
    "Audit",
    "AuditFailed",
    "Item",
    "Operation",
    "OperationKind",
    "Trail",
    "as_text",
    "default_path",
    "new_id",
]
