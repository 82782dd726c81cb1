"""An API server in this process, on loopback, for faults that a real one does not make on demand.

async with StandIn() as server:
    server.store.put("pods", {...})
    server.fail(status=429, retry_after="7")
    await server.cut(b'{"type":"MOD')

It speaks list (pages, labels, and of events the uid that they are about), watch (bookmarks, time
limit, 410), get, apply, JSON patch, delete with preconditions, and SelfSubjectAccessReview.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import yaml
from aiohttp import web

from tests.support.kubernetes.object_store import ApiProblem, Key, ObjectStore, StoredChange
from tests.support.ports import LOOPBACK

WORKERS = "dynamoworkermetadatas"
SLICES = "endpointslices"
PODS = "pods"
EVENTS = "events"
ROOTS = {
    "/apis/nvidia.com/v1alpha1": (WORKERS,),
    "/apis/discovery.k8s.io/v1": (SLICES,),
    "/api/v1": (PODS, EVENTS),
}
KINDS = {WORKERS: "DynamoWorkerMetadata", SLICES: "EndpointSlice", PODS: "Pod", EVENTS: "Event"}
REVIEWS = "selfsubjectaccessreviews"
REASONS = {401: "Unauthorized", 403: "Forbidden", 410: "Expired", 429: "TooManyRequests"}

_text = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
"""Without spaces, as an API server writes JSON."""
_json_response = partial(web.json_response, dumps=_text)

Object = dict[str, Any]
_Sent = bytes | None
"""What a watch sends next. None: it ends."""


@dataclass
class Fault:
    """An answer in place of the right one. `*`: any."""

    verb: str
    resource: str
    status: int
    times: int | None
    """None: until it is taken away."""
    retry_after: str | None = None
    hangs: bool = False
    """It never answers."""
    query: str = ""
    """A parameter that the request has to have."""


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    verb: str
    resource: str
    path: str
    query: dict[str, str]
    token: str
    """The whole `Authorization` header."""
    body: Any
    at: float
    """By `time.monotonic`."""
    headers: dict[str, str]


class _Watch:
    """One open watch."""

    def __init__(self, request: web.Request, resource: str, namespace: str) -> None:
        self.request = request
        self.resource = resource
        self.namespace = namespace
        self.selected = _selected(request.query.get("labelSelector", ""))
        self.queue: asyncio.Queue[_Sent] = asyncio.Queue()

    def concerns(self, one: Object | None) -> bool:
        if one is None or not self.selected(one):
            return False
        return not self.namespace or one["metadata"].get("namespace") == self.namespace

    def tell(self, change: StoredChange) -> None:
        if change.resource != self.resource:
            return
        before, now = self.concerns(change.old), self.concerns(change.new)
        if now and change.new is not None:
            self.queue.put_nowait(event("MODIFIED" if before else "ADDED", change.new))
        elif before and change.old is not None:
            last = change.old if change.new is None else change.new
            version = {"resourceVersion": str(change.version)}
            gone = {**last, "metadata": {**last["metadata"], **version}}
            self.queue.put_nowait(event("DELETED", gone))

    def abort(self) -> None:
        if (transport := self.request.transport) is not None:
            transport.abort()


def event(kind: str, one: Object) -> bytes:
    """Return a line of a watch."""
    return _text({"type": kind, "object": one}).encode() + b"\n"


def status_event(status: int) -> bytes:
    """Return an `ERROR` event with a status, such as 410."""
    return event("ERROR", ApiProblem(status, REASONS.get(status, ""), "made up").body())


class StandIn:
    """The server. Its data outlives `stop`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.store = ObjectStore(self._tell)
        self.port = 0
        self.tokens: set[str] | None = None
        """The `Authorization` headers that it takes. None: any, and none."""
        self.forbidden: set[tuple[str, str]] = set()
        """Verbs and resources that it refuses."""
        self.reviews = True
        """Whether it answers what a user may do. If not, that is forbidden, too."""
        self.redirect = ""
        """Where it sends every request on to. Empty: nowhere."""
        self.seen: list[Seen] = []
        self._faults: list[Fault] = []
        self._watches: set[_Watch] = set()
        self._tls = tls
        self._runner: web.AppRunner | None = None
        self._changed = asyncio.Condition()

    @property
    def url(self) -> str:
        """Return its URL."""
        return f"{'https' if self._tls else 'http'}://{LOOPBACK}:{self.port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, on the same port as the last time."""
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.0
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, self.port, ssl_context=self._tls)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Break all connections and refuse new ones."""
        for watch in self._watches:
            watch.abort()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def wipe(self) -> None:
        """Lose all data, and begin with the versions anew."""
        self.store = ObjectStore(self._tell, version=1)

    def kubeconfig(self, path: Path, namespace: str = "default", **user: Any) -> Path:
        """Write a kubeconfig with one context, `lab`."""
        cluster = {"server": self.url}
        config = {
            "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": cluster}],
            "contexts": [
                {
                    "name": "lab",
                    "context": {"cluster": "lab", "user": "me", "namespace": namespace},
                }
            ],
            "users": [{"name": "me", "user": user}],
        }
        path.write_text(yaml.safe_dump(config))
        return path

    # Faults.

    def fail(
        self,
        status: int,
        verb: str = "*",
        resource: str = "*",
        *,
        times: int | None = 1,
        retry_after: str | None = None,
        query: str = "",
    ) -> Fault:
        """Answer with a status, so many times."""
        return self._add(Fault(verb, resource, status, times, retry_after, query=query))

    def hang(self, verb: str = "*", resource: str = "*", *, times: int | None = 1) -> Fault:
        """Never answer, so many times."""
        return self._add(Fault(verb, resource, 0, times, hangs=True))

    def mend(self) -> None:
        """Take all faults away."""
        self._faults.clear()

    async def cut(self, rest: bytes = b"", resource: str = "*") -> None:
        """Break the connections of watches, after a last few bytes."""
        for watch in self._of(resource):
            if rest:
                watch.queue.put_nowait(rest)
                await self._until(lambda one=watch: one.queue.empty())
                await asyncio.sleep(0)
            watch.abort()

    def send(self, line: bytes, resource: str = "*") -> None:
        """Send bytes on watches."""
        for watch in self._of(resource):
            watch.queue.put_nowait(line)

    def bookmark(self, resource: str = "*") -> None:
        """Send a bookmark on watches."""
        for watch in self._of(resource):
            marked = {"metadata": {"resourceVersion": str(self.store.version)}}
            watch.queue.put_nowait(event("BOOKMARK", marked))

    def end_watches(self, resource: str = "*") -> None:
        """End watches as their time limit does."""
        for watch in self._of(resource):
            watch.queue.put_nowait(None)

    # What came.

    def requests(self, verb: str, resource: str = WORKERS) -> list[Seen]:
        """Return the requests of one kind, in order."""
        return [one for one in self.seen if (one.verb, one.resource) == (verb, resource)]

    async def until_watched(self, resource: str = WORKERS, times: int = 1) -> None:
        """Wait until a resource has been asked for a watch so many times, and the last is open."""
        await self._until(
            lambda: len(self.requests("watch", resource)) >= times and self._of(resource)
        )

    async def until_seen(self, verb: str, resource: str = WORKERS, times: int = 1) -> None:
        """Wait until so many requests of one kind came."""
        await self._until(lambda: len(self.requests(verb, resource)) >= times)

    async def _until(self, condition: Any) -> None:
        async with asyncio.timeout(60.0), self._changed:
            await self._changed.wait_for(condition)

    def _of(self, resource: str) -> list[_Watch]:
        return [one for one in self._watches if resource in ("*", one.resource)]

    def _add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault

    def _tell(self, change: StoredChange) -> None:
        for watch in self._watches:
            watch.tell(change)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # HTTP.

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        namespace, resource, name = _place(request.path)
        watches = request.query.get("watch") == "true"
        verb = {
            "GET": "watch" if watches else "get" if name else "list",
            "POST": "create",
            "PATCH": "patch",
            "DELETE": "delete",
        }[request.method]
        token = request.headers.get("Authorization", "")
        query, headers = dict(request.query), dict(request.headers)
        now = time.monotonic()
        self.seen.append(Seen(verb, resource, request.path, query, token, body, now, headers))
        await self._notify()
        if self.redirect:
            raise web.HTTPFound(self.redirect)
        try:
            if (fault := self._fault(verb, resource, query)) is not None:
                if fault.hangs:
                    await asyncio.Event().wait()
                problem = ApiProblem(fault.status, REASONS.get(fault.status, ""), "made up")
                after = fault.retry_after
                waits = {"Retry-After": after} if after is not None else None
                return _json_response(problem.body(), status=fault.status, headers=waits)
            if self.tokens is not None and token not in self.tokens:
                raise ApiProblem(401, "Unauthorized", "Unauthorized")
            return await self._answer(request, verb, (resource, namespace, name), body)
        except ApiProblem as problem:
            return _json_response(problem.body(), status=problem.status)

    def _fault(self, verb: str, resource: str, query: dict[str, str]) -> Fault | None:
        for fault in self._faults:
            right = fault.verb in ("*", verb) and fault.resource in ("*", resource)
            if right and fault.times != 0 and (not fault.query or fault.query in query):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None

    async def _answer(
        self, request: web.Request, verb: str, key: Key, body: Any
    ) -> web.StreamResponse:
        resource, namespace, _ = key
        if resource == "version":
            return _json_response({"major": "1", "minor": "37", "gitVersion": "v1.37.0"})
        if resource == REVIEWS:
            return _json_response(self._review(body), status=201)
        if resource not in KINDS:
            raise ApiProblem(404, "NotFound", "the server could not find the requested resource")
        if (verb, resource) in self.forbidden:
            message = f'{resource} is forbidden: User "me" cannot {verb} resource "{resource}"'
            raise ApiProblem(403, "Forbidden", message)
        match verb:
            case "list":
                return _json_response(self._list(request, resource, namespace))
            case "watch":
                return await self._watch(request, resource, namespace)
            case "get":
                return _json_response(self.store.get(key))
            case "create":
                return _json_response(
                    self.store.create(resource, body, _manager(request)), status=201
                )
            case "delete":
                self.store.delete(key, (body or {}).get("preconditions") or {})
                return _json_response({"kind": "Status", "status": "Success"})
            case _:
                return self._patch(request, key, body)

    def _patch(self, request: web.Request, key: Key, body: Any) -> web.Response:
        manager = _manager(request)
        if request.content_type == "application/apply-patch+yaml":
            found, new = self.store.apply(key, body, manager)
            return _json_response(found, status=201 if new else 200)
        if request.content_type == "application/json-patch+json":
            return _json_response(self.store.patch(key, body, manager))
        raise ApiProblem(415, "UnsupportedMediaType", "the body is in an unknown format")

    def _review(self, body: Any) -> Object:
        if not self.reviews:
            raise ApiProblem(403, "Forbidden", "selfsubjectaccessreviews is forbidden")
        asked = body["spec"]["resourceAttributes"]
        allowed = (asked["verb"], asked["resource"]) not in self.forbidden
        return {**body, "status": {"allowed": allowed}}

    def _list(self, request: web.Request, resource: str, namespace: str) -> Object:
        limit = int(request.query.get("limit", "0"))
        version, start = self.store.version, 0
        if token := request.query.get("continue"):
            version, start = json.loads(base64.b64decode(token))
            if version < self.store.oldest:
                raise ApiProblem(410, "Expired", "The provided continue parameter is too old")
        selected = _selected(request.query.get("labelSelector", ""))
        about = request.query.get("fieldSelector", "")
        found = [
            one
            for one in self.store.all_of(resource, namespace, version)
            if selected(one) and (not about or _is_about(one, about))
        ]
        metadata: Object = {"resourceVersion": str(version)}
        end = start + limit if limit else len(found)
        if end < len(found):
            metadata["continue"] = base64.b64encode(json.dumps([version, end]).encode()).decode()
        kind = KINDS[resource] + "List"
        return {"kind": kind, "metadata": metadata, "items": found[start:end]}

    async def _watch(
        self, request: web.Request, resource: str, namespace: str
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        since = int(request.query.get("resourceVersion") or self.store.version)
        if since < self.store.oldest:
            await response.write(status_event(410))
            return response
        watch = _Watch(request, resource, namespace)
        for change in self.store.since(resource, since):
            watch.tell(change)
        self._watches.add(watch)
        try:
            await self._notify()
            async for sent in _within(watch.queue, float(request.query["timeoutSeconds"])):
                with contextlib.suppress(ConnectionError):
                    await response.write(sent)
                await self._notify()
        finally:
            self._watches.discard(watch)
        return response


async def _within(queue: asyncio.Queue[_Sent], seconds: float) -> AsyncIterator[bytes]:
    """Yield what comes until there is an end, or the time is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (sent := await queue.get()) is not None:
                yield sent


