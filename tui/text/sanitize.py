"""The border between untrusted text and a terminal: its output is plain text.

Other processes write the names and values in a store. Control characters, escape sequences,
direction overrides and invisible characters become visible escapes. Markup passes: widgets must not
interpret any.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from rich.cells import cell_len, get_character_cell_size

from backends.dynamo import keys

MARKS_IN_A_ROW = 3
"""Zero-width marks that may follow one character. Vietnamese stacks two and Hebrew three; taller
stacks are drawn over the lines above and below."""

ELLIPSIS = "…"
LEAST_FOR_BOTH_ENDS = 12
"""Columns from which a clipped text also shows its end."""

TAIL = 8
"""Columns kept of a name's end: the operator's hash of a generation."""
LEAST_LONG, LEAST_SHORT = 10, 4
"""Columns kept of a path's last name, if it is that long: before the namespace is left out, and
after."""
LONGEST_PATH = 4_096
"""Characters from which a path is cut like any text."""

# Printable by Unicode, yet invisible, or of a width that terminals disagree on: a joiner, fillers,
# variation selectors.
_NEVER = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(
    map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)


def plain(text: str) -> str:
    """Return `text` with all that is not plainly visible as `\\xNN`, `\\uNNNN` or `\\UNNNNNNNN`.

    Escaped: C0 and C1 controls (line ends too), DEL, direction marks and overrides, zero-width
    characters, any space but U+0020, private and unassigned characters, lone surrogates, combining
    marks at the start or in heaps. A backslash stays. Idempotent.
    """
    return _escaped(text, _code_point)


def plain_key(key: bytes, *, ascii_only: bool = False) -> str:
    """Return a key as one harmless line that `keys.unspell` (so `dyntop unregister`) reads back.

    It is `keys.spell`, with the characters that `plain` would escape spelled byte by byte as
    `\\xNN`. `ascii_only`: all that is not ASCII too.
    """
    text = keys.spell(key)
    if ascii_only and not text.isascii():
        text = "".join(char if char.isascii() else _utf8_bytes(char) for char in text)
    return _escaped(text, _utf8_bytes)


def clip(text: str, cells: int) -> str:
    """Return `text` made plain and cut to `cells` columns, with `…` for the rest.

    Takes time for the visible part only: names may be 100 KB long.
    """
    if cells <= 0:
        return ""
    # After `plain` at most this many characters share one column.
    within = (cells + 1) * (1 + MARKS_IN_A_ROW)
    shown = plain(text[:within])
    if len(text) <= within and width(shown) <= cells:
        return shown
    used, end = 0, 0
    for char in shown:
        used += get_character_cell_size(char)
        if used > cells - 1:
            break
        end += 1
    return shown[:end] + ELLIPSIS


def clip_middle(text: str, cells: int) -> str:
    """Clip in the middle: the end of a path matters as much as its start.

    With hardly any room it is `clip`.
    """
    clipped = clip(text, cells)
    if cells < LEAST_FOR_BOTH_ENDS or not clipped.endswith(ELLIPSIS) or len(text) <= len(clipped):
        return clipped
    tail = _end(text, cells // 2)
    return clip(text, cells - width(tail)) + tail


def _end(text: str, cells: int) -> str:
    """Return the end of a text that fits into `cells`, made plain."""
    tail, used = "", 0
    for char in reversed(plain(text[-(cells + 1) * (1 + MARKS_IN_A_ROW) :])):
        used += get_character_cell_size(char)
        if used > cells:
            break
        tail = char + tail
    # A mark must not end up on the ellipsis.
    while tail and not get_character_cell_size(tail[0]):
        tail = tail[1:]
    return tail


def clip_start(text: str, cells: int) -> str:
    """Clip at the start: keep as much of the end as `cells` hold, after `…`."""
    clipped = clip(text, cells)
    if not clipped.endswith(ELLIPSIS) or len(text) <= len(clipped):
        return clipped
    return ELLIPSIS + _end(text, cells - 1)


def clip_path(path: str, cells: int) -> str:
    """Clip a path from the left, but keep what differs in long paths as long as there is room: its
    last two names, and the end of the namespace before, where generations of a deployment differ.

    Of a model's name the part before the slash goes first. With hardly any room it is
    `clip_middle`.
    """
    # A list of paths is no path.
    if len(path) >= LONGEST_PATH or ", " in path or "/" not in path:
        return clip_middle(path, cells)
    before, *names = path.rsplit("/", 2)
    sizes = [width(plain(name)) for name in (before, *names)]
    lack = sum(sizes) + len(names) - cells
    if lack <= 0:
        return clip_middle(path, cells)
    last = len(sizes) - 1
    for place, least in ((0, TAIL + 1), (last, LEAST_LONG), (0, 1), (last, LEAST_SHORT)):
        # Of two names the last is the component or model, which is cut last.
        if place and last == 1:
            continue
        given = max(0, min(lack, sizes[place] - least))
        sizes[place] -= given
        lack -= given
    if lack > 0:
        rest = "/".join(names)
        return clip_middle(rest if width(plain(rest)) > cells else path, cells)
    start, *cut = sizes
    # Generations differ at the end, deployments of one model often at the start.
    begin = clip_name if start >= LEAST_FOR_BOTH_ENDS else clip_start
    shown = [begin(before, start), *map(clip_middle, names, cut)]
    return "/".join(shown)


def clip_host(host: str, cells: int) -> str:
    """Clip the name of a host so that its first part stays, where hosts of one domain differ: with
    little room the start and end of that part. An address is clipped by `clip_middle`."""
    first, dot, _ = host.partition(".")
    is_name = dot and not first.isdigit() and not ({":", ",", "/"} & set(host[:LONGEST_PATH]))
    if not is_name or len(host) > LONGEST_PATH or cells < LEAST_FOR_BOTH_ENDS:
        return clip_middle(host, cells)
    shown = plain(first)
    return clip(host, cells) if width(shown) < cells else clip_middle(shown + ELLIPSIS, cells)


def clip_name(name: str, cells: int) -> str:
    """Clip in the middle, but keep the last `TAIL` columns if there is some room: generations of a
    deployment differ there."""
    half = clip_middle(name, cells)
    if cells < LEAST_LONG or cells // 2 >= TAIL or not name.isascii() or half == plain(name):
        return half
    return clip(name, cells - TAIL) + name[-TAIL:] if name.isprintable() else half


def clip_key(key: bytes, most: int) -> str:
    """Return `plain_key`. Of a key with more than `most` bytes: start, end, and the number of bytes
    between."""
    if len(key) <= most:
        return plain_key(key)
    half = most // 2
    between = len(key) - 2 * half
    return f"{plain_key(key[:half])}… {between:,} bytes …{plain_key(key[-half:])}"


def hard_wrapped(text: str, cells: int) -> list[str]:
    """Cut a plain text into lines of at most `cells` columns (at least two), each as full as it can
    be, regardless of words. At least one line."""
    cells = max(2, cells)
    if text.isascii():
        return [text[start : start + cells] for start in range(0, len(text), cells)] or [""]
    lines, start, used = [], 0, 0
    for end, char in enumerate(text):
        size = get_character_cell_size(char)
        if used + size > cells:
            lines.append(text[start:end])
            start, used = end, 0
        used += size
    return [*lines, text[start:]]


def width(text: str) -> int:
    """Return how many columns a plain text takes."""
    return len(text) if text.isascii() else cell_len(text)


def _escaped(text: str, escape: Callable[[str], str]) -> str:
    if text.isascii():
        return text if text.isprintable() else text.translate(_ASCII_CONTROLS)
    shown = []
    # As if marks preceded it: at the start, a mark would be drawn on the text to its left.
    marks = MARKS_IN_A_ROW
    for char in text:
        if char in _NEVER or not char.isprintable():
            char = escape(char)
            marks = 0
        elif char.isascii() or get_character_cell_size(char):
            marks = 0
        elif marks < MARKS_IN_A_ROW:
            marks += 1
        else:
            char = escape(char)
        shown.append(char)
    return "".join(shown)


# Names may be 100 KB of the same few characters.
@lru_cache(maxsize=1024)
def _code_point(char: str) -> str:
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


@lru_cache(maxsize=1024)
def _utf8_bytes(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode())


_ASCII_CONTROLS = {code: _code_point(chr(code)) for code in (*range(0x20), 0x7F)}
"""Both ways to escape use it."""
