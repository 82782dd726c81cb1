"""A word that is completed is read as that one word: by bash itself, in whatever quotes."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tui.cli.completion.quoting import (
    for_bash,
    for_zsh,
    is_ascii_to_quote,
    is_for_fish,
    is_plain,
    typed_in_bash,
)

QUOTES = ["", "'", '"']

SIGNS = " $`;'\"\\*!{}[]()<>|&#~^?=:,.-_/@%+aé小"

COMMAND = "touch ran"
"""Makes a file where it is run."""

RUNS = [f"$({COMMAND})", f"`{COMMAND}`", f";{COMMAND};", f"&{COMMAND}&", f"'\"$({COMMAND})"]

NAMES = [
    *(f"a{sign}" for sign in SIGNS),
    *(f"{sign}a" for sign in SIGNS),
    *(f"{sign}{sign}" for sign in SIGNS),
    *(f"x{one}y" for one in RUNS),
    *(f"\\{one}" for one in RUNS),
    *(f"{quote};{COMMAND};{quote}" for quote in QUOTES),
    SIGNS,
]


def names(count: int) -> list[str]:
    """Return each of `NAMES`, and others of the same signs."""
    draw = random.Random(20)
    return NAMES + ["".join(draw.choices(SIGNS, k=draw.randint(1, 12))) for _ in range(count)]


def read_by_bash(script: str, folder: Path) -> list[str]:
    """Return what an interactive bash prints, up to each NUL, for lines that are typed."""
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    done = subprocess.run(
        ["bash", "--norc", "--noprofile", "-i"],
        input=script,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HISTFILE": "/dev/null"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        start_new_session=True,
    )
    return done.stdout.split("\0")[:-1]


def put(line: str, word: str, quote: str) -> str:
    """Put a completion behind a line, as bash does in quotes that are open: the opening one is not
    doubled, and the closing one is added if the word does not end with it."""
    if not quote:
        return line + word
    if word.startswith(quote):
        line = line.removesuffix(quote)
    return f"{line}{word}{'' if word.endswith(quote) else quote}"


@pytest.mark.parametrize("quote", QUOTES)
def test_bash_reads_a_completed_word_as_the_name(quote: str, tmp_path: Path) -> None:
    wanted = names(300)
    line = f"printf '%s\\0' {quote}"
    lines = [put(line, for_bash([name], line, "")[0], quote) for name in wanted]
    assert read_by_bash("\n".join([*lines, ""]), tmp_path) == wanted
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("quote", QUOTES)
@pytest.mark.parametrize("typed_with", ["'", "\\", "itself"])
def test_what_was_typed_is_gone_on_from(quote: str, typed_with: str, tmp_path: Path) -> None:
    lines, wanted, draw = [], names(200), random.Random(7)
    for name in wanted:
        start = name[: draw.randint(0, len(name))]
        if typed_with == "'":
            typed = "'" + start.replace("'", "'\\''") + "'"
        elif typed_with == "\\":
            typed = "".join(char if is_plain(char) else f"\\{char}" for char in start)
        else:
            typed = for_bash([start], "", "")[0]
        line = f"printf '%s\\0' {typed}{quote}"
        assert typed_in_bash(line) == (start, quote, True)
        lines.append(put(line, for_bash([name], line, "")[0], quote))
    assert read_by_bash("\n".join([*lines, ""]), tmp_path) == wanted
    assert [*tmp_path.iterdir()] == []


def test_bash_replaces_only_the_end_of_a_word() -> None:
    assert for_bash(["--model=a b"], "dyntop check --model=a", "a") == ["a\\ b"]
    assert for_bash(["a:b c", "a:d", "x"], "dyntop show a:", "") == ["b\\ c", "d"]
    assert for_bash(["a b"], "dyntop show a\\", "a\\") == ["a\\ b"]
    assert for_bash(["a b"], "dyntop show a", "other") == []


@pytest.mark.parametrize(
    "before",
    ["`date` ", "$(date) ", '"$(date)" ', "${x} ", "$'\\'' ", '$"x" ', "!! ", '"! " ', "$x:", "$x"],
)
def test_nothing_is_quoted_for_bash_where_the_quotes_are_not_sure(before: str) -> None:
    text = typed_in_bash(before).text
    assert for_bash([f"{text}a b", f"{text}`x`"], f"dyntop show {before}", "") == []
    if not text:
        assert for_bash(["ab", "a b"], f"dyntop show {before}", "") == ["ab"]


def test_a_variable_in_another_word_is_sure() -> None:
    assert for_bash(["a b"], 'dyntop --file-store "$HOME"/kv show ', "") == ["a\\ b"]


@pytest.mark.parametrize("name", ["acme/tiny-llm", "模型/小", "a_1.5:x@y+z,w%=", "ns/c/e"])
@pytest.mark.parametrize("quote", QUOTES)
def test_a_plain_name_is_written_as_it_is(name: str, quote: str) -> None:
    assert is_plain(name)
    assert for_bash([name], f"dyntop show {quote}", "") == [name]


def test_only_ascii_is_quoted_where_a_shell_does_not_read_utf8() -> None:
    assert [*filter(is_ascii_to_quote, ["模型", "a b", "模 型", "é$x"])] == ["模型", "a b"]


def test_zsh_takes_off_what_is_put_before_a_backslash_and_a_colon() -> None:
    assert for_zsh("a\\b:c d$'`") == "a\\\\b\\:c d$'`"


def test_fish_does_not_quote_a_tilde_in_front() -> None:
    assert [*filter(is_for_fish, ["~root", "~", "a~", "$x", "--log=~x"])] == [
        "a~",
        "$x",
        "--log=~x",
    ]
