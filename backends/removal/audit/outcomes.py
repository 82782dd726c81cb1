"""How the audit spells what came of a key."""

from __future__ import annotations

from backends.removal.audit.text import as_text
from backends.removal.outcomes import KeyOutcome, OutcomeType

NOT_DONE = "not done"
"""The store would not, or could not be asked."""
NOT_KNOWN = "not known"
"""The store was asked for it, or for others before it, and did not answer."""


def spell_outcome(outcome: KeyOutcome) -> tuple[str, str]:
    """Return an outcome as the audit has it, and what the store said if it failed, else nothing.

    Earlier builds read the same words, so that a new type needs no new one.
    """
    if outcome.error is None:
        return outcome.type.value, ""
    left_open = outcome.type is OutcomeType.LEFT_OPEN
    return NOT_KNOWN if left_open else NOT_DONE, as_text(str(outcome.error))
