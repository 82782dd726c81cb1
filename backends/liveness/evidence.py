"""A verdict with its evidence."""

from __future__ import annotations

import msgspec

from backends.liveness.evidence_kinds import EvidenceKind, Values
from backends.liveness.judge import Verdict
from backends.liveness.routing import Routing
from backends.liveness.sentences import sentence
from backends.redact import printable


class Evidence(msgspec.Struct, frozen=True):
    """One piece of evidence: a kind, the time at which it was so, and values."""

    values: Values
    at: float
    """POSIX seconds."""

    @property
    def kind(self) -> EvidenceKind:
        """The kind of evidence: the type of its values."""
        return self.values.kind

    @property
    def text(self) -> str:
        """Return it as a sentence without its full stop; may hold untrusted text."""
        return sentence(self.values)

    def __str__(self) -> str:
        """Return the sentence in one line. Control characters are escaped."""
        return printable(self.text)


class Assessment(msgspec.Struct, frozen=True):
    """A verdict with its evidence; the piece that decided it comes first."""

    verdict: Verdict
    evidence: tuple[Evidence, ...]
    routing: Routing | None = None
    """Of a card: whether a request reaches its worker. None: it is not known."""

    def __str__(self) -> str:
        """Return one line: the verdict, and the piece that decided it. Control characters are
        escaped."""
        reason = f" ({self.evidence[0]})" if self.evidence else ""
        return f"{self.verdict.value}{reason}"
