"""What was removed by hand: written down before it is removed, so that it can be put back.

A file of JSON lines that is only ever appended to, and kept as `audit.jsonl.1`, `.2`, … once it is
large. What is about to be removed is on the disk before the store is asked; what came of it is
written afterwards, and missing if dyntop was killed in between.

Everything here blocks, so threads call it. Downwards, each module uses only those below it:

    audit  writing down and reading, under the lock; where the file is, unless told otherwise
    trail  from lines to acts, and to the workers that were drained
    lines  one line, both ways
    act    what a person did, and what came of it
    file   appending, putting files away, and one writer at a time
    disk   files for this user alone, on the disk when it says so; the one error
"""

from backends.removal.audit.act import (
    NOT_DONE,
    NOT_KNOWN,
    ActKind,
    Item,
    Operation,
    as_text,
    new_id,
)
from backends.removal.audit.audit import Audit, default_path
from backends.removal.audit.disk import AuditFailed
from backends.removal.audit.trail import Trail

__all__ = [
    "NOT_DONE",
    "NOT_KNOWN",
    "ActKind",
    "Audit",
    "AuditFailed",
    "Item",
    "Operation",
    "Trail",
    "as_text",
    "default_path",
    "new_id",
]
