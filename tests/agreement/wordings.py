"""What the words of a statement mean."""

from __future__ import annotations

import re

from backends.liveness.judge import Verdict
from tests.agreement.statements import Statements
from tui.text.format import NOTHING, STATES
from tui.text.owner import READINESS

BY_WORD = {state.word: verdict for verdict, state in STATES.items()}
BY_WORD |= {state.brief: verdict for verdict, state in STATES.items() if state.brief}
BY_READINESS = {words: readiness for readiness, words in READINESS.items()}
FINDING = {state.glyph for verdict, state in STATES.items()} - {
    STATES[Verdict.LIVE].glyph,
    STATES[Verdict.UNKNOWN].glyph,
}


def state_stated(said: Statements, key: bytes, text: str, where: str) -> None:
    """`● live`."""
    glyph, _, word = text.partition(" ")
    verdict = BY_WORD[word]
    assert STATES[verdict].glyph == glyph, text
    said.add(("verdict", key), verdict.value, where)


def is_finding(text: str) -> bool:
    return glyph(text) in FINDING


def known(cell: str) -> str | None:
    """What a cell says, if it is known."""
    return None if cell == NOTHING else cell


def glyph(text: str) -> str:
    return text[0]


def to_int(text: str) -> int:
    return int(text.replace(",", ""))


def worker_named(text: str) -> str:
    return "unknown" if text.startswith("unknown") else text


def undated(evidence: str) -> str:
    return re.sub(r" +\((now|\d+[smhd] ago)\)$", "", evidence)


def short_age(seen: str) -> str:
    """`>4s`, of `for more than 4s`."""
    return seen.removeprefix("for ").replace("more than ", ">")


def figures(text: str) -> str:
    """`1–2/3` of `1 to 2 of 3`."""
    return text.replace(" to ", "–").replace(" of ", "/")


def timeless(evidence: str) -> str:
    """A sentence without the seconds that go on."""
    evidence = re.sub(r"has \d+ of", "has N of", evidence)
    # A command that looks once knows of nothing for how long it is there.
    evidence = re.sub(r" \(for more than \d+ s\)", "", evidence)
    return re.sub(r"\d+ s ago", "N s ago", evidence)
