"""Write and read the audit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from backends.removal.audit.disk import AuditFailed, make_folder, translated
from backends.removal.audit.file import KEPT, ROTATE_AT, AppendedFile, Lock
from backends.removal.audit.location import NO_HOME
from backends.removal.audit.operation import Item, Operation, OperationKind, as_text, new_id
from backends.removal.audit.trail import Trail, trail_of
from backends.removal.outcomes import KeyOutcome

# Lines are imported with the first that is written or read: with pydantic, most runs need neither.

TAIL = 1024 * 1024
"""Bytes at the end of the audit with the acts of the last minutes: some 300 cards, 20 ms to
read."""


class Audit:
    """The audit at `path`. `clock`: POSIX seconds. `user`, `host`: the author of acts, and the
    machine.

    A file that would grow over `rotate_at` bytes is put away, and `kept` (at least one) of those
    are kept. Several processes may use it at once; `lock` is shared by all of them. `latest_acts`
    reads the last `tail` bytes.

    Every method but `problem` may raise `AuditFailed`. All raise it for a relative path, which
    would depend on the folder that dyntop is started from.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float],
        user: str,
        host: str,
        rotate_at: int = ROTATE_AT,
        kept: int = KEPT,
        tail: int = TAIL,
        lock: Lock | None = None,
    ) -> None:
        self.path = path
        self.clock = clock
        self._user = user
        self._host = host
        self._file = AppendedFile(path, rotate_at, kept)
        self._lock = Lock(path.absolute()) if lock is None else lock
        self._tail = tail
        self._latest: tuple[Operation, ...] = ()
        self._latest_state: tuple[int, ...] = ()

    def problem(self) -> AuditFailed | None:
        """Return why the audit cannot be written, by permissions. None: it can. Changes nothing."""
        if not self.path.is_absolute():
            return self._nowhere()
        try:
            there = next(one for one in (self.path, *self.path.parents) if _exists(one))
        except OSError as error:
            # A folder that this user may not enter, or a name that is too long.
            return AuditFailed(self.path, (error.strerror or "cannot be found").lower())
        needed = os.W_OK if there == self.path else os.W_OK | os.X_OK
        if os.access(there, needed, effective_ids=os.access in os.supports_effective_ids):
            return None
        return AuditFailed(there, "cannot be written")

    def begin(
        self, kind: OperationKind, store: str, address: str, items: Sequence[Item]
    ) -> Operation:
        """Write a removal that is about to happen. It is on the disk when this returns."""
        from backends.removal.audit import lines

        with self._writing():
            at = self.clock()
            act = Operation(
                new_id(at, self._ids()),
                at,
                kind,
                as_text(store),
                as_text(address),
                as_text(self._user),
                as_text(self._host),
                tuple(items),
            )
            self._file.append(lines.removing(act))
        return act

    def finish(self, act: Operation, outcomes: Mapping[bytes, KeyOutcome]) -> None:
        """Write the outcomes of an act, by key."""
        from backends.removal.audit import lines

        line = lines.outcome(act, self.clock(), outcomes)
        with self._writing():
            self._file.append(line)

    def put_back(self, act: Operation, outcomes: Mapping[bytes, KeyOutcome]) -> None:
        """Write the outcomes of putting items of an act back, by key."""
        from backends.removal.audit import lines

        line = lines.restored(act, self.clock(), self._user, self._host, outcomes)
        with self._writing():
            self._file.append(line)

    def read(self) -> Trail:
        """Return all acts in the files kept. No file: an empty trail. Writes nothing."""
        self._check()
        with translated(self.path), self._lock.for_reading():
            contents = list(self._file.contents())
        return trail_of(line for content in contents for line in content.split(b"\n") if line)

    def acts(self) -> list[Operation]:
        """Return all acts, oldest first."""
        return list(self.read().acts)

    def latest_acts(self) -> Sequence[Operation]:
        """Return the acts in the last `tail` bytes of the current file, oldest first. Reads the
        file only if it changed since the last call."""
        self._check()
        with translated(self.path), self._lock.for_reading():
            state = self._file.state()
            if state != self._latest_state:
                tail = self._file.tail(self._tail)
                lines = (line for line in tail.split(b"\n") if line)
                self._latest, self._latest_state = trail_of(lines).acts, state
        return self._latest

    def find(self, wanted: str) -> Operation | None:
        """Return the act of an id; for `ID.N` with that item only. None: there is none."""
        parts = (act.part(wanted) for act in self.acts())
        return next((part for part in parts if part is not None), None)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._check()
        with translated(self.path):
            make_folder(self.path.parent)
            with self._lock.for_writing():
                yield

    def _check(self) -> None:
        if not self.path.is_absolute():
            raise self._nowhere()

    def _nowhere(self) -> AuditFailed:
        if self.path.parts[:1] == (NO_HOME,):
            return AuditFailed(self.path, "this user has no home")
        return AuditFailed(self.path, "not an absolute path")

    def _ids(self) -> set[str]:
        """Return the ids of all acts kept. Reads all files: some 30 ms at their largest."""
        from backends.removal.audit import lines

        found: set[str] = set()
        for content in self._file.contents():
            found |= lines.ids_in(content)
        return found


def _exists(path: Path) -> bool:
    """Return whether there is a file or folder. Raises `OSError` where that cannot be known, which
    `Path.exists` does in some releases of Python only."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
