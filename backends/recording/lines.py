"""The lines of a recording: one JSON object each, in zstd frames.

A frame is whole by itself: `Header`, `Checkpoint`, as many `EntryLine`s as that says, then changes
and evidence in the order in which they came. A frame that was cut off is good up to its last whole
line. Times are POSIX seconds. Bytes that are UTF-8 are strings, all others base64 in the field of
the same name with `_b64`. Ids of 64 bits are lower-case hex, as in keys: many readers of JSON round
such numbers. A reader skips members and kinds of lines that it does not know, unless the header has
another `format`.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec

FORMAT = 1
"""Is raised when an older reader would misunderstand a recording."""


class Line(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind"):
    """Base of all lines."""


class Header(Line, frozen=True, tag="dyntop-recording"):
    """Begins each frame: tells which dyntop recorded, and which store."""

    format: int
    version: str
    """Of dyntop."""
    at: float
    """When the frame was begun."""
    started: float
    """When the recording was begun: the same in all of its frames."""
    host: str
    """The name of the host that recorded, from which addresses were probed."""
    store: str
    """`etcd`, `file`, `nats`, `kubernetes`, `memory`."""
    address: str
    """Of the store, for people, without credentials."""
    lifetime: str
    """As `Lifetime`."""
    namespace: str | None = None
    """Only keys of these namespaces were recorded, as `-n` names them. None: all."""
    probing: str = ""
    """Which addresses were probed: `never`, `all`. Empty: those that were asked for."""
    metrics: tuple[str, ...] | None = None
    """The servers of `--metrics`, without credentials. Empty: none were named. None: an older
    dyntop did not write it."""
    server: str = ""
    """Which release the store's server is, as it says itself. Empty: it is not known."""
    report: dict[str, Any] | None = None
    """Versions and settings, in a report."""


class Checkpoint(Line, frozen=True, tag="checkpoint"):
    """All that is registered at a moment; the lines of its entries follow.

    After these come lines of all that is known beside them, with times that are not later: evidence
    (`leases`, `probes`, `drains`), and `lost` if the store could not be reached then.
    """

    at: float | None
    """None: not known, since the store keeps no times."""
    entries: int
    """So many lines of entries follow."""
    revision: str = ""
    unread: str = ""
    """Which keys are missing since the user might not read them, for people."""


class _WithEntry(Line, frozen=True):
    """Base of lines with an entry."""

    key: str = ""
    key_b64: str = ""
    value: str = ""
    value_b64: str = ""
    entry_revision: str = ""
    """As `Entry.revision`."""
    lease: str = ""
    """Hex. Empty: none."""
    expired_at: float | None = None
    unread: str = ""
    problem: str = ""
    masked: bool = False
    """Whether `***` stands for credentials in URLs in the value."""
    owner: dict[str, Any] | None = None
    """The object that holds it, in Kubernetes: as `Owner`."""


class EntryLine(_WithEntry, frozen=True, tag="entry"):
    """One entry of a checkpoint."""

    seen: float | None = None
    """When its key was first seen. None: not known."""
    since: bool = False
    """Whether it came then. Else it is at least this old."""
    value_seen: float | None = None
    """When its present value was first seen, if that was later."""
    value_since: bool = False


class PutLine(_WithEntry, frozen=True, tag="put"):
    """A key was put."""

    at: float | None = None
    """None: not known, since the store keeps no times."""
    revision: str = ""
    """The store's own at that moment."""


class DeleteLine(Line, frozen=True, tag="delete"):
    """A key was removed."""

    at: float | None = None
    key: str = ""
    key_b64: str = ""
    revision: str = ""
    overdue: float | None = None
    """As `Delete.overdue`."""


class GapLine(Line, frozen=True, tag="gap"):
    """After a gap everything was read again. As many puts and deletes follow as differ, which
    happened at some time since the store was lost."""

    at: float
    changes: int
    revision: str = ""
    unread: str = ""


class LostLine(Line, frozen=True, tag="lost"):
    """The store could not be reached from then on, until the next gap line."""

    at: float
    error: str
    """Its sentence, without credentials."""
    type: str = ""
    """`Unreachable`, `NotAuthorised`, `Forbidden`, `Refused`. Empty: another error."""
    cause: str = ""
    """As `Cause`, if it is `Unreachable`."""
    address: str = ""
    detail: str = ""
    """What a server or the system said of it, if the error has that apart from its sentence."""


class LeaseReading(msgspec.Struct, frozen=True, omit_defaults=True):
    """As the store reported it."""

    remaining: float
    at: float
    granted: float | None = None
    """None: the lease is gone."""
    lease: str = ""
    """Hex. Empty: it is of a key, in a store without leases."""
    key: str = ""
    key_b64: str = ""
    reset_ago: float | None = None
    """As `TimeToLive.reset_ago`."""
    earlier: LeaseReading | None = None
    """With `reset_ago`: the one before the store gave the lease its full time, without a lease or
    key. None: none was read."""


