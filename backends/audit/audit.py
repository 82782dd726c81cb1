"""Writing down and reading what was removed by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from backends.audit import lines
from backends.audit.act import Act, ActKind, Item
from backends.audit.disk import make_folder
from backends.audit.errors import AuditFailed, translated
from backends.audit.file import KEPT, ROTATE_AT, AppendedFile
from backends.audit.ids import ids_in, new_id
from backends.audit.lock import Lock
from backends.audit.text import as_text
from backends.audit.trail import Trail, trail_of
from backends.store import Outcome, PutBack, StoreError


class Audit:
    """The audit at `path`. `clock` gives POSIX seconds; `user` and `host` say who acts, and where.

    A file that would grow over `rotate_at` bytes is put away, and `kept` (at least one) of those
    are kept. Several processes may use it at once.

    Every method may raise `AuditFailed`; so does making one at a path that is not absolute, which
    would be in whatever folder dyntop happens to be started from.
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
    ) -> None:
        if not path.is_absolute():
            raise AuditFailed(path, "not an absolute path")
        self.path = path
        self.clock = clock
        self._user = user
        self._host = host
        self._file = AppendedFile(path, rotate_at, kept)
        self._lock = Lock(path)

    def begin(self, kind: ActKind, store: str, address: str, items: Sequence[Item]) -> Act:
        """Write down what is about to be removed. It is on the disk when this returns."""
        with self._writing():
            at = self.clock()
            act = Act(
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

    def finish(self, act: Act, outcomes: Mapping[bytes, Outcome]) -> None:
        """Write down what came of an act, by key."""
        line = lines.outcome(act, self.clock(), outcomes)
        with self._writing():
            self._file.append(line)

    def put_back(self, act: Act, outcomes: Mapping[bytes, PutBack | StoreError]) -> None:
        """Write down what came of putting items of an act back, by key."""
        line = lines.restored(act, self.clock(), self._user, self._host, outcomes)
        with self._writing():
            self._file.append(line)

    def read(self) -> Trail:
        """All acts of the files that are kept. Writes nothing; no file is an empty trail."""
        with translated(self.path), self._lock.for_reading():
            contents = list(self._file.contents())
        return trail_of(line for content in contents for line in content.split(b"\n") if line)

    def acts(self) -> list[Act]:
        """All acts, oldest first."""
        return list(self.read().acts)

    def find(self, wanted: str) -> Act | None:
        """The act of that id; for `ID.N` with that item only. None: there is none."""
        parts = (act.part(wanted) for act in self.acts())
        return next((part for part in parts if part is not None), None)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with translated(self.path):
            make_folder(self.path.parent)
            with self._lock.for_writing():
                yield

    def _ids(self) -> set[str]:
        """The ids of all acts that are kept. Reads all files: some 30 ms where there is most."""
        found: set[str] = set()
        for content in self._file.contents():
            found |= ids_in(content)
        return found
