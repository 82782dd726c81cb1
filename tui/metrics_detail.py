"""All that metrics say of one row, in sentences. No Textual in here; nothing is made plain yet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from backends.metrics.board import History, Known
from backends.metrics.flow import Flow, Place, Seen
from backends.metrics.joined import AtFrontend, AtWorker, MeteredModel
from backends.metrics.names import Expected
from backends.metrics.served import Served
from tui.detail import Detail
from tui.figures import both, length, per_cent, rate, whole
from tui.metrics_rows import FAILING, MetricsRow
from tui.sparkline import sparkline
from tui.words import NOTHING, count, duration, hex_id

Fields = Iterator[tuple[str, str]]

BARS = 36
"""Cells of a sparkline: three minutes."""
MOST_LISTED = 12
"""Processes, endpoints or names that are listed of a kind."""


def metrics_detail(
    row: MetricsRow, now: float, namespace: str | None, *, is_read: bool = True
) -> Detail:
    """`now` is in POSIX seconds; `namespace` is the one that dyntop looks at, None for all.
    `is_read`: whether the store is, so that it is known what is registered."""
    match row.of:
        case MeteredModel() as model:
            fields = _model(model, now, namespace, is_read)
        case AtFrontend() as frontend:
            fields = _frontend(frontend, now)
        case AtWorker() as worker:
            fields = _worker(worker, now)
        case Known() as known:
            fields = _silent(known, now)
    title = f"{row.state}".rstrip() + f"  {_KINDS[type(row.of)]} {row.name}"
    return Detail(title, row.state.tone, tuple(one for one in fields if one[1]), "")


_KINDS = {MeteredModel: "model", AtFrontend: "frontend", AtWorker: "worker", Known: "process"}


def _model(model: MeteredModel, now: float, namespace: str | None, is_read: bool) -> Fields:
    if not is_read:
        yield "state", "the store is not read now: what is registered there cannot be told"
    elif model.served is not None and (model.served.by or model.not_served):
        yield "state", served_sentence(model.served, namespace)
    for label, known in zip(_labels("missing"), model.missing[:MOST_LISTED], strict=False):
        yield label, f"{known.target}, which told of it before: it {known.trouble}"
    yield " ", "its requests are in none of these figures" * bool(model.missing)
    if not model.frontends and not model.workers:
        yield "figures", "none: no process that is scraped tells of it"
        return
    if not model.frontends:
        yield "figures", "of its workers together: no frontend tells of it"
    yield from _trend(model.history, "tokens" if model.frontends else "requests")
    yield from _flow(model.flow, "to first token" if model.frontends else "to first response")
    for label, one in zip(_labels("frontends"), model.frontends[:MOST_LISTED], strict=False):
        yield label, f"{one.known.target}  {_scraped(one.known, now)}"
    workers = sum(one.known is not None for one in model.workers)
    yield "workers", f"metrics of {count(workers, 'worker')}" * bool(workers)
    for known in {one.known.target: one.known for one in model.frontends}.values():
        yield from _missing(known.missing)
        yield from _cut(known)


def _frontend(frontend: AtFrontend, now: float) -> Fields:
    yield "scraped", _scraped(frontend.known, now)
    yield from _trend(frontend.history, "tokens")
    yield from _flow(frontend.flow, "to first token")
    yield from _process(frontend.known)


def _worker(worker: AtWorker, now: float) -> Fields:
    if worker.id is not None:
        yield "worker", f"{hex_id(worker.id)}, in decimal {worker.id}"
    yield "joined", worker.joined_by
    if worker.known is not None:
        yield "scraped", _scraped(worker.known, now)
    yield from _trend(worker.history, "requests")
    yield from _flow(worker.flow, "to first response")
    places = sorted(worker.places.items())[:MOST_LISTED]
    for label, (place, flow) in zip(_labels("endpoints"), places, strict=False):
        yield label, _place(place, flow)
    if worker.seen is not None:
        yield "last request", _last(worker.seen, str(worker.seen_by))
    if worker.known is not None:
        yield from _process(worker.known)


def _silent(known: Known, now: float) -> Fields:
    if known.trouble:
        yield "state", f"{FAILING.word}: " * (not known.unasked) + f"it {known.trouble}"
        if known.failing_since is not None:
            at = datetime.fromtimestamp(known.failing_since)
            yield "since", f"{at:%H:%M:%S}, for {duration(now - known.failing_since)}"
        answered = "never" if known.scraped_at is None else _ago(now - known.scraped_at)
        yield "answered", answered
    else:
        yield (
            "state",
            "it answers, and has none of the metrics that dyntop knows: not a process of Dynamo's, "
            "or one with a prefix of its own (DYN_METRICS_PREFIX)",
        )
        yield "scraped", _scraped(known, now)
    yield "url", f"{known.target}/metrics"
    yield "known", _source(known)


def _flow(flow: Flow, until: str) -> Fields:
    if flow.seconds is None:
        yield "rates", "after the next scrape: they are differences between two"
    else:
        yield "requests", f"{rate(flow.request_rate)} a second" * (flow.request_rate is not None)
        yield "tokens", f"{rate(flow.token_rate)} a second, put out" * (flow.token_rate is not None)
        yield until, both(flow.first_token)
        yield "between tokens", both(flow.between_tokens)
        yield "over", f"the last {flow.seconds:.1f} s"
    now = [
        f"{whole(flow.in_flight)} in flight" * (flow.in_flight is not None),
        f"{whole(flow.queued)} queued" * (flow.queued is not None),
    ]
    yield "now", ", ".join(filter(None, now))
    use = f"{per_cent(flow.mean_kv_use)} used"
    if len(flow.kv_use) > 1:
        use += f", of {count(len(flow.kv_use), 'worker')} on average"
    yield "KV cache", use * bool(flow.kv_use)


def _trend(history: History, what: str) -> Fields:
    last = history[-BARS:]
    known = [one for one in last if one is not None]
    if len(known) > 1:
        bars = sparkline(last, BARS).lstrip()
        yield (
            "trend",
            f"{bars}  {what} a second, at most {rate(max(known))}",
        )


def _process(known: Known) -> Fields:
    yield "url", f"{known.target}/metrics"
    yield "known", _source(known)
    yield from _missing(known.missing)
    yield from _cut(known)


def _cut(known: Known) -> Fields:
    if known.cut:
        yield "note", f"{known.target} tells more than dyntop keeps: the rest is not counted"
    if known.served_cut:
        yield "note", f"{known.target} lists more models than dyntop keeps"


def _source(known: Known) -> str:
    return "given by --metrics" if known.target.given else "revealed by a model card"


def _missing(missing: tuple[Expected, ...]) -> Fields:
    for label, one in zip(_labels("not found"), missing, strict=False):
        yield label, f"{' or '.join(one.names)}  ({one.releases})"
    yield " ", "most of them are there only after the first request" * bool(missing)


def _place(place: Place, flow: Flow) -> str:
    where = "/".join((place.namespace, place.component, place.endpoint))
    return (
        f"{where}  {rate(flow.request_rate)} requests a second, {whole(flow.in_flight)} in flight"
    )


def _last(seen: Seen, by: str) -> str:
    first, between = (
        NOTHING if seconds is None else length(seconds)
        for seconds in (seen.first_token, seen.between_tokens)
    )
    return f"{first} to first token, {between} between tokens, as {by} saw it"


def served_sentence(served: Served, namespace: str | None) -> str:
    """What frontends and the store say of one name, and what that may mean."""
    by, not_by = ", ".join(served.by[:MOST_LISTED]), ", ".join(served.not_by[:MOST_LISTED])
    if not served.differs:
        return f"served by {by}" + f"; {not_by} {_do(served.not_by)} not list it" * bool(not_by)
    if not served.registered:
        where = f" in namespace {namespace}, where dyntop looks" if namespace else ""
        return (
            f"served but not registered: {by} {_lists(served.by)} it, and no card{where} has that "
            "name; it was removed just now, or the frontend looks at another store or namespace"
        )
    return (
        f"registered but not served: {not_by} {_do(served.not_by)} not list it; its frontend may "
        "be another, look at another namespace, have refused its card, or wait for more workers"
    )


def _do(frontends: tuple[str, ...]) -> str:
    return "does" if len(frontends) == 1 else "do"


def _lists(frontends: tuple[str, ...]) -> str:
    return "lists" if len(frontends) == 1 else "list"


def _scraped(known: Known, now: float) -> str:
    return "not yet" if known.scraped_at is None else _ago(now - known.scraped_at)


def _ago(seconds: float) -> str:
    return "now" if seconds < 1 else f"{duration(seconds)} ago"


def _labels(first: str) -> Iterator[str]:
    """The label once, then a blank for each further line."""
    yield first
    while True:
        yield " "