class LeasesLine(Line, frozen=True, tag="leases"):
    """The store was asked for the time to live of leases, and its answer shows something else than
    the one before; or a minute has passed since that was written.

    Before the first key of a lease is removed its last reading comes, if it was not written yet;
    afterwards one of the lease at that time: gone or not, since that tells why it was removed.
    """

    at: float
    leases: tuple[LeaseReading, ...]


class ProbeReading(msgspec.Struct, frozen=True, omit_defaults=True):
    """As `ProbeResult`."""

    method: str
    address: str
    answer: str
    text: str
    at: float
    deep: bool = False
    local: bool = False


class ProbesLine(Line, frozen=True, tag="probes"):
    """Addresses were probed, and answer otherwise than before; or a minute has passed since that
    was written."""

    at: float
    probes: tuple[ProbeReading, ...]


class DrainReading(msgspec.Struct, frozen=True, omit_defaults=True):
    """As `DrainMark`."""

    worker: str
    """Its instance id or lease in hex: both are there if they differ."""
    at: float
    user: str | None = None
    host: str | None = None
    """By whom and on which host, as the audit has it. None: by the process that recorded."""
    act: str | None = None
    """The id that `dyntop restore` takes. None: it is not known."""
    has_leases: bool | None = None
    """As `DrainedOrDeleted.has_leases`. None: it was drained."""


class DrainsLine(Line, frozen=True, tag="drains"):
    """Which workers were drained, by the audit. Replaces what was known before."""

    at: float
    drains: tuple[DrainReading, ...]


class FigureReading(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was measured of a model, of a frontend for a model, or of a worker."""

    of: tuple[str, ...]
    """`model` and its name; `frontend`, a model's name and the server; `worker` and its id in hex;
    or `server` and its address."""
    at: float
    """When it was scraped last."""
    seconds: float | None = None
    """Since the scrape before, to which the figures belong. None: it is the first, or unknown."""
    figures: dict[str, float] = {}
    """By `Measure`: rates a second, and quantiles in seconds. By `Gauge`: how it was then."""
    over: tuple[str, ...] = ()
    """The quantiles that lie above their figure, which is the highest bound."""
    restarted: bool = False
    """Whether a process began anew, so that nothing is known of the time before."""
    servers: tuple[str, ...] = ()
    """The scraped servers that the row is of, where `of` does not name them. Empty: the row of a
    model is of all its workers, or an older dyntop did not write it."""


class SilentServer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A server that did not answer, or has no figures of Dynamo."""

    server: str
    why: str = ""
    """Why it did not answer, as a clause. Empty: it has no figures of Dynamo."""
    unasked: bool = False
    """Whether it was not asked at all, so that this proves nothing about it."""
    since: float | None = None
    """When it began to fail."""
    answered: float | None = None
    """When it last answered. None: never."""
    models: tuple[str, ...] = ()
    """The models that it reported on before."""


class MetricsLine(Line, frozen=True, tag="metrics"):
    """The servers of `--metrics` were scraped. Rows that are not in it are as they were."""

    at: float
    rows: tuple[FigureReading, ...] = ()
    silent: tuple[SilentServer | str, ...] = ()
    """All servers that are silent now. A bare name: an older dyntop wrote no more."""
    gone: tuple[tuple[str, ...], ...] = ()
    """The rows, by their `of`, that no server reports any more."""
    whole: bool = False
    """Whether it has all rows: what was known before is replaced."""


class AliveLine(Line, frozen=True, tag="alive"):
    """It was recorded up to here, and nothing changed since the line before, as far as the store
    could be reached."""

    at: float


class EndLine(Line, frozen=True, tag="end"):
    """The recording ended in order."""

    at: float
    why: str
    """For people."""


AnyLine = (
    Header
    | Checkpoint
    | EntryLine
    | PutLine
    | DeleteLine
    | GapLine
    | LostLine
    | LeasesLine
    | ProbesLine
    | DrainsLine
    | MetricsLine
    | AliveLine
    | EndLine
)


class BadLine(ValueError):
    """A line of a recording does not fit the format."""


class _KindOfLine(msgspec.Struct, frozen=True):
    kind: str


_KINDS = frozenset(one.__struct_config__.tag for one in get_args(AnyLine))

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyLine)
_kind_decoder = msgspec.json.Decoder(_KindOfLine)


def encode(line: AnyLine) -> bytes:
    """Return a line, with its line feed."""
    try:
        return _encoder.encode(line) + b"\n"
    except UnicodeEncodeError:
        # Half a surrogate pair in a text of the store or the system.
        return _encoder.encode(_encodable(msgspec.to_builtins(line))) + b"\n"


def decode(text: bytes) -> AnyLine | None:
    """Return a whole line of a file. None: it is of a kind that is not known. Raises `BadLine`."""
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        try:
            kind = _kind_decoder.decode(text).kind
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise BadLine(str(error)) from error
        if kind not in _KINDS:
            return None
        raise BadLine(f"{kind}: {error}") from error


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(name): _encodable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(one) for one in value]
    return value
