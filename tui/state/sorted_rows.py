"""Where a table's rows come from: made anew each time, or kept in order while they come and go.

No Textual in here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar, overload

from sortedcontainers import SortedList


class HasKey(Protocol):
    @property
    def key(self) -> Hashable:
        """Identifies the row while it changes; unique."""


Row = TypeVar("Row", bound=HasKey)


class RowSource(Sequence[Row], Generic[Row]):
    """Rows in the order in which they are shown, and where each of them is."""

    @abstractmethod
    def index_of(self, key: Hashable) -> int | None:
        """Where a row is now. None: there is none."""


class ListedRows(RowSource[Row]):
    """Rows that were put in order elsewhere, and change no more."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows = list(rows)
        self._indices = {row.key: index for index, row in enumerate(self._rows)}

    def index_of(self, key: Hashable) -> int | None:
        return self._indices.get(key)

    def has_keys_of(self, other: ListedRows[Row]) -> bool:
        """Return whether another has the rows of the same keys in the same order."""
        return self._indices == other._indices

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        return self._rows[index]


_Place = tuple[Any, Hashable]
"""Return the sort key of a row, then its own key."""


class SortedRows(RowSource[Row]):
    """Rows in order; one that comes, changes or goes costs O(log n)."""

    def __init__(self) -> None:
        self._by_key: dict[Hashable, Row] = {}
        self._places: dict[Hashable, _Place] = {}
        """The sort key of each row as it was added: for a row that is going, `sort` may fail."""
        self._ordered: SortedList[_Place] = SortedList()
        self._sort: Callable[[Row], Any] = lambda row: row.key
        self._reverse = False

    def rebuild(
        self,
        rows: Iterable[Row],
        sort: Callable[[Row], Any],
        reverse: bool,
        *,
        lasting: bool = False,
    ) -> None:
        """Hold these rows and no others, by `sort`; rows that are equal by it are in key order.

        `lasting`: as long as a row is the same object, `sort` gives the same for it.
        """
        before, self._by_key = self._by_key, {row.key: row for row in rows}
        self._reverse = reverse
        # Rows that are the same object are equal at once.
        if lasting and sort == self._sort and before == self._by_key:
            return
        kept: list[_Place] = []
        if lasting and sort == self._sort:
            # In their order, since to sort what is in order takes no time.
            kept = [at for at in self._ordered if before[at[1]] is self._by_key.get(at[1])]
        self._sort = sort
        self._places = {place[1]: place for place in kept}
        for key, row in self._by_key.items():
            if key not in self._places:
                self._places[key] = (sort(row), key)
        self._ordered = SortedList(self._places.values())

    def put(self, row: Row) -> bool:
        """Add a row or replace the one of its key. True: it came, or took another place."""
        key, place = row.key, (self._sort(row), row.key)
        known = self._places.get(key)
        self._by_key[key] = row
        if known == place:
            return False
        self._places[key] = place
        if known is None:
            self._ordered.add(place)
            return True
        before = self._ordered.index(known)
        self._ordered.remove(known)
        self._ordered.add(place)
        return bool(before != self._ordered.index(place))

    def discard(self, key: Hashable) -> bool:
        """Drop a row. False: there was none."""
        if key not in self._by_key:
            return False
        del self._by_key[key]
        self._ordered.remove(self._places.pop(key))
        return True

    def amend(self, now: Iterable[Row], gone: Iterable[Hashable]) -> set[Hashable] | None:
        """Put these rows as they are now, and drop those of these keys. Returns the keys of rows
        that are where they were; None: some came, went or moved."""
        changed: set[Hashable] = set()
        moved = False
        for row in now:
            moved |= self.put(row)
            changed.add(row.key)
        for key in gone:
            moved |= self.discard(key)
        return None if moved else changed

    def index_of(self, key: Hashable) -> int | None:
        """Where a row is now. None: there is none."""
        place = self._places.get(key)
        if place is None:
            return None
        index: int = self._ordered.index(place)
        return len(self) - 1 - index if self._reverse else index

    def __len__(self) -> int:
        return len(self._by_key)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        _, key = self._ordered[-1 - index if self._reverse else index]
        return self._by_key[key]
