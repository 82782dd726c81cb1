"""Word all metrics of one row. No Textual in here; untrusted text is not escaped yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from backends.metrics.catalogue import Expected
from backends.metrics.latest import ScrapedProcess
from backends.metrics.overview import AtFrontend, AtWorker, MeteredModel
from backends.metrics.rates import Rates, Seen, WorkerLabels
from backends.metrics.served import Served
from tui.state.figures.metrics_rows import (
    FAILING,
    IN_CONFLICT,
    UNROUTABLE,
    MetricsRow,
    Trend,
    is_of_no_model,
)
from tui.text.detail import Detail
from tui.text.format import MEANINGS, NOTHING, count, duration, hex_id
from tui.text.host_clock import ShownAt, as_it_is
from tui.text.numbers import both, length, per_cent, rate, whole
from tui.text.serving import meaning_of_failure
from tui.text.sparkline import sparkline
from tui.text.timestamps import time_of_day

Fields = Iterator[tuple[str, str]]

MOST_IN_LINE = 3
"""Reasons that the line below the table names."""
MOST_LISTED = 12
"""Processes, endpoints or names that are listed of a kind."""


NO_SUCH_MODEL_TEXT = (
    "requests for models that the frontend does not serve: Dynamo counts them all under this name, "
    "and does not keep which model they asked for"
)


def metrics_detail(
    row: MetricsRow,
    now: float,
    namespace: str | None,
    *,
    is_read: bool = True,
    shown_at: ShownAt = as_it_is,
    chart_key: str = "",
) -> Detail:
    """`now`: POSIX seconds. `namespace`: the one that is watched; None: all. `is_read`: whether the
    store is being read, so that its registrations are known. `shown_at`: converts to the time that
    the host's clock showed. `chart_key`: the key that opens charts of the row."""
    trend = "" if row.series is None else _trend(row.trend, chart_key)
    match row.of:
        case MeteredModel() as model:
            wrong = ""
            if row.state in (IN_CONFLICT, UNROUTABLE):
                wrong = f"{row.state.word}: {MEANINGS[row.state]}"
            fields = _model(model, trend, now, namespace, is_read, wrong)
        case AtFrontend() as frontend:
            fields = _frontend(frontend, trend, now)
        case AtWorker() as worker:
            fields = _worker(worker, trend, now)
        case ScrapedProcess() as known:
            fields = _silent(known, now, shown_at)
    title = f"{row.state}".rstrip() + f"  {_KINDS[type(row.of)]} {row.name}"
    return Detail(title, row.state.tone, tuple(one for one in fields if one[1]), "")


_KINDS = {
    MeteredModel: "model",
    AtFrontend: "frontend",
    AtWorker: "worker",
    ScrapedProcess: "process",
}


def _model(
    model: MeteredModel, trend: str, now: float, namespace: str | None, is_read: bool, wrong: str
) -> Fields:
    """`wrong`: the state of its workers by the store, if that is more telling than the lists of
    frontends."""
    yield "state", wrong
    if is_of_no_model(model):
        yield "state", NO_SUCH_MODEL_TEXT
    elif not is_read:
        yield "state", "the store is not read now: its registrations are unknown"
    elif model.served is not None and (model.served.by or model.not_served):
        yield "served" if wrong else "state", served_sentence(model.served, namespace)
    for label, known in zip(_labels("missing"), model.missing[:MOST_LISTED], strict=False):
        yield label, f"{known.target}, which reported it before: it {known.trouble}"
    yield " ", "its requests are in none of these figures" * bool(model.missing)
    if not model.frontends and not model.workers:
        yield "figures", "none: no scraped process reports it"
        return
    if not model.frontends:
        yield "figures", "of its workers together: no frontend reports it"
    yield "trend", trend
    yield from _rates(model.rates)
    for label, one in zip(_labels("frontends"), model.frontends[:MOST_LISTED], strict=False):
        yield label, f"{one.known.target}  {_scraped(one.known, now)}"
    workers = sum(one.known is not None for one in model.workers)
    yield "workers", f"metrics of {count(workers, 'worker')}" * bool(workers)
    for known in {one.known.target: one.known for one in model.frontends}.values():
        yield from _failures(known)
        yield from _missing(known.missing)
        yield from _cut(known)


