"""The entries of all objects, from three histories that are joined by name and uid. Pure.

Objects, slices and pods come from three watches, between which there is no order. After each
change the entries of the objects concerned are made anew and compared with those made before, so
the entries depend only on what is there now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from backends.kubernetes.objects import Path, Pod, Slice, SliceEndpoint, WorkerObject, revision
from backends.kubernetes.readiness import ALL, Rights, owner_of
from backends.store import Delete, Entry, Owner, Put
from backends.store.owner import qualify

AT_A_TIME = 100
"""Objects that are added in one go: some 5 ms of work."""


class ObjectView:
    """The objects, slices and pods that are there, and the entries that follow from them."""

    def __init__(
        self,
        workers: Iterable[WorkerObject] = (),
        slices: Iterable[Slice] = (),
        pods: Iterable[Pod] = (),
        rights: Rights = ALL,
    ) -> None:
        self.rights = rights
        self._workers: dict[Path, WorkerObject] = {}
        self._slices: dict[Path, Slice] = {}
        self._pods = {pod.path: pod for pod in pods}
        self._endpoints: dict[Path, list[SliceEndpoint]] = {}
        """By pod."""
        self._by_pod: dict[Path, set[Path]] = {}
        """The objects whose readiness depends on a pod."""
        self._holders: dict[bytes, list[Path]] = {}
        """The objects that hold a key, the oldest first, for keys that several hold."""
        self._first: dict[bytes, Path] = {}
        """The object that holds a key, for all keys."""
        self._made: dict[Path, dict[bytes, Entry]] = {}
        for one in slices:
            self._put_slice(one)
        for _ in self.adding(workers):
            pass

    def adding(self, workers: Iterable[WorkerObject]) -> Iterator[None]:
        """Add the first objects. Yields after some ms of work, each time, for others to have a
        turn."""
        for number, worker in enumerate(workers, 1):
            self._put_worker(worker)
            if not number % AT_A_TIME:
                yield
        for number, path in enumerate(self._workers, 1):
            self._made[path] = self._make(path)
            if not number % AT_A_TIME:
                yield

    def entries(self) -> Iterator[Entry]:
        """Yield all entries, in no order."""
        for made in self._made.values():
            yield from made.values()

    def change_worker(self, worker: WorkerObject, *, gone: bool) -> list[Put | Delete]:
        """Apply the change of an object."""
        path, shared = worker.path, set[Path]()
        before = self._workers.get(path)
        if before is not None:
            shared |= self._discard_worker(before)
        if not gone:
            shared |= self._put_worker(worker)
        return self._remade({path, *shared}, worker.version)

    def change_slice(self, one: Slice, *, gone: bool) -> list[Put | Delete]:
        """Apply the change of an EndpointSlice."""
        pods = {endpoint.pod for endpoint in one.endpoints}
        if (before := self._slices.pop(one.path, None)) is not None:
            pods |= {endpoint.pod for endpoint in before.endpoints}
            for endpoint in before.endpoints:
                there = self._endpoints[endpoint.pod]
                there.remove(endpoint)
                if not there:
                    del self._endpoints[endpoint.pod]
        if not gone:
            self._put_slice(one)
        return self._remade(self._objects_of(pods))

    def change_pod(self, pod: Pod, *, gone: bool) -> list[Put | Delete]:
        """Apply the change of a pod."""
        if gone:
            self._pods.pop(pod.path, None)
        else:
            self._pods[pod.path] = pod
        return self._remade(self._objects_of({pod.path}))

    def owner(self, worker: WorkerObject) -> Owner:
        """Return what is known of the process of an object."""
        pod = _pod_path(worker)
        # In pod mode Dynamo takes the object's own name for the pod's.
        endpoints = self._endpoints.get(worker.path, ())
        return owner_of(worker, endpoints, self._pods.get(pod), self.rights)

    def _make(self, path: Path) -> dict[bytes, Entry]:
        """Return the entries of an object, by key."""
        worker = self._workers[path]
        owner, last_write = self.owner(worker), worker.last_write
        made = {}
        for one in worker.entries:
            key = one.key
            if one.problem or self._first[key] != path:
                key = qualify(key, owner)
            version = revision(last_write, one)
            made[key] = Entry(key, one.value, version, problem=one.problem, owner=owner)
        return made

    def _remade(self, paths: Iterable[Path], version: str = "") -> list[Put | Delete]:
        """Make the entries of objects anew. Return the differences, removals first."""
        puts: list[Put | Delete] = []
        deletes: list[Put | Delete] = []
        for path in sorted(paths):
            before = self._made.pop(path, {})
            now = self._make(path) if path in self._workers else {}
            if now:
                self._made[path] = now
            deletes += [Delete(key, version) for key in before if key not in now]
            puts += [Put(entry) for key, entry in now.items() if before.get(key) != entry]
        return [*deletes, *puts]

    def _put_worker(self, worker: WorkerObject) -> set[Path]:
        """Add an object. Return the other objects whose keys are spelled otherwise since."""
        self._workers[worker.path] = worker
        for path in {worker.path, _pod_path(worker)}:
            self._by_pod.setdefault(path, set()).add(worker.path)
        others = set()
        for one in worker.entries:
            first = self._first.setdefault(one.key, worker.path)
            if first != worker.path:
                others |= self._share(one.key, first, worker.path)
        return others

    def _share(self, key: bytes, first: Path, path: Path) -> set[Path]:
        """Note that a further object holds a key. Return those whose spelling may change."""
        holders = self._holders.setdefault(key, [first])
        if path not in holders:
            holders.append(path)
            holders.sort(key=self._age)
        self._first[key] = holders[0]
        return {first, holders[0]} - {path}

    def _discard_worker(self, worker: WorkerObject) -> set[Path]:
        """Remove an object. Return the other objects whose keys are spelled otherwise since."""
        path = worker.path
        del self._workers[path]
        for pod in {path, _pod_path(worker)}:
            self._by_pod[pod].discard(path)
            if not self._by_pod[pod]:
                del self._by_pod[pod]
        others = set()
        for one in worker.entries:
            holders = self._holders.get(one.key)
            if holders is None:
                self._first.pop(one.key, None)
                continue
            holders.remove(path)
            self._first[one.key] = holders[0]
            others.add(holders[0])
            if len(holders) == 1:
                del self._holders[one.key]
        return others

    def _age(self, path: Path) -> tuple[float, Path]:
        """Return what orders the objects that hold a key: the oldest one keeps the plain key."""
        created_at = self._workers[path].created_at
        return (0.0 if created_at is None else created_at, path)

    def _put_slice(self, one: Slice) -> None:
        self._slices[one.path] = one
        for endpoint in one.endpoints:
            self._endpoints.setdefault(endpoint.pod, []).append(endpoint)

    def _objects_of(self, pods: Iterable[Path]) -> set[Path]:
        return {path for pod in pods for path in self._by_pod.get(pod, ())}


def _pod_path(worker: WorkerObject) -> Path:
    return (worker.path[0], worker.pod_name or worker.path[1])
