"""Message rates of a channel, its publishers, and missed messages. Pure: times are passed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec

from backends.tap.messages import TapMessage, rank_of

SPAN = 60
"""Seconds for which rates are kept."""
RATE_SPAN = 5
"""Whole seconds that a rate is the mean of."""
MOST_PUBLISHERS = 256
"""Publishers that are counted separately. Their ids are in messages, which any client may write."""
MOST_MISSED = 1024
"""Missed numbers that are remembered for each publisher, in case they still arrive: several
brokers, or several threads of a publisher, do not keep the order.
"""


class Counter(msgspec.Struct):
    """The sequence numbers of one publisher, or of one of its ranks."""

    last: int | None = None
    """The highest sequence number since the start, or the last restart."""
    gaps: int = 0
    """Numbers missing between those received."""
    restarts: int = 0
    """Times that the numbers started again: with 0, or far below the last one. An early restart
    whose first numbers were missed looks like repeats.
    """
    repeats: int = 0
    """Numbers received a second time."""
    _first: int = 0
    """The lowest number since the start, or the last restart."""
    _missed: dict[int, None] = msgspec.field(default_factory=dict)

    @property
    def irregularities(self) -> int:
        """Times that a number was not the next one."""
        return self.gaps + self.restarts + self.repeats

    def count(self, sequence: int) -> None:
        """Count a message with this number."""
        if self.last is None:
            self._first = self.last = sequence
        elif sequence > self.last:
            self._miss(self.last + 1, sequence)
            self.last = sequence
        elif sequence in self._missed:
            del self._missed[sequence]
            self.gaps -= 1
        elif sequence == self.last:
            self.repeats += 1
        elif sequence == 0 or self.last - sequence > MOST_MISSED:
            self.restarts += 1
            self._missed.clear()
            self._first = self.last = sequence
        elif sequence < self._first:
            # It was overtaken by the first message received.
            self._miss(sequence + 1, self._first)
            self._first = sequence
        else:
            self.repeats += 1

    def _miss(self, start: int, end: int) -> None:
        """Count these numbers as missing, the end excluded."""
        if start == end:
            return
        self.gaps += end - start
        self._missed.update(dict.fromkeys(range(max(start, end - MOST_MISSED), end)))
        while len(self._missed) > MOST_MISSED:
            del self._missed[next(iter(self._missed))]


class Publisher(msgspec.Struct):
    """The messages of one publisher.

    Up to 1.2.1 one publisher serves all data-parallel ranks of a worker, with a counter for each.
    Later each rank has a publisher of its own, and a router's events concern many ranks under one
    counter. No record tells which, so the interpretation with fewer irregularities is used.
    """

    id: int | None
    """None: all publishers without an id, or too many to be counted separately."""
    messages: int = 0
    bytes: int = 0
    last_message_at: float = 0.0
    """When its last message was received, in POSIX seconds."""
    _whole: Counter = msgspec.field(default_factory=Counter)
    _ranks: dict[int, Counter] = msgspec.field(default_factory=dict)
    """The counters by rank."""
    _by_rank: bool = True
    """Whether each of its messages had a rank."""

    @property
    def ranks(self) -> int:
        """The number of ranks with a counter of their own. 1: one counter for all."""
        return len(self._counters())

    @property
    def last(self) -> int | None:
        """The highest sequence number of any of its counters."""
        return max((one.last for one in self._counters() if one.last is not None), default=None)

    @property
    def gaps(self) -> int:
        """Numbers missing between those received."""
        return sum(one.gaps for one in self._counters())

    @property
    def restarts(self) -> int:
        """Times that the numbers started again."""
        return sum(one.restarts for one in self._counters())

    def count(self, sequence: int | None, rank: int | None = None) -> None:
        """Count a message with this number and data-parallel rank."""
        if sequence is None:
            return
        self._whole.count(sequence)
        if rank is None:
            self._by_rank = False
            self._ranks.clear()
        elif self._by_rank:
            self._ranks.setdefault(rank, Counter()).count(sequence)

    def _counters(self) -> list[Counter]:
        ranks = list(self._ranks.values())
        of_ranks = sum(one.irregularities for one in ranks)
        return ranks if len(ranks) > 1 and of_ranks < self._whole.irregularities else [self._whole]


class _Second(msgspec.Struct):
    number: int
    messages: int = 0
    bytes: int = 0


class Statistics:
    """Counts of a tap since it was opened. Bounded, whatever arrives."""

    def __init__(self, began_at: float) -> None:
        """Times are in POSIX seconds. A time that goes back counts as the last one."""
        self.began_at = began_at
        self.last_message_at: float | None = None
        """When the last message was received."""
        self.messages = 0
        self.bytes = 0
        self.dropped = 0
        """Messages that were received but dropped, since the consumer is too slow."""
        self._publishers: dict[int | None, Publisher] = {}
        self._seconds: deque[_Second] = deque(maxlen=SPAN + 1)

    def count(self, message: TapMessage) -> None:
        """Count a message."""
        self.messages += 1
        self.bytes += message.size
        self.last_message_at = message.at
        self._count_second(int(message.at), message.size)
        publisher = self._publisher(message.publisher)
        publisher.messages += 1
        publisher.bytes += message.size
        publisher.last_message_at = message.at
        if publisher.id is not None:
            publisher.count(message.sequence, rank_of(message))

    def publishers(self) -> Sequence[Publisher]:
        """Return the publishers, in the order of their first messages."""
        return list(self._publishers.values())

    @property
    def gaps(self) -> int:
        return sum(publisher.gaps for publisher in self._publishers.values())

    @property
    def restarts(self) -> int:
        return sum(publisher.restarts for publisher in self._publishers.values())

    def rates(self, now: float) -> tuple[float, float]:
        """Return messages and bytes a second over the last whole seconds, since the tap was
        opened.
        """
        last = int(now) - 1
        seconds = max(1, min(RATE_SPAN, int(now) - int(self.began_at)))
        recent = [one for one in self._seconds if last - seconds < one.number <= last]
        messages = sum(one.messages for one in recent)
        return messages / seconds, sum(one.bytes for one in recent) / seconds

    def history(self, now: float) -> tuple[list[int], list[int]]:
        """Return messages and bytes in each of the last 60 whole seconds, oldest first."""
        seconds = {one.number: one for one in self._seconds}
        end = int(now)
        last = [seconds.get(second) or _Second(second) for second in range(end - SPAN, end)]
        return [one.messages for one in last], [one.bytes for one in last]

    def _count_second(self, number: int, size: int) -> None:
        if not self._seconds or self._seconds[-1].number < number:
            self._seconds.append(_Second(number))
        second = self._seconds[-1]
        second.messages += 1
        second.bytes += size

    def _publisher(self, number: int | None) -> Publisher:
        if number not in self._publishers and len(self._publishers) >= MOST_PUBLISHERS:
            number = None
        if number not in self._publishers:
            self._publishers[number] = Publisher(number)
        return self._publishers[number]
