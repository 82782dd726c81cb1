"""Convert between keys and files. No other module knows how Dynamo names files.

Dynamo 1.x (`lib/runtime/src/storage/kv.rs` and `kv/file.rs`): a bucket is a folder,
`{root}/v1/instances`, and a file's name is the key relative to its bucket with every byte but
`A-Za-z0-9` written as `%` and two upper-case hex digits: `prod/backend/generate/a907` is
`prod%2Fbackend%2Fgenerate%2Fa907`.

Dynamo reads names leniently: to it `foo_bar`, `foo%5fbar` and `foo%5Fbar` are one key. Other
programs that write its layout encode less than Dynamo does (`my-team_a%2Fbackend%2F…`). So each
name stands for the key that it decodes to. Where two files of a bucket decode to one key, files
whose names Dynamo would not write have keys of their own, so that each can be removed alone:

    v1/instances/foo%5Fbar                          key  v1/instances/foo_bar
    v1/instances/foo_bar     alone in its bucket    key  v1/instances/foo_bar
    v1/instances/foo_bar     beside foo%5Fbar       key  v1/instances/./foo_bar
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

VERSION_FOLDER = b"v1"
"""The folder whose subfolders are the buckets (Dynamo 0.6 and later)."""

OLD_BUCKETS = (b"instances", b"models", b"mdc")
"""Buckets directly below the root (Dynamo up to 0.5)."""

TEMPORARY = b".tmp_"
"""The beginning of names of files that are still being written. Dynamo's readers skip them, and so
does dyntop.
"""

ESCAPE = b"./"
"""Marks the rest of a key as a raw file name."""

LONGEST_NAME = 255
"""Bytes in a file or folder name, on every file system that Dynamo is likely to run on."""

_ENCODED = tuple(
    bytes([byte]) if byte < 0x80 and chr(byte).isalnum() else b"%%%02X" % byte
    for byte in range(256)
)

_ALWAYS_AS_IS = frozenset(
    byte for byte in range(256) if byte == ord("%") or _ENCODED[byte] == bytes([byte])
)


class KeyFile(NamedTuple):
    """The file of a key."""

    bucket: bytes
    """The folder, relative to the root: `v1/instances`."""
    name: bytes
    """The raw file name in it."""


def encoded(text: bytes) -> bytes:
    """Return Dynamo's file name for a key relative to its bucket."""
    return b"".join([_ENCODED[byte] for byte in text])


def is_dynamos(file: KeyFile) -> bool:
    """Return whether Dynamo itself would give the file this name."""
    return _dynamos_own(file.name)


# A poll needs this for every file, and almost all names are those of the last poll.
@lru_cache(maxsize=1 << 17)
def key_of(file: KeyFile) -> bytes:
    """Return the key that a file's name decodes to, as Dynamo reads it.

    Files with names that Dynamo would write never share a key; other files may (see `own_key`).
    """
    relative = unquote_to_bytes(file.name)
    if not relative or relative.startswith(ESCAPE):
        return own_key(file)
    return file.bucket + b"/" + relative


def own_key(file: KeyFile) -> bytes:
    """Return the key that stands for this file alone, by its raw name."""
    return file.bucket + b"/" + ESCAPE + file.name


def file_of(key: bytes) -> KeyFile | None:
    """Return the file that this process would write for a key, whether it exists or not. None: no
    file can have the name.

    It is never outside of the bucket's folder, whatever the key.
    """
    bucket, relative = split(key)
    if bucket is None or not relative:
        return None
    name = relative[len(ESCAPE) :] if relative.startswith(ESCAPE) else encoded(relative)
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name or name.startswith(TEMPORARY):
        return None
    file = KeyFile(bucket, name)
    # A name that Dynamo would write has its decoded key only.
    return None if relative.startswith(ESCAPE) and is_dynamos(file) else file


def why_not_writable(key: bytes) -> str | None:
    """Return why Dynamo's layout cannot hold this key. None: it can."""
    bucket, relative = split(key)
    if bucket is None:
        return "a key begins with its bucket, v1/{name}/"
    if not relative:
        return "nothing follows the bucket"
    if relative.startswith(ESCAPE):
        return "./ stands for a file whose name Dynamo would not write"
    if max(len(encoded(relative)), *map(len, bucket.split(b"/"))) > LONGEST_NAME:
        return f"its file name would be longer than {LONGEST_NAME} bytes"
    return None


@lru_cache(maxsize=1 << 17)
def _dynamos_own(name: bytes) -> bool:
    relative = unquote_to_bytes(name)
    return encoded(relative) == name and not relative.startswith(ESCAPE)


@lru_cache(maxsize=1 << 17)
def name_mark(file: KeyFile) -> str:
    """Return the mark that restores a file's name from its key. It ends a revision.

    Empty for Dynamo's own name; `~` and the characters that the writer did not encode; `*` and the
    name in hex for a name without such a rule.
    """
    if is_dynamos(file):
        return ""
    left = bytes(sorted(set(file.name) - _ALWAYS_AS_IS))
    if _encoded_but(unquote_to_bytes(file.name), left) == file.name and left.isascii():
        return f"~{left.decode()}"
    return f"*{file.name.hex()}"


def file_by_mark(key: bytes, mark: str) -> KeyFile | None:
    """Return the file of a key whose name has that mark. None: no file can have the name."""
    file = file_of(key)
    if file is None or key.startswith(file.bucket + b"/" + ESCAPE) or not mark:
        return file
    if mark.startswith("~"):
        name = _encoded_but(key[len(file.bucket) + 1 :], mark[1:].encode())
    else:
        try:
            name = bytes.fromhex(mark[1:])
        except ValueError:
            return file
    # The mark may have been edited: no name may lead out of the folder.
    named = file_of(file.bucket + b"/" + ESCAPE + name)
    return file if named is None or key_of(named) != key else named


def _encoded_but(relative: bytes, but: bytes) -> bytes:
    """Return the name of a key relative to its bucket, with the bytes in `but` not encoded."""
    return b"".join([bytes([one]) if one in but else _ENCODED[one] for one in relative])


def split(key: bytes) -> tuple[bytes | None, bytes]:
    """Split a key into bucket and rest. The bucket is None if the key does not begin with one."""
    first, _, rest = key.partition(b"/")
    if first in OLD_BUCKETS:
        return first, rest
    folder, slash, relative = rest.partition(b"/")
    if first != VERSION_FOLDER or not slash or folder in (b"", b".", b"..") or b"\0" in folder:
        return None, b""
    return first + b"/" + folder, relative
