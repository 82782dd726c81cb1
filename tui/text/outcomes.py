"""Sentences for the outcome of removing and putting back, for dashboard and commands.

No Textual in here. All texts are harmless, in lower case and without a full stop.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from backends.removal.outcomes import KeyOutcome, OutcomeType
from backends.removal.removals import RemovalResult, RestoreResult
from tui.text.errors import Exit, explain, not_written_down
from tui.text.sanitize import plain

Tone = Literal["good", "warn", "bad"]
Doing = Literal["removed", "put back", "taken out"]
"""The operation on a key, as a participle."""

DONE_AS: dict[str, str] = {
    "unregister": "unregistered",
    "drain": "drained",
    "clean up": "cleaned up",
    "lasting drain": "taken out of discovery",
    "put back": "put back",
}
"""The operation as a participle, by the kind of act."""

_DONE = frozenset({OutcomeType.REMOVED, OutcomeType.PUT_BACK, OutcomeType.LABEL_OFF})
_OF_THE_STORE = frozenset({OutcomeType.NOT_REACHED, OutcomeType.LEFT_OPEN, OutcomeType.NOT_TRIED})
"""Outcomes with the store's reason instead of the key's."""

_WHAT: dict[OutcomeType, str] = {
    OutcomeType.REMOVED: "removed",
    OutcomeType.CHANGED: "changed meanwhile, so it was not removed",
    OutcomeType.GONE: "gone already",
    OutcomeType.LABEL_OFF: "taken out of discovery",
    OutcomeType.LABEL_OFF_ALREADY: "nothing was changed",
    OutcomeType.LABEL_THERE: "nothing was changed",
    OutcomeType.LABEL_CHANGED: "not {doing}",
    OutcomeType.LABEL_NOT_KEPT: "not put back",
    OutcomeType.POD_GONE: "not {doing}",
    OutcomeType.NOT_WRITTEN_DOWN: "not removed, since it could not be written down first",
    OutcomeType.PUT_BACK: "put back",
    OutcomeType.THERE: "not put back",
    OutcomeType.LEASE_GONE: "cannot be put back",
    OutcomeType.UNREAD: "cannot be put back",
    OutcomeType.REFUSED: "not {doing}",
    OutcomeType.NOT_REACHED: "not {doing}",
    OutcomeType.LEFT_OPEN: "whether it was {doing} is not known",
    OutcomeType.NOT_TRIED: "not {doing}, since the store did not answer for other keys before",
}

_REASON: dict[OutcomeType, str] = {
    OutcomeType.THERE: "the key exists again, and nothing is ever overwritten",
    OutcomeType.LEASE_GONE: "its lease has ended, so its worker is gone",
    OutcomeType.UNREAD: "its value was not known when it was removed",
    OutcomeType.LABEL_OFF_ALREADY: "the pod does not have the label any more",
    OutcomeType.LABEL_THERE: "the pod has the label",
    OutcomeType.LABEL_CHANGED: "the label has another value by now",
    OutcomeType.LABEL_NOT_KEPT: (
        "the pod's annotation dyntop/label-off does not name the label any more, so somebody else "
        "has changed it"
    ),
    OutcomeType.POD_GONE: "the pod is gone, or another one has its name",
}


class OutcomeText(msgspec.Struct, frozen=True):
    """The outcome for one key, in words."""

    what: str
    reason: str
    """Empty: none is needed."""
    tone: Tone
    exit_code: Exit
    """The command's exit code. `DONE`: it succeeded."""
    is_shared: bool
    """The reason is the store's and the same for all keys: a command prints it once."""

    @property
    def sentence(self) -> str:
        """Return the outcome with its reason."""
        return f"{self.what}: {self.reason}" if self.reason else self.what


def outcome_text(outcome: KeyOutcome, doing: Doing, store: str) -> OutcomeText:
    """Return the words for an outcome. `store`: the kind of store (`etcd`, `file`, `nats`)."""
    what = _WHAT[outcome.type].format(doing=doing)
    if outcome.error is not None:
        error = explain(outcome.error, store)
        is_shared = outcome.type in _OF_THE_STORE
        return OutcomeText(what, error.sentence, "bad", error.exit_code, is_shared)
    reason = _REASON.get(outcome.type, "")
    if outcome.unread:
        reason += f", since {plain(outcome.unread)}"
    if outcome.type in _DONE:
        return OutcomeText(what, reason, "good", Exit.DONE, False)
    tone: Tone = "bad" if outcome.type is OutcomeType.NOT_WRITTEN_DOWN else "warn"
    return OutcomeText(what, reason, tone, Exit.REFUSED, False)


def audit_text(result: RemovalResult | RestoreResult) -> str | None:
    """Return what is missing in the audit, and why. None: nothing is missing, or no audit is
    kept."""
    if (problem := result.audit_problem) is None:
        return None
    if any(one.type is OutcomeType.NOT_WRITTEN_DOWN for one in result.outcomes.values()):
        return not_written_down(problem)
    where = f"{problem.path}: {problem.reason}"
    return plain(f"the outcome could not be written to the audit ({where})")
