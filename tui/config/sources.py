"""Where the value of each setting comes from, noted while the settings are read."""

from __future__ import annotations

from collections.abc import Mapping


class Sources:
    """Notes by setting the flags, variables or the context that set it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.found: dict[str, str] = {}

    def note(self, setting: str, source: str | None) -> None:
        """Note a source, beside one that was noted before. None: there is none."""
        if source is not None:
            before = self.found.get(setting)
            self.found[setting] = source if before is None else f"{before} and {source}"

    def replace(self, setting: str, source: str | None) -> None:
        """Note a source that overrides the one before. None: there is none, and that one stays."""
        if source is not None:
            self.found[setting] = source

    def variable(self, setting: str, name: str) -> bool:
        """Note a variable as the source, if it is set. An empty one counts as not set. Return
        whether it is set."""
        if self._environ.get(name):
            self.found[setting] = name
            return True
        return False

    def named(self, setting: str, name: str) -> str:
        """Note a variable as `variable` does, and return its name."""
        self.variable(setting, name)
        return name