def _frontend(frontend: AtFrontend, trend: str, now: float) -> Fields:
    yield "scraped", _scraped(frontend.known, now)
    yield "trend", trend
    yield from _rates(frontend.rates)
    yield from _failures(frontend.known)
    yield from _process(frontend.known)


def _worker(worker: AtWorker, trend: str, now: float) -> Fields:
    if worker.id is not None:
        yield "worker", f"{hex_id(worker.id)}, in decimal {worker.id}"
    yield "joined", worker.joined_by
    if worker.known is not None:
        yield "scraped", _scraped(worker.known, now)
    yield "trend", trend
    yield from _rates(worker.rates)
    places = sorted(worker.endpoints.items())[:MOST_LISTED]
    for label, (place, rates) in zip(_labels("endpoints"), places, strict=False):
        yield label, _place(place, rates)
    if worker.seen is not None:
        yield "last request", _last(worker.seen, str(worker.seen_by))
    if worker.known is not None:
        yield from _process(worker.known)


def _silent(known: ScrapedProcess, now: float, shown_at: ShownAt) -> Fields:
    if known.trouble:
        yield "state", f"{FAILING.word}: " * (not known.unasked) + f"it {known.trouble}"
        if known.failing_since is not None:
            at = time_of_day(shown_at(known.failing_since))
            yield "since", f"{at}, for {duration(now - known.failing_since)}"
        answered = "never" if known.answered_at is None else _ago(now - known.answered_at)
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


def _rates(rates: Rates) -> Fields:
    if rates.seconds is None:
        yield "rates", "after the next scrape: they are differences between two"
    else:
        yield "requests", f"{rate(rates.request_rate)} a second" * (rates.request_rate is not None)
        yield "errors", f"{rate(rates.error_rate)} a second of these" * bool(rates.error_rate)
        yield (
            "tokens",
            f"{rate(rates.token_rate)} a second, put out" * (rates.token_rate is not None),
        )
        yield "to first token", both(rates.first_token)
        first = both(rates.first_response)
        yield "to first response", first and f"{first}, from its arrival at the worker"
        yield "between tokens", both(rates.between_tokens)
        yield "over", f"the last {rates.seconds:.1f} s"
    for label, one in zip(_labels("ended in errors"), rates.errors, strict=False):
        yield label, f"{whole(one.number)} {one.reason or 'without a reason'}, since the start"
    now = [
        f"{whole(rates.in_flight)} in flight" * (rates.in_flight is not None),
        f"{whole(rates.queued)} queued" * (rates.queued is not None),
    ]
    yield "now", ", ".join(filter(None, now))
    use = f"{per_cent(rates.mean_kv_use)} used"
    if len(rates.kv_use) > 1:
        use += f", of {count(len(rates.kv_use), 'worker')} on average"
    if rates.kv_ranks:
        each = ", ".join(f"{rank} {per_cent(part)}" for rank, part in rates.kv_ranks[:MOST_LISTED])
        use += f", the mean of {count(len(rates.kv_ranks), 'rank')}: {each}"
    yield "KV cache", use * bool(rates.kv_use)


def failing_now(frontends: Iterable[ScrapedProcess]) -> str:
    """Return the current refusals and failures of frontends, in a line. Empty: none."""
    rates: dict[str, float] = {}
    for known in frontends:
        for one in known.figures.failures:
            if one.rate:
                rates[one.reason] = rates.get(one.reason, 0.0) + one.rate
    most = sorted(rates.items(), key=lambda one: -one[1])[:MOST_IN_LINE]
    reasons = ", ".join(
        f"{rate(number)} {reason}{meaning_of_failure(reason)}" for reason, number in most
    )
    return f"requests a second that frontends refuse or fail: {reasons}" if reasons else ""


