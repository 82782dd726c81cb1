"""Why a record went, in one to three words, where there is no room for `reasons`. No Textual.

`?` behind a word: it was that, or something else that the store does not tell apart from it.
Untrusted text is not escaped yet.
"""

from __future__ import annotations

from backends.discovery.reasons import Reason, ReasonKind
from backends.store.owner import Readiness
from tui.text.short import forms
from tui.text.short.evidence_words import readiness_words


def reason_words(reason: Reason | None) -> tuple[str, ...]:
    """Return shorter and shorter forms of a reason. Empty: it is not known."""
    if reason is None:
        return ()
    match reason.kind:
        case ReasonKind.ANOTHER_DYNTOP:
            return forms(f"by {reason.user}@{reason.host}", f"by {reason.user}", "by dyntop")
        case ReasonKind.POD_WARNING:
            times = f" ×{reason.times:,}" if reason.times > 1 else ""
            return forms(f"{reason.warning}{times}", reason.warning, "pod warning", "warning")
        case ReasonKind.NOT_READY if reason.readiness:
            return readiness_words(Readiness(reason.readiness))
    return _WORDS.get(reason.kind, ())


_WORDS: dict[ReasonKind, tuple[str, ...]] = {
    ReasonKind.THIS_DYNTOP: ("by this dyntop", "by dyntop"),
    ReasonKind.PERHAPS_THIS_DYNTOP: ("perhaps by dyntop", "by dyntop?"),
    ReasonKind.STOPPED: ("stopped in order", "stopped"),
    ReasonKind.REVOKED: ("lease revoked", "revoked"),
    ReasonKind.RAN_OUT: ("lease ran out", "ran out"),
    ReasonKind.LEASE_ENDED: ("lease ended",),
    ReasonKind.LORA_UNLOADED: ("unloaded, or its card deleted", "unloaded or deleted", "unloaded?"),
    ReasonKind.CHANNEL_DROPPED: ("dropped by its owner", "dropped"),
    ReasonKind.DELETED: ("drained, deleted or stopping", "drained or stopping", "drained?"),
    ReasonKind.SWEPT: ("swept by another", "swept"),
    ReasonKind.ALL_REMOVED: ("stopped",),
    ReasonKind.DELETED_ALONE: ("drained, deleted or stopping", "drained or stopping", "drained?"),
    ReasonKind.REMOVED: ("removed early", "removed"),
    ReasonKind.NO_LEASE: ("deleted",),
    ReasonKind.NOT_KEPT_ALIVE: ("removed or ran out", "removed?"),
    ReasonKind.OBJECT_DELETED: ("object was deleted", "object gone"),
    ReasonKind.POD_ENDED: ("its pod ended", "pod ended"),
    ReasonKind.SHUT_DOWN: ("shut down, or removed by hand", "shut down or removed", "shut down?"),
    ReasonKind.ENTRY_REMOVED: ("removed from object", "removed"),
    ReasonKind.READY: ("ready again", "ready"),
    ReasonKind.NOT_READY: ("not ready",),
    ReasonKind.TAKEN_OUT: ("label taken off", "label off"),
    ReasonKind.LABEL_BACK: ("label is back", "label back"),
    ReasonKind.RESTARTED: ("container restarted", "restarted"),
    ReasonKind.POD_ENDING: ("pod is ending", "pod ending"),
    ReasonKind.POD_GONE: ("pod is gone", "pod gone"),
    ReasonKind.POD_REPLACED: ("pod was replaced", "replaced"),
    ReasonKind.BEFORE_START: ("before the start", "earlier"),
    ReasonKind.IN_THE_PAST: ("reason not known", "not known"),
    ReasonKind.NEW_LEASE: ("registered again", "replaced"),
    ReasonKind.GAP: ("in a gap",),
}
