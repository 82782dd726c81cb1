"""Convert between keys and messages. No other module knows how Dynamo names NATS buckets.

Dynamo (`lib/runtime/src/storage/kv/nats.rs` and `slug.rs`): the contents of bucket `v1/instances`
are in the KV bucket `{namespace of the process}_v1_instances`, a stream `KV_prod_v1_instances` with
subjects `$KV.prod_v1_instances.>`, under the key relative to the bucket.

A process writes into the bucket of its own namespace, so a key's names determine its bucket. A
message in another bucket, or under a subject that is not of its bucket, has a key with its
location:

    prod_v1_instances, prod/backend/generate/1a     key  v1/instances/prod/backend/generate/1a
    prod_v1_instances, test/backend/generate/1a     key  v1/instances/./prod_v1_instances/test/…
    prod_v1_instances, under the subject foo.bar    key  v1/instances/../prod_v1_instances/foo.bar

Characters that a bucket's name cannot hold are `_` in it: namespace `a.b` is in `a_b_v1_instances`.
(Dynamo itself does not replace them, so NATS refuses to create the bucket of a nested namespace.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from backends.dynamo.naming import slugify

STREAM = "KV_"
"""The beginning of a bucket's stream name (ADR-8 of NATS)."""

SUBJECT = "$KV."
"""The beginning of a bucket's subjects."""

VERSION = "_v1_"
"""Stands between the namespace and the slug of Dynamo's bucket without its `v1/`."""

SCOPED = ("event_channels", "event_sources")
"""Buckets whose keys may label their names, from 1.4 on: `namespace/{namespace}/…`."""

IN_ANOTHER = b"./"
OUTSIDE = b"../"

LONGEST_NAME = 255
"""Bytes of a stream's name, which is a folder of the server."""

_NOT_IN_A_BUCKET = re.compile(rb"[^A-Za-z0-9_-]")
_NOT_IN_A_KEY = re.compile(rb"[^-/_=.a-zA-Z0-9]")
"""As in NATS clients (ADR-8)."""
_NOT_IN_A_SUBJECT = re.compile(rb"[\x00-\x20\x7f*>]|\.\.|^\.|\.$")


class KeyLocation(NamedTuple):
    """The location of a key."""

    bucket: str
    """The stream without `KV_`: `prod_v1_instances`."""
    subject: bytes
    """The full subject."""

    @property
    def stream(self) -> str:
        return STREAM + self.bucket


def bucket_of(stream: str) -> str | None:
    """Return the bucket of a stream. None: Dynamo would not name a bucket so."""
    bucket = stream.removeprefix(STREAM)
    return bucket if bucket != stream and VERSION in bucket else None


# Called for every message of a bucket, and for most again after each gap.
@lru_cache(maxsize=1 << 17)
def key_of(location: KeyLocation) -> bytes:
    """Return the key of a message. No two messages in any two buckets have the same key."""
    bucket, subject = location
    kind = _kind(bucket)
    begins = _begins(bucket)
    if not subject.startswith(begins):
        return b"v1/%s/%s%s/%s" % (kind.encode(), OUTSIDE, bucket.encode(), subject)
    name = subject[len(begins) :]
    if not name.startswith((IN_ANOTHER, OUTSIDE)):
        for namespace, kind_here in _readings(bucket):
            is_slug = kind_here and kind_here == slugify(kind_here)
            if is_slug and namespace == _safe(_namespace(kind_here, name)):
                return b"v1/%s/%s" % (kind_here.encode(), name)
    return b"v1/%s/%s%s/%s" % (kind.encode(), IN_ANOTHER, bucket.encode(), name)


def location_of(key: bytes) -> KeyLocation | None:
    """Return the only possible location of a key, whether it exists or not. None: there is none."""
    try:
        location = _location(key)
    except UnicodeDecodeError:
        return None
    return location if location is not None and key_of(location) == key else None


def why_not_writable(key: bytes) -> str | None:
    """Return why a NATS KV client cannot write this key. None: it can."""
    version, _, rest = key.partition(b"/")
    kind, slash, name = rest.partition(b"/")
    if version != b"v1" or not kind or not slash:
        return "a key begins with its bucket, v1/{name}/"
    if not name:
        return "nothing follows the bucket"
    if name.startswith((IN_ANOTHER, OUTSIDE)):
        return "./ and ../ mark keys that are not where Dynamo would write them"
    if (forbidden := _NOT_IN_A_KEY.search(name)) is not None:
        found = forbidden[0].decode("ascii", "backslashreplace")
        return f"NATS allows A-Z a-z 0-9 - _ / = . in a key, not '{found}'"
    if name.startswith(b".") or name.endswith(b".") or b".." in name:
        return "NATS allows no dot at either end of a key, nor two in a row"
    location = location_of(key)
    if location is None:
        return "no NATS bucket can have its bucket's name"
    if len(location.stream) > LONGEST_NAME:
        return f"its stream's name would be longer than {LONGEST_NAME} bytes"
    return None


