"""Names, values and keys that mean harm, each by what it is: what anybody could write to a store.

Everything here is spelled in ASCII, so that looking at this file is safe.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from tests.support.registered import KeyAndValue

TEXTS: dict[str, str] = {
    "clears the screen": "\x1b[2J\x1b[H\x1b[3J",
    "window title": "\x1b]0;pwned\x07\x1b]2;pwned\x1b\\",
    "clipboard": "\x1b]52;c;cHduZWQ=\x07",
    "asks for the clipboard": "\x1b]52;c;?\x07",
    "hyperlink": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "moves the cursor": "\x1b[5A\x1b[1;1Hx\x1b[s\x1b[u",
    "sixel": '\x1bPq"1;1;9;9#0;2;0;0;0#0~~@@vv@@~~$-\x1b\\',
    "device control": "\x1bP$qm\x1b\\\x1bP+q544e\x1b\\",
    "application command": "\x1b_Gf=24,s=1,v=1;AAAA\x1b\\\x1b^private\x1b\\\x1bXstart\x1b\\",
    "asks the terminal": "\x1b[c\x1b[6n\x1b[>0q\x05",
    "other screen and mouse": "\x1b[?1049l\x1b[?1003h\x1b[?25h\x1bc",
    "other characters": "\x1b(0lqqk\x0e\x0f",
    "C0 controls": "".join(map(chr, range(0x20))) + "\x7f",
    "C1 controls": "".join(map(chr, range(0x80, 0xA0))),
    "C1 sequence": "\x9b2J\x9d0;pwned\x9c\x90q~\x9c",
    "line ends": "a\nb\r\nc\rd\x0be\x0cf\x85g\u2028h\u2029i",
    "overwrites its line": "removed\rkept   \b\b\b\b",
    "direction overrides": "\u202egnp.exe\u202c \u202d\u202a\u202b",
    "direction isolates": "\u2066a\u2067b\u2068c\u2069",
    "direction marks": "\u200e\u200f\u061c",
    "zero width": "a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg\u034fh",
    "invisible letters": "\u3164\u115f\u1160\uffa0\u2800\u17b4\u17b5",
    "invisible operators": "\u2061\u2062\u2063\u2064\u206a\u206f",
    "combining marks in a heap": "Z" + "".join(map(chr, range(0x300, 0x370))) * 4,
    "mark in front": "\u0301\u0489\u20dd",
    "spaces": "a\u00a0b\u1680c\u2003d\u3000e\u205f\u180e",
    "tag characters": "\U0001f3f4\U000e0067\U000e0062\U000e007f\U000e0041",
    "variation selectors": "\u2764\ufe0f \u2764\ufe0e \u845b\U000e0100",
    "joined emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd",
    "flags and keycaps": "\U0001f1e9\U0001f1ea 1\ufe0f\u20e3",
    "wide": "\u6f22\u5b57\u304b\u306a\uff21\uff22\U00020000" * 12,
    "widest": "\ufdfd\u0bf5\u2e3b" * 8,
    "right to left": "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "private and unassigned": "\ue000\U000f0000\U0010ffff\uffff\ufdd0\u0378",
    "clicks": "[@click=app.quit]x[/] [@click=app.bell()]y[/] [on_click=app.exit]",
    "markup": "[bold red reverse]x[/] [$error]y[/] [link=http://evil.example]z[/link]",
    "unbalanced brackets": "[/] [/bold] [[ ]] [ ] [bold",
    "escaped brackets": "\\[bold] \\\\[/] \\",
    "formats": "%s%n%x {0} {} ${HOME} $(reboot) `reboot`",
    "shell and SQL": "'; rm -rf / #\" OR 1=1 --",
    "path upwards": "../../../../../../tmp/evil",
    "path from the root": "//etc/passwd",
    "looks like an escape": "\\x1b[2J \\u202e \\\\",
    "looks like a flag": "--yes",
    "looks like a table": "a  b  \u2502 c \u2026 \u25cf live",
    "spreadsheet formula": '=HYPERLINK("http://evil.example","x")',
    "blank": "   ",
    "null": "null",
    "100 KB": "x" * 100_000,
    "100 KB wide": "\u6f22" * 33_000,
    "100 KB of escapes": "\x1b[2J" * 25_000,
    "100 KB of marks": "e" + "\u0301" * 50_000,
    "100 KB of brackets": "[" * 100_000,
    "100 KB of spaces": " " * 100_000,
    "100 KB of lines": "\n" * 100_000,
}
"""Names and texts. None is empty or has a lone surrogate, which no UTF-8 can hold: see `VALUES`."""

LONG = 10_000
"""Characters from which on a text is a long one."""

PLACE = {"namespace": "ns", "component": "comp", "endpoint": "gen"}
WORKER: dict[str, Any] = {**PLACE, "instance_id": 1}
SCOPE: dict[str, Any] = {"kind": "namespace", "name": "ns"}

BODIES: dict[bytes, dict[str, Any]] = {
    b"v1/instances/ns/comp/gen/1": {"type": "Endpoint", **WORKER, "transport": {"tcp": "h:1/x"}},
    b"v1/mdc/ns/comp/gen/1": {
        "type": "Model",
        **WORKER,
        "card_json": {"display_name": "m", "source_path": "m", "context_length": 8},
    },
    b"v1/mdc/ns/comp/gen/1/lora": {
        "type": "Model",
        **WORKER,
        "model_suffix": "lora",
        "card_json": {"display_name": "m", "source_path": "m", "lora": {"name": "l"}},
    },
    b"v1/event_channels/namespace/ns/topic/t/1": {
        "type": "EventChannel",
        "scope": SCOPE,
        "topic": "t",
        "instance_id": 1,
        "transport": {"kind": "Zmq", "config": {"endpoint": "tcp://127.0.0.1:1"}},
    },
    b"v1/event_sources/namespace/ns/topic/t/1": {
        "type": "EventSource",
        "scope": SCOPE,
        "topic": "t",
        "publisher_id": 1,
        "metadata": {"worker": {"worker_id": 1}},
    },
    b"instances/ns/comp/gen:1": {**WORKER, "transport": {"nats_tcp": "ns.comp.gen-1"}},
    b"models/0d9f": {"name": "m", "endpoint": {**PLACE, "name": "gen"}, "model_type": "Chat"},
    b"mdc/m": {"display_name": "m", "source_path": "m"},
}
"""A sound body for each sort of key: what a field of it may be changed in."""

MANY_DIGITS = b"9" * 5_000
"""More than Python by itself turns into a number, or back into text."""

VALUES: dict[str, bytes] = {
    "empty": b"",
    "NUL": b"\0",
    "NULs in a text": b'{"type":"Endpoint","namespace":"a\\u0000b\0"}',
    "not UTF-8": b"\xff\xfe\x80\xc3\x28\xed\xa0\x80\xf4\x90\x80\x80\xc0\x80",
    "not UTF-8 in a text": b'{"type":"\xff\xfe","namespace":"\xc3\x28"}',
    "raw C1": b"\x9b2J\x9d0;pwned\x9c",
    "raw escapes": b"\x1b[2J\x1b]52;c;cHduZWQ=\x07",
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"type":"Endpoint"}'.encode("utf-16"),
    "lone surrogates": b'{"type":"\\ud800","namespace":"\\udfff\\ud800"}',
    "nested lists": b"[" * 100_000 + b"]" * 100_000,
    "nested lists that never end": b"[" * 100_000,
    "nested objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "nested in a field": b'{"type":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested as deep as can be read": b'{"type":' + b"[" * 150 + b"]" * 150 + b"}",
    "many digits": MANY_DIGITS,
    "many digits for a type": b'{"type":' + MANY_DIGITS + b"}",
    "NaN": b"NaN",
    "NaN in a field": b'{"type":"Endpoint","instance_id":NaN,"transport":-Infinity}',
    "a number too large": b'{"type":1e999,"x":-1e999,"y":1e-999}',
    "a number": b"-0",
    "a text": b'"\\u001b[2J\\u202e"',
    "a list": b"[[],{},null,true]",
    "null": b"null",
    "cut off": b'{"type":"Endpoint","namespace":"n',
    "more than one": b'{"type":"Endpoint"}{"type":"Model"}',
    "comments": b'{"type":"Endpoint" /* x */}',
    "single quotes": b"{'type':'Endpoint'}",
    "empty names": b'{"":"","type":"","namespace":"","component":"","endpoint":""}',
    "names like Python's": b'{"__class__":1,"__proto__":{},"self":1,"entry":1,"model_config":1}',
    "many names": b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(5_000)) + b"}",
    "escapes in names": json.dumps({text: text for text in TEXTS.values()}).encode(),
}
"""Whole values, that are nothing Dynamo writes."""

NUMBERS: dict[str, bytes] = {
    "over u64": b"18446744073709551616",
    "u64": b"18446744073709551615",
    "negative": b"-1",
    "minus nothing": b"-0",
    "a float": b"1.0",
    "a fraction": b"0.5",
    "an exponent": b"1e0",
    "too large for a float": b"1e999",
    "NaN": b"NaN",
    "infinity": b"-Infinity",
    "many digits": MANY_DIGITS,
    "leading zeros": b"01",
    "in quotes": b'"1"',
    "hex": b"0x1",
}
"""What may stand for a number in JSON, or is taken for one by some."""

OTHERS: dict[str, Any] = {
    "null": None,
    "true": True,
    "a number": 7,
    "an empty text": "",
    "a text": "\x1b[31m\u202ex",
    "a list": ["\x1b[31m"],
    "a nested list": [[[["x"]]]],
    "an object": {"\x1b[31m": "[@click=app.quit]"},
    "an empty object": {},
}
"""What may stand in a field where something else belongs."""

KEYS: dict[str, bytes] = {
    "no rest": b"v1/instances/",
    "only slashes": b"v1/instances////",
    "empty names": b"v1/instances///generate/1",
    "NUL": b"v1/instances/ns/a\0b/gen/1",
    "not UTF-8": b"v1/instances/\xff\xfe/comp/gen/1",
    "overlong UTF-8": b"v1/mdc/\xc0\xaf\xe0\x80\xaf/comp/gen/1",
    "half a surrogate": b"v1/instances/\xed\xa0\x80/comp/gen/1",
    "raw C1": b"v1/instances/\x9b2J/comp/gen/1",
    "escapes": b"v1/instances/\x1b[2J\x1b]52;c;cHduZWQ=\x07/comp/gen/1",
    "backslashes": b"v1/instances/a\\x41\\\\/comp/gen/1",
    "backslash and a bad byte": b"v1/instances/\\xff\xff/comp/gen/1",
    "line end": b"v1/instances/a\nv1/instances/b/comp/gen/1",
    "ends in a line end": b"v1/instances/ns/comp/gen/1\n",
    "ends in a space": b"v1/instances/ns/comp/gen/1 ",
    "upper case id": b"v1/instances/ns/comp/gen/AB",
    "lower case id": b"v1/instances/ns/comp/gen/ab",
    "leading zeros": b"v1/instances/ns/comp/gen/00ab",
    "one zero more": b"v1/instances/ns/comp/gen/000ab",
    "id of zero": b"v1/instances/ns/comp/gen/0",
    "zeros": b"v1/instances/ns/comp/gen/0000",
    "id over u64": b"v1/instances/ns/comp/gen/10000000000000000",
    "id below nothing": b"v1/instances/ns/comp/gen/-1",
    "id with a prefix": b"v1/instances/ns/comp/gen/0xab",
    "id with a sign": b"v1/instances/ns/comp/gen/+ab",
    "id with an underscore": b"v1/instances/ns/comp/gen/a_b",
    "id of other digits": "v1/instances/ns/comp/gen/\u0661\uff11".encode(),
    "100 KB of zeros": b"v1/instances/ns/comp/gen/" + b"0" * 100_000 + b"z",
    "composed": "v1/instances/\u00e9/comp/gen/1".encode(),
    "decomposed": "v1/instances/e\u0301/comp/gen/1".encode(),
    "upwards": b"v1/instances/../../../../tmp/evil",
    "upwards in the bucket": b"v1/../../../tmp/evil",
    "dots": b"v1/instances/./../.",
    "from the root": b"v1//etc/passwd",
    "looks like an escaped name": b"v1/instances/./ns%2Fcomp%2Fgen%2F1",
    "percent": b"v1/event_channels/namespace/%1B%5B2J/topic/%2E%2E%2F/1",
    "percent, not UTF-8": b"v1/event_channels/namespace/%FF%C3/topic/t/1",
    "percent, lower case": b"v1/event_channels/namespace/n%2ds/topic/t/1",
    "percent, needless": b"v1/event_channels/namespace/%6E%73/topic/t/1",
    "percent, cut off": b"v1/event_channels/namespace/n%/topic/t%1/1",
    "percent, two times": b"v1/event_sources/namespace/%251B/topic/t/1",
    "label for a name": b"v1/event_channels/namespace/topic/topic/topic/1",
    "many labels": b"v1/event_channels/" + b"namespace/ns/" * 5_000 + b"1",
    "old, many colons": b"instances/ns/comp/gen:::1",
    "old, only a colon": b"instances/ns/comp/:",
    "old, no name": b"models/",
    "unknown bucket": b"v1/\x1b[2J/x",
    "only the root": b"v1/",
    "flag": b"v1/--yes",
    "100 KB": b"v1/instances/" + b"x" * 100_000 + b"/comp/gen/1",
    "100 KB of slashes": b"v1/mdc/" + b"/" * 100_000,
    "100 KB, not UTF-8": b"v1/instances/" + b"\xff" * 100_000 + b"/comp/gen/1",
    "100 KB of percents": b"v1/event_channels/namespace/" + b"%FF" * 33_000 + b"/topic/t/1",
}
"""Keys below what dyntop reads, that Dynamo would not write, or that are easily taken for another
one."""


@cache
def everything() -> dict[str, KeyAndValue]:
    """All records of the corpus, each by what it is. No two have the same key."""
    found: dict[str, KeyAndValue] = {}
    for name, (key, value) in _all():
        assert name not in found, name
        found[name] = (key, value)
    assert len({key for key, _ in found.values()}) == len(found)
    return found


def named(text: str) -> list[KeyAndValue]:
    """A record of every kind, with this text for each of its names and texts; of a long one only
    for the first of them, so that an etcd takes it."""
    short = text[:20] if len(text) >= LONG else text
    raw, few = (name.encode().replace(b"/", b"|") for name in (text, short))
    percent, little = (_percent(name) for name in (text, short))
    worker = {"namespace": text, "component": short, "endpoint": short, "instance_id": 1}
    card = {"display_name": text, "source_path": short, "model_type": short, "worker_type": short}
    scoped = {"scope": {"kind": "namespace", "name": text}, "topic": short}
    place = b"/".join([raw, few, few, b"1"])
    scope = b"namespace/" + percent + b"/topic/" + little
    config = {"kind": short, "config": {short: short}}
    adapter = card | {"lora": {"name": text}}
    return [
        _put(b"v1/instances/" + place, {"type": "Endpoint", **worker, "transport": {short: text}}),
        _put(b"v1/mdc/" + place, {"type": "Model", **worker, "card_json": card}),
        _put(b"v1/mdc/" + place + b"/" + few, {"type": "Model", **worker, "card_json": adapter}),
        _put(
            b"v1/event_channels/" + scope + b"/2",
            {"type": "EventChannel", **scoped, "instance_id": 2, "transport": config},
        ),
        _put(
            b"v1/event_sources/" + scope + b"/2",
            {"type": "EventSource", **scoped, "publisher_id": 2, "metadata": {short: short}},
        ),
        (b"v1/instances/" + raw, raw),
        (b"v1/" + raw + b"/x", raw),
    ]


def another_sort(key: bytes) -> dict[str, bytes]:
    """Values for a key: sound but for one field, by which and what it is."""
    body = BODIES[key]
    found: dict[str, bytes] = {}
    for path in _paths(body):
        where = ".".join(path)
        for what, other in OTHERS.items():
            found[f"{where} is {what}"] = json.dumps(_with(body, path, other)).encode()
        found[f"no {where}"] = json.dumps(_without(body, path)).encode()
        marked = json.dumps(_with(body, path, "<HERE>")).encode()
        for what, number in NUMBERS.items():
            found[f"{where} is {what} as a number"] = marked.replace(b'"<HERE>"', number)
    sound = json.dumps(body).encode()
    found["names twice"] = sound[:-1] + b"," + sound[1:]
    other = {"namespace": "other", "topic": "other", "instance_id": 2, "display_name": "other"}
    found["names twice, otherwise"] = json.dumps(body | other).encode()[:-1] + b"," + sound[1:]
    found["claims to be another"] = json.dumps(
        {**body, **(other if "namespace" in body else {"publisher_id": 2, "instance_id": 2})}
    ).encode()
    return found


def _all() -> Iterator[tuple[str, KeyAndValue]]:
    for name, text in TEXTS.items():
        for number, registered in enumerate(named(text)):
            yield f"{name}: {number}", registered
    for name, key in KEYS.items():
        yield f"key: {name}", (key, b'{"type":"Endpoint"}')
    for number, (name, value) in enumerate(VALUES.items()):
        for bucket in (b"instances/ns/comp/gen", b"mdc/ns/comp/gen", b"claims"):
            key = b"v1/%s/%x" % (bucket, 0x1000 + number)
            yield f"{bucket.decode()}: {name}", (key, value)


def _percent(name: str) -> bytes:
    return "".join(["%" * bool(name), name.encode().hex("%").upper()]).encode()


def _put(key: bytes, body: Mapping[str, Any]) -> KeyAndValue:
    return key, json.dumps(body).encode()


def _paths(body: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, value in body.items():
        yield (name,)
        if isinstance(value, dict):
            yield from ((name, *path) for path in _paths(value))


def _with(body: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    name, *rest = path
    return {**body, name: _with(body[name], tuple(rest), value) if rest else value}


def _without(body: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    name, *rest = path
    if rest:
        return {**body, name: _without(body[name], tuple(rest))}
    return {label: value for label, value in body.items() if label != name}
