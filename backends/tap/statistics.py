"""How much comes over a channel, from whom, and what was missed. Pure: times are passed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from backends.tap.messages import Message

SPAN = 60
"""Seconds that the rates are kept for."""
RATE_SPAN = 5
"""Whole seconds that a rate is the mean of."""
MOST_PUBLISHERS = 256
"""Publishers that are told apart; ids are in messages, which anybody may write."""
MOST_MISSED = 1024
"""Missed numbers that are remembered of a publisher, should they still come: several brokers, or
several threads of a publisher, do not keep the order."""


@dataclass(slots=True)
class Publisher:
    """What was heard of one publisher."""

    id: int | None
    """None: of all that do not say who they are, or are too many to tell apart."""
    last: int | None = None
    """The highest sequence number since it began, or began anew."""
    messages: int = 0
    bytes: int = 0
    gaps: int = 0
    """Numbers that are missing between those that came."""
    restarts: int = 0
    """How often the numbers began anew: with 0, or far below the last one. A restart early in its
    life of which neither is heard looks like numbers that came again."""
    heard_at: float = 0.0
    """When its last message came, in POSIX seconds."""
    _first: int = 0
    """The lowest number since it began, or began anew."""
    _missed: dict[int, None] = field(default_factory=dict)

    def note(self, sequence: int | None) -> None:
        """The next message has this number."""
        if sequence is None:
            return
        if self.last is None:
            self._first = self.last = sequence
        elif sequence > self.last:
            self._miss(self.last + 1, sequence)
            self.last = sequence
        elif sequence in self._missed:
            del self._missed[sequence]
            self.gaps -= 1
        elif sequence == self.last:
            pass  # it came twice
        elif sequence == 0 or self.last - sequence > MOST_MISSED:
            self.restarts += 1
            self._missed.clear()
            self._first = self.last = sequence
        elif sequence < self._first:
            # The first that was heard had overtaken it.
            self._miss(sequence + 1, self._first)
            self._first = sequence

    def _miss(self, start: int, end: int) -> None:
        """These numbers, without the end, did not come yet."""
        self.gaps += end - start
        self._missed.update(dict.fromkeys(range(max(start, end - MOST_MISSED), end)))
        while len(self._missed) > MOST_MISSED:
            del self._missed[next(iter(self._missed))]


@dataclass(slots=True)
class _Second:
    number: int
    messages: int = 0
    bytes: int = 0


class Statistics:
    """Counts since it was made. What it holds is bounded, whatever comes."""

    def __init__(self, began_at: float) -> None:
        """Times are in POSIX seconds; one that goes back counts as the last one."""
        self.began_at = began_at
        self.heard_at: float | None = None
        """When the last message came."""
        self.messages = 0
        self.bytes = 0
        self.dropped = 0
        """Messages that came and were not taken, since whoever reads is too slow."""
        self._publishers: dict[int | None, Publisher] = {}
        self._seconds: deque[_Second] = deque(maxlen=SPAN + 1)

    def note(self, message: Message) -> None:
        """Count a message that came."""
        self.messages += 1
        self.bytes += message.size
        self.heard_at = message.at
        self._note_second(int(message.at), message.size)
        publisher = self._publisher(message.publisher)
        publisher.messages += 1
        publisher.bytes += message.size
        publisher.heard_at = message.at
        if publisher.id is not None:
            publisher.note(message.sequence)

    def publishers(self) -> Sequence[Publisher]:
        """In the order in which they were first heard."""
        return list(self._publishers.values())

    @property
    def gaps(self) -> int:
        return sum(publisher.gaps for publisher in self._publishers.values())

    @property
    def restarts(self) -> int:
        return sum(publisher.restarts for publisher in self._publishers.values())

    def rates(self, now: float) -> tuple[float, float]:
        """Messages and bytes a second, over the last whole seconds, as far as it listens."""
        last = int(now) - 1
        seconds = max(1, min(RATE_SPAN, int(now) - int(self.began_at)))
        recent = [one for one in self._seconds if last - seconds < one.number <= last]
        messages = sum(one.messages for one in recent)
        return messages / seconds, sum(one.bytes for one in recent) / seconds

    def history(self, now: float) -> tuple[list[int], list[int]]:
        """Messages and bytes in each of the last 60 whole seconds, the oldest first."""
        seconds = {one.number: one for one in self._seconds}
        end = int(now)
        last = [seconds.get(second) or _Second(second) for second in range(end - SPAN, end)]
        return [one.messages for one in last], [one.bytes for one in last]

    def _note_second(self, number: int, size: int) -> None:
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
