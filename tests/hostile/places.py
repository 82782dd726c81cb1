"""Where the corpus is put, and read again, without dyntop: an etcd's HTTP gateway, a folder."""

from __future__ import annotations

import base64
import http.client
import json
import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from tests.hostile.corpus import everything
from tests.support.etcd_server import EtcdServer
from tests.support.registered import KeyAndValue

LARGEST_REQUEST = 1_500_000
"""Bytes of key and value that an etcd takes by itself, and some room."""
MOST_IN_A_TRANSACTION = 100
LONGEST_NAME = 255

ODD_FILES: dict[str, bytes] = {
    "escapes": b"\x1b[2J\x1b]0;pwned\x07",
    "line end": b"a\nv1%2Finstances",
    "not UTF-8": b"\xff\xfe\xc3(",
    "half a surrogate": b"\xed\xa0\x80",
    "upwards when decoded": b"..%2F..%2F..%2Fetc%2Fpasswd",
    "dots when decoded": b"%2E%2E",
    "from the root when decoded": b"%2Fetc%2Fpasswd",
    "NUL when decoded": b"a%00b",
    "not UTF-8 when decoded": b"%FF%C3%28",
    "lower case percent": b"ns%2fcomp%2fgen%2f1",
    "needless percent": b"%6Es%2Fcomp%2Fgen%2F1",
    "percent, cut off": b"ns%2",
    "percent of nothing": b"%zz%",
    "begins as our own spelling": b".%2Fx",
    "hidden": b".hidden",
    "like a flag": b"--yes",
    "markup": b"[@click=app.quit]x[",
    "spaces": b" ",
    "backslashes": b"\\x41\\\\",
}
"""Names of files in a bucket of a file store, none of which Dynamo would write so."""


def put_into_etcd(etcd: EtcdServer, registered: Iterable[KeyAndValue]) -> set[bytes]:
    """Put records without a lease; returns their keys. Those that no etcd takes are left out."""
    fitting = [one for one in registered if len(one[0]) + len(one[1]) < LARGEST_REQUEST]
    host = urlsplit(etcd.endpoint)
    connection = http.client.HTTPConnection(host.hostname or "", host.port)
    try:
        for some in _chunks(fitting):
            puts = [
                {"request_put": {"key": _base64(key), "value": _base64(value)}}
                for key, value in some
            ]
            connection.request("POST", "/v3/kv/txn", json.dumps({"success": puts}))
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text[:200]
    finally:
        connection.close()
    return {key for key, _ in fitting}


def fill_folder(root: Path, registered: Iterable[KeyAndValue]) -> None:
    """Write records as files, as Dynamo would name them, and `ODD_FILES` with one bucket more.

    Those that no folder of this layout can hold are left out.
    """
    for key, value in registered:
        first, _, rest = key.partition(b"/")
        folder, _, relative = (first, b"", rest) if first != b"v1" else rest.partition(b"/")
        if not 0 < len(relative) <= LONGEST_NAME:
            continue
        name = _as_dynamo_names(relative)
        if len(name) > LONGEST_NAME or len(folder) > LONGEST_NAME:
            continue
        if folder in (b"", b".", b"..") or b"\0" in folder:
            continue
        parent = os.path.join(os.fsencode(root), b"" if first != b"v1" else b"v1", folder)
        _write(parent, name, value)
    for odd in ODD_FILES.values():
        _write(os.path.join(os.fsencode(root), b"v1/instances"), odd, b"{}")
        _write(os.path.join(os.fsencode(root), b"v1/\x1b[2J\xff"), odd, b"{}")


def files_in(root: Path) -> set[bytes]:
    """The paths of all files below a folder, relative to it."""
    top = os.fsencode(root)
    return {
        os.path.relpath(os.path.join(folder, name), top)
        for folder, _, names in os.walk(top)
        for name in names
    }


def files_by_key(root: Path) -> dict[bytes, bytes]:
    """Return the paths of all files below a folder by the keys that dyntop gives them: the key that
    a name decodes to; where several decode to one, `./` and its name for each that Dynamo would not
    give."""
    decoded: dict[tuple[bytes, bytes], set[bytes]] = {}
    for path in files_in(root):
        bucket, name = os.path.split(path)
        decoded.setdefault((bucket, unquote_to_bytes(name)), set()).add(name)
    found = {}
    for (bucket, relative), names in decoded.items():
        may_stand_for_it = bool(relative) and not relative.startswith(b"./")
        for name in names:
            own = may_stand_for_it and (len(names) == 1 or name == _as_dynamo_names(relative))
            key = relative if own else b"./" + name
            found[bucket + b"/" + key] = os.path.join(bucket, name)
    assert len(found) == sum(map(len, decoded.values()))
    return found


def _as_dynamo_names(relative: bytes) -> bytes:
    return b"".join(
        bytes([byte]) if chr(byte).isascii() and chr(byte).isalnum() else b"%%%02X" % byte
        for byte in relative
    )


def short_records() -> list[KeyAndValue]:
    """The corpus without what is very long: for where the same is done to each of them."""
    return [(key, value) for key, value in everything().values() if len(key) + len(value) < 2_000]


def _chunks(registered: Iterable[KeyAndValue]) -> Iterable[list[KeyAndValue]]:
    some: list[KeyAndValue] = []
    size = 0
    for key, value in registered:
        more = len(key) + len(value)
        if some and (len(some) == MOST_IN_A_TRANSACTION or size + more > LARGEST_REQUEST):
            yield some
            some, size = [], 0
        some.append((key, value))
        size += more
    if some:
        yield some


def _write(folder: bytes, name: bytes, value: bytes) -> None:
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(value)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