def is_sendable(location: KeyLocation) -> bool:
    """Return whether a client can publish under this subject. A stream can hold others, too."""
    try:
        location.subject.decode()
    except UnicodeDecodeError:
        return False
    return bool(location.subject) and _NOT_IN_A_SUBJECT.search(location.subject) is None


def is_elsewhere(key: bytes) -> bool:
    """Return whether a key includes its location, since Dynamo would write it elsewhere."""
    return key.split(b"/", 2)[-1].startswith((IN_ANOTHER, OUTSIDE))


def may_hold(bucket: str, prefixes: Sequence[bytes]) -> bool:
    """Return whether a bucket may hold keys with one of the prefixes."""
    return any(_may_begin(bucket, prefix) for prefix in prefixes)


def _may_begin(bucket: str, prefix: bytes) -> bool:
    kind = _kind(bucket).encode()
    # Keys with their location.
    for how in (IN_ANOTHER, OUTSIDE):
        begins = b"v1/%s/%s%s/" % (kind, how, bucket.encode())
        if begins.startswith(prefix) or prefix.startswith(begins):
            return True
    for namespace, kind_here in _readings(bucket):
        begins = b"v1/%s/" % kind_here.encode()
        if begins.startswith(prefix):
            return True
        if prefix.startswith(begins) and _may_be_in(namespace, kind_here, prefix[len(begins) :]):
            return True
    return False


def _may_be_in(namespace: bytes, kind: str, name: bytes) -> bool:
    """Return whether keys that begin with `name` may have that namespace, judged by bucket
    names.
    """
    if kind in SCOPED:
        label = b"namespace/"
        if label.startswith(name) or (name.startswith(label) and namespace == b"namespace"):
            return True
        if name.startswith(label):
            name = name[len(label) :]
    begins, slash, _ = name.partition(b"/")
    wanted = _safe(unquote_to_bytes(begins) if kind in SCOPED else begins)
    return namespace == wanted if slash else namespace.startswith(wanted)


def _location(key: bytes) -> KeyLocation | None:
    version, _, rest = key.partition(b"/")
    kind, slash, name = rest.partition(b"/")
    if version != b"v1" or not slash:
        return None
    for how in (IN_ANOTHER, OUTSIDE):
        if name.startswith(how):
            named, slash, below = name[len(how) :].partition(b"/")
            if not slash or VERSION.encode() not in named:
                return None
            begins = _begins(named.decode()) if how == IN_ANOTHER else b""
            return KeyLocation(named.decode(), begins + below)
    slug = slugify(kind.decode())
    bucket = _safe(_namespace(slug, name)).decode() + VERSION + slug
    return KeyLocation(bucket, _begins(bucket) + name)


def _begins(bucket: str) -> bytes:
    return f"{SUBJECT}{bucket}.".encode()


def _kind(bucket: str) -> str:
    return bucket.rpartition(VERSION)[2]


def _readings(bucket: str) -> Iterator[tuple[bytes, str]]:
    """Yield the possible pairs of namespace and bucket in a bucket's name: both may contain
    `_v1_`.
    """
    end = bucket.rfind(VERSION)
    while end >= 0:
        yield bucket[:end].encode(), bucket[end + len(VERSION) :]
        # One underscore may belong to two of them.
        end = bucket.rfind(VERSION, 0, end + len(VERSION) - 1)


def _namespace(kind: str, name: bytes) -> bytes:
    """Return the namespace in a key that is relative to its bucket."""
    parts = name.split(b"/")
    # As in `keys.py`, a labelled key has an odd number of parts.
    if kind in SCOPED and parts[0] == b"namespace" and len(parts) % 2 and len(parts) > 1:
        return unquote_to_bytes(parts[1])
    return parts[0]


def _safe(namespace: bytes) -> bytes:
    """Return a namespace with the characters replaced that a bucket's name cannot hold."""
    return _NOT_IN_A_BUCKET.sub(b"_", namespace)
