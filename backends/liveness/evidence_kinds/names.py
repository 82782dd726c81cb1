"""The names of the kinds of evidence. Pure."""

from __future__ import annotations

from enum import StrEnum


class EvidenceKind(StrEnum):
    """What a piece of evidence shows."""

    NOTHING_ASKED = "nothing asked"

    UNREAD = "unread"
    MALFORMED = "malformed"
    ODD_KEY = "odd key"
    NAMES_ANOTHER = "names another"
    TIME_RAN_OUT = "time ran out"
    ADDRESS_UNUSABLE = "address unusable"

    LEASE_LEFT = "lease left"
    LEASE_LATE = "lease late"
    LEASE_UNPROVED = "lease unproved"
    LEASE_GONE = "lease gone"
    NO_LEASE = "no lease"
    RENEWAL_AWAITED = "renewal awaited"

    FILE_TOUCHED = "file touched"
    FILE_LATE = "file late"
    KEPT_ALIVE = "kept alive"
    BUCKET_KEEPS = "bucket keeps"
    NOT_RENEWED = "not renewed"

    READY = "ready"
    NOT_READY = "not ready"
    TAKEN_OUT = "taken out"
    CONTAINER_DOWN = "container down"
    POD_ENDING = "pod ending"
    POD_GONE = "pod gone"
    POD_REPLACED = "pod replaced"
    PREVIOUS_PROCESS = "previous process"
    LEFT_BY_SHUTDOWN = "left by shutdown"
    ID_NOT_OF_OBJECT = "id not of object"
    ID_ROUNDED = "id rounded"
    HIDES_WORKER = "hides worker"
    RIGHT_MISSING = "right missing"

    PROBED = "probed"
    PROBED_FROM_HERE = "probed from here"
    NATS_NOT_ASKED = "NATS not asked"

    WORKER_GONE = "worker gone"
    INSTANCES_UNUSABLE = "instances unusable"
    WORKER_UNKNOWN = "worker unknown"
    NO_SOURCE = "no source"
    DRAINED = "drained"
    DRAINED_OR_DELETED = "drained or deleted"

    NO_INSTANCE = "no instance"
    INSTANCE_DEAD = "instance dead"
    INSTANCE_ADDRESS_UNUSABLE = "instance address unusable"
    NEEDS_NOT_MET = "needs not met"
    CARDS_DIFFER = "cards differ"
