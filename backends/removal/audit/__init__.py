"""What was removed by hand: written down before it is removed, so that it can be put back.

A file of JSON lines that is only ever appended to, and kept as `audit.jsonl.1`, `.2`, … once it is
large. What is about to be removed is on the disk before the store is asked; what came of it is
written afterwards, and missing if dyntop was killed in between.

Everything here blocks, so threads call it. Downwards, each module uses only those below it:

    audit     writing down and reading, under the lock
    trail     from lines to acts
    lines     one line, both ways
    act       what a person did
    outcomes  what came of a key, in words
    ids       ids of acts
    text      texts and bytes as JSON can hold them
    file      appending, and putting files away
    lock      one writer at a time, of all processes
    disk      files for this user alone, on the disk when it says so
    place     where the audit is, unless told otherwise
    errors    the one error
"""

from backends.removal.audit.act import ActKind, Item, Operation
from backends.removal.audit.audit import Audit
from backends.removal.audit.errors import AuditFailed
from backends.removal.audit.ids import new_id
from backends.removal.audit.outcomes import NOT_DONE, NOT_KNOWN
from backends.removal.audit.place import default_path
from backends.removal.audit.text import as_text
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
