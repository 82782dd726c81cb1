"""The words of `dyntop diff`: what to compare, and two places to compare it at."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tui.cli.arguments.values import past_time

if TYPE_CHECKING:
    from tui.cli.shared.recorded_places import RecordedPlace

LIVE = "live"
"""The word for the store, as it is now."""


KINDS_COMPARED = ("endpoints", "models", "channels", "sources", "all")
"""The words for what to compare."""


def add_compared(parser: argparse.ArgumentParser) -> None:
    """Add WHAT, and the places: `arguments.places` is empty or has two, of which the second may be
    None: the store."""
    parser.set_defaults(places=())
    parser.add_argument(
        "what",
        nargs="*",
        action=_Compared,
        default="all",
        metavar="WHAT|FILE@TIME",
        help=f"what to compare: {', '.join(KINDS_COMPARED)} (the default, which includes keys "
        "that dyntop does not know); and for recordings two times: FILE@TIME FILE@TIME, or "
        "FILE@TIME live for the store as it is now",
    )


class _Compared(argparse.Action):
    """Tells the words apart."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        what = "all"
        places: list[RecordedPlace | None] = []
        for word in () if values is None or isinstance(values, str) else values:
            if word in KINDS_COMPARED and not places and what == "all":
                what = word
            elif word == LIVE and places:
                places.append(None)
            else:
                places.append(self._place(word))
        if places and len(places) != 2:
            raise argparse.ArgumentError(
                self, "name two times to compare: FILE@TIME FILE@TIME, or FILE@TIME live"
            )
        namespace.what = what
        if places:
            namespace.places = tuple(places)

    def _place(self, word: str) -> RecordedPlace:
        # Imported here: revisions need no recordings.
        from tui.cli.shared.recorded_places import RecordedPlace
        from tui.text.suggestions import did_you_mean

        path, at, time = word.rpartition("@")
        if not at or not path:
            like = did_you_mean(word, KINDS_COMPARED)
            known = ", ".join(KINDS_COMPARED)
            problem = f"{word!r}{like} is none of {known}, and no FILE@TIME"
            raise argparse.ArgumentError(self, problem)
        try:
            return RecordedPlace(path, past_time(time))
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentError(self, str(error)) from None