def _failures(known: ScrapedProcess) -> Fields:
    """Return the detail of a frontend, all models together."""
    labels = _labels("refused, failed")
    for label, one in zip(labels, known.figures.failures[:MOST_LISTED], strict=False):
        now = f", {rate(one.rate)} a second now" if one.rate else ""
        yield label, f"{whole(one.number)} {one.reason}{meaning_of_failure(one.reason)}{now}"
    if known.figures.failures:
        yield " ", f"of all models, since {known.target} started"


def _trend(trend: Trend, chart_key: str) -> str:
    known = [one for one in trend if one is not None]
    if len(known) < 2:
        return ""
    bars = sparkline(trend, len(trend)).lstrip()
    charts = f"; {chart_key}: charts" if chart_key else ""
    return f"{bars}  at most {rate(max(known))} req/s{charts}"


def _process(known: ScrapedProcess) -> Fields:
    yield "url", f"{known.target}/metrics"
    yield "known", _source(known)
    yield from _missing(known.missing)
    yield from _cut(known)


def _cut(known: ScrapedProcess) -> Fields:
    if known.cut:
        yield "note", f"{known.target} reports more than dyntop keeps: the rest is not counted"
    if known.served_cut:
        yield "note", f"{known.target} lists more models than dyntop keeps"


def _source(known: ScrapedProcess) -> str:
    return "given by --metrics" if known.target.given else "revealed by a model card"


def _missing(missing: tuple[Expected, ...]) -> Fields:
    for label, one in zip(_labels("not found"), missing, strict=False):
        yield label, f"{' or '.join(one.names)}  ({one.releases})"
    yield " ", "most of them are there only after the first request" * bool(missing)


def _place(place: WorkerLabels, rates: Rates) -> str:
    where = "/".join((place.namespace, place.component, place.endpoint))
    return (
        f"{where}  {rate(rates.request_rate)} requests a second, {whole(rates.in_flight)} in flight"
    )


def _last(seen: Seen, by: str) -> str:
    first, between = (
        NOTHING if seconds is None else length(seconds)
        for seconds in (seen.first_token, seen.between_tokens)
    )
    return f"{first} to first token, {between} between tokens, as {by} saw it"


def served_sentence(served: Served, namespace: str | None) -> str:
    """Return a sentence on one name by frontends and by the store, and its likely causes."""
    by = ", ".join(served.by[:MOST_LISTED])
    if not served.differs:
        return "; ".join(filter(None, (f"served by {by}", not_served_by(served))))
    if not served.registered:
        where = f" in namespace {namespace}, where dyntop looks" if namespace else ""
        return (
            f"served but not registered: {by} {_lists(served.by)} it, and no card{where} has that "
            "name; it was removed just now, or the frontend looks at another store or namespace"
        )
    return (
        f"registered but not served: {not_served_by(served)}; its frontend may "
        "be another, look at another namespace, have refused its card, or wait for more workers"
    )


def not_served_by(served: Served) -> str:
    """Return the frontends that do not serve it, with their reports. Empty: none."""
    unlisted = tuple(one for one in served.not_by if one not in served.not_ready)
    parts = (
        (unlisted, f"{_do(unlisted)} not list it"),
        (served.not_ready, f"{'says' if len(served.not_ready) == 1 else 'say'} it is not ready"),
    )
    return "; ".join(f"{', '.join(some[:MOST_LISTED])} {what}" for some, what in parts if some)


def _do(frontends: tuple[str, ...]) -> str:
    return "does" if len(frontends) == 1 else "do"


def _lists(frontends: tuple[str, ...]) -> str:
    return "lists" if len(frontends) == 1 else "list"


def _scraped(known: ScrapedProcess, now: float) -> str:
    return "not yet" if known.scraped_at is None else _ago(now - known.scraped_at)


def _ago(seconds: float) -> str:
    return "now" if seconds < 1 else f"{duration(seconds)} ago"


def _labels(first: str) -> Iterator[str]:
    """Yield the label once, then a blank for each further line."""
    yield first
    while True:
        yield " "
