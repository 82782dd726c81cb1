"""The audit: each removal is written down before it happens, so that it can be put back.

A file of JSON lines that is only appended to, and kept as `audit.jsonl.1`, `.2`, … once it is
large. A removal is on the disk before the store is called. Its outcome is written afterwards, and
is missing if dyntop was killed in between.

Everything here blocks, so threads call it. Import from the modules; each uses only those below it:

    audit      writing and reading, under the lock
    trail      from lines to operations, and to the workers that were drained
    lines      one line, both ways
    operation  an operation and its items, with their outcomes
    file       appending, putting files away, and one writer at a time
    location   the file's default path
    disk       files for this user alone, synced to the disk; the one error
"""