def _place(path: str) -> tuple[str, str, str]:
    """Return the namespace, resource and name of a path."""
    if path == "/version":
        return "", "version", ""
    root = next((one for one in ROOTS if path.startswith(f"{one}/")), "")
    parts = path.removeprefix(root).strip("/").split("/")
    namespace = ""
    if len(parts) > 2 and parts[0] == "namespaces":
        namespace, parts = parts[1], parts[2:]
    if not root:
        return "", parts[-1], ""
    return namespace, parts[0], parts[1] if len(parts) > 1 else ""


def _manager(request: web.Request) -> str:
    return request.query.get("fieldManager", "unknown")


def _is_about(event: Object, selector: str) -> bool:
    """Whether an event has all fields of a selector such as `type=Warning,involvedObject.uid=1`."""
    for one in selector.split(","):
        path, _, value = one.partition("=")
        found: Any = event
        for name in path.split("."):
            found = found.get(name)
        if found != value:
            return False
    return True


def _selected(selector: str) -> Any:
    """Return whether an object has the labels that a selector names."""
    wanted = dict(one.split("=", 1) for one in selector.split(",") if one)

    def matches(one: Object) -> bool:
        labels = one["metadata"].get("labels") or {}
        return all(labels.get(name) == value for name, value in wanted.items())

    return matches
