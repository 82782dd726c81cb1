"""A key ⇄ the file that holds it. The only place that knows how Dynamo names files.

Dynamo 1.x (`lib/runtime/src/storage/kv.rs` and `kv/file.rs`): a bucket is a folder,
`{root}/v1/instances`, and a file's name is the key relative to its bucket with every byte but
`A-Za-z0-9` written as `%` and two upper-case hex digits: `prod/backend/generate/a907` is
`prod%2Fbackend%2Fgenerate%2Fa907`.

Dynamo reads names leniently: `foo_bar`, `foo%5fbar` and `foo%5Fbar` are one key to it. Here they
are three, since each is a file of its own that a person may want to remove:

    v1/instances/foo%5Fbar   the name Dynamo would write   key  v1/instances/foo_bar
    v1/instances/foo_bar     any other name                key  v1/instances/./foo_bar
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

VERSION_FOLDER = b"v1"
"""Every folder directly below it is a bucket (Dynamo 0.6 and later)."""

OLD_BUCKETS = (b"instances", b"models", b"mdc")
"""Buckets directly below the root (Dynamo up to 0.5)."""

TEMPORARY = b".tmp_"
"""Begins the name of a file that is still being written. Dynamo's readers skip it, and so do we."""

ESCAPE = b"./"
"""Begins the rest of a key whose file has a name that Dynamo would not write."""

LONGEST_NAME = 255
"""Bytes in one file or folder name, on every file system that Dynamo is likely to meet."""

_ENCODED = tuple(
    bytes([byte]) if byte < 0x80 and chr(byte).isalnum() else b"%%%02X" % byte
    for byte in range(256)
)


class Place(NamedTuple):
    """Where a key is kept."""

    bucket: bytes
    """The folder, relative to the root: `v1/instances`."""
    name: bytes
    """The file in it, as the file system has it."""


def encoded(text: bytes) -> bytes:
    """The name that Dynamo gives to a key relative to its bucket."""
    return b"".join([_ENCODED[byte] for byte in text])


# A poll asks for the key of every file there is, and almost all of them are the same as last time.
@lru_cache(maxsize=1 << 17)
def key_of(place: Place) -> bytes:
    """The key that a file stands for. No two files have the same one."""
    relative = unquote_to_bytes(place.name)
    if encoded(relative) == place.name and not relative.startswith(ESCAPE):
        return place.bucket + b"/" + relative
    return place.bucket + b"/" + ESCAPE + place.name


def place_of(key: bytes) -> Place | None:
    """The one file that may stand for this key, whether it exists or not; None: no file can.

    Never leads out of the bucket's folder, whatever the key says.
    """
    bucket, relative = split(key)
    if bucket is None or not relative:
        return None
    name = relative[len(ESCAPE) :] if relative.startswith(ESCAPE) else encoded(relative)
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name or name.startswith(TEMPORARY):
        return None
    place = Place(bucket, name)
    return place if key_of(place) == key else None


def why_not_writable(key: bytes) -> str | None:
    """What keeps Dynamo's layout from holding this key; None: nothing."""
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


def split(key: bytes) -> tuple[bytes | None, bytes]:
    """A key's bucket and the rest. The bucket is None if the key does not begin with one."""
    first, _, rest = key.partition(b"/")
    if first in OLD_BUCKETS:
        return first, rest
    folder, slash, relative = rest.partition(b"/")
    if first != VERSION_FOLDER or not slash or folder in (b"", b".", b"..") or b"\0" in folder:
        return None, b""
    return first + b"/" + folder, relative
