"""A key ⇄ the message that holds it. The only place that knows how Dynamo names NATS buckets.

Dynamo (`lib/runtime/src/storage/kv/nats.rs` and `slug.rs`): what it keeps in bucket `v1/instances`
is in the KV bucket `{namespace of the process}_v1_instances`, a stream `KV_prod_v1_instances` with
subjects `$KV.prod_v1_instances.>`, under the key relative to the bucket.

A process writes into its own namespace's bucket, so a key's own names tell where it belongs. One
that is in another bucket, or under a subject that is none of its bucket's, is named by where it is:

    prod_v1_instances, prod/backend/generate/1a     key  v1/instances/prod/backend/generate/1a
    prod_v1_instances, test/backend/generate/1a     key  v1/instances/./prod_v1_instances/test/…
    prod_v1_instances, under the subject foo.bar    key  v1/instances/../prod_v1_instances/foo.bar

What a bucket's name cannot hold is `_` in it: namespace `a.b` is in `a_b_v1_instances`. (Dynamo
puts the namespace there as it is, so that NATS refuses to make the bucket of a nested one.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from backends.naming import slugify

STREAM = "KV_"
"""Begins the name of a bucket's stream (ADR-8 of NATS)."""

SUBJECT = "$KV."
"""Begins the subjects of a bucket."""

VERSION = "_v1_"
"""Between the namespace and the slug of Dynamo's bucket, less its `v1/`."""

SCOPED = ("event_channels", "event_sources")
"""Whose keys may label their names, from 1.4 on: `namespace/{namespace}/…`."""

IN_ANOTHER = b"./"
OUTSIDE = b"../"

LONGEST_NAME = 255
"""Bytes in the name of a stream, which is a folder of the server's."""

_NOT_IN_A_BUCKET = re.compile(rb"[^A-Za-z0-9_-]")
_NOT_IN_A_KEY = re.compile(rb"[^-/_=.a-zA-Z0-9]")
"""As NATS clients have it (ADR-8)."""
_NOT_IN_A_SUBJECT = re.compile(rb"[\x00-\x20\x7f*>]|\.\.|^\.|\.$")


class Place(NamedTuple):
    """Where a key is kept."""

    bucket: str
    """The stream, without `KV_`: `prod_v1_instances`."""
    subject: bytes
    """In full."""

    @property
    def stream(self) -> str:
        return STREAM + self.bucket


def bucket_of(stream: str) -> str | None:
    """The bucket of a stream, as Dynamo would name one; None: it is none of Dynamo's."""
    bucket = stream.removeprefix(STREAM)
    return bucket if bucket != stream and VERSION in bucket else None


# Every message of a bucket is asked for, and most of them again after each gap.
@lru_cache(maxsize=1 << 17)
def key_of(place: Place) -> bytes:
    """The key that a message stands for. No two subjects in any two buckets have the same one."""
    bucket, subject = place
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


def place_of(key: bytes) -> Place | None:
    """The one message that may stand for this key, whether it exists or not; None: none can."""
    try:
        place = _place(key)
    except UnicodeDecodeError:
        return None
    return place if place is not None and key_of(place) == key else None


def why_not_writable(key: bytes) -> str | None:
    """What keeps a NATS KV client from writing this key; None: nothing."""
    version, _, rest = key.partition(b"/")
    kind, slash, name = rest.partition(b"/")
    if version != b"v1" or not kind or not slash:
        return "a key begins with its bucket, v1/{name}/"
    if not name:
        return "nothing follows the bucket"
    if name.startswith((IN_ANOTHER, OUTSIDE)):
        return "./ and ../ stand for what is not where Dynamo would write it"
    if (odd := _NOT_IN_A_KEY.search(name)) is not None:
        found = odd[0].decode("ascii", "backslashreplace")
        return f"NATS allows A-Z a-z 0-9 - _ / = . in a key, and no '{found}'"
    if name.startswith(b".") or name.endswith(b".") or b".." in name:
        return "NATS allows no dot at either end of a key, nor two in a row"
    place = place_of(key)
    if place is None:
        return "no NATS bucket can have its bucket's name"
    if len(place.stream) > LONGEST_NAME:
        return f"its stream's name would be longer than {LONGEST_NAME} bytes"
    return None


def is_sendable(place: Place) -> bool:
    """Whether a client can publish under this subject: some are in a stream all the same."""
    try:
        place.subject.decode()
    except UnicodeDecodeError:
        return False
    return bool(place.subject) and _NOT_IN_A_SUBJECT.search(place.subject) is None


def is_elsewhere(key: bytes) -> bool:
    """Whether a key is named by where it is, since that is not where Dynamo would write it."""
    return key.split(b"/", 2)[-1].startswith((IN_ANOTHER, OUTSIDE))


def may_hold(bucket: str, prefixes: Sequence[bytes]) -> bool:
    """Whether a bucket may hold keys that begin with one of the prefixes."""
    return any(_may_begin(bucket, prefix) for prefix in prefixes)


def _may_begin(bucket: str, prefix: bytes) -> bool:
    kind = _kind(bucket).encode()
    # Named by where they are.
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
    """Whether keys that begin with `name` may have that namespace, as far as bucket names tell."""
    if kind in SCOPED:
        label = b"namespace/"
        if label.startswith(name) or (name.startswith(label) and namespace == b"namespace"):
            return True
        if name.startswith(label):
            name = name[len(label) :]
    begins, slash, _ = name.partition(b"/")
    wanted = _safe(unquote_to_bytes(begins) if kind in SCOPED else begins)
    return namespace == wanted if slash else namespace.startswith(wanted)


def _place(key: bytes) -> Place | None:
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
            return Place(named.decode(), begins + below)
    slug = slugify(kind.decode())
    bucket = _safe(_namespace(slug, name)).decode() + VERSION + slug
    return Place(bucket, _begins(bucket) + name)


def _begins(bucket: str) -> bytes:
    return f"{SUBJECT}{bucket}.".encode()


def _kind(bucket: str) -> str:
    return bucket.rpartition(VERSION)[2]


def _readings(bucket: str) -> Iterator[tuple[bytes, str]]:
    """What a bucket's name may be made of, namespace and bucket: both may hold `_v1_`."""
    end = bucket.rfind(VERSION)
    while end >= 0:
        yield bucket[:end].encode(), bucket[end + len(VERSION) :]
        # One underscore may belong to both.
        end = bucket.rfind(VERSION, 0, end + len(VERSION) - 1)


def _namespace(kind: str, name: bytes) -> bytes:
    """The namespace that a key, relative to its bucket, names."""
    parts = name.split(b"/")
    # As `keys.py` tells a labelled key from one of a namespace that is called `namespace`.
    if kind in SCOPED and parts[0] == b"namespace" and len(parts) % 2 and len(parts) > 1:
        return unquote_to_bytes(parts[1])
    return parts[0]


def _safe(namespace: bytes) -> bytes:
    """As much of a namespace as a bucket's name can hold."""
    return _NOT_IN_A_BUCKET.sub(b"_", namespace)
