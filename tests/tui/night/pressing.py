"""Press what the documents say of a task, and count it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.docs.documents import ROOT, table
from tests.support.operating import Operator

NAMES = {
    ":": "colon",
    "/": "slash",
    "*": "asterisk",
    "Enter": "enter",
    "Esc": "escape",
    "→": "right",
    "space": "space",
}
"""Keys as the documents spell them, and as Textual does. A single letter or digit is itself."""
DOCUMENT = ROOT / "docs" / "how-to" / "five-tasks.md"
HEADING = "Five tasks at night, in five keys each"


def keys_of(task: int) -> list[str]:
    """Return what is pressed and typed for a task, in order."""
    _, keys, _ = table(DOCUMENT, HEADING)[task]
    return re.findall(r"`([^`]+)`", keys)


async def perform(operator: Operator, task: int, names: Mapping[str, str]) -> int:
    """Press and type what the document says of a task. `names` stand for its words in capitals.
    Returns how many keys were pressed, typing aside."""
    pressed = 0
    for one in keys_of(task):
        if one in NAMES or len(one) == 1:
            await operator.press(NAMES.get(one, one))
            pressed += 1
        else:
            await operator.type(re.sub(r"[A-Z]{2,}", lambda word: names[word[0]], one))
    return pressed
