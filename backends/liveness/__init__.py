"""Liveness: evidence, verdicts, and how they are kept up to date.

Each module uses only modules below it in this list:

    survey            look at a store once, for commands and scripts
    collector         gather evidence while the dashboard is open
    gathering         which addresses and how many leases it asks unasked
    renewal_wait      wait for the renewals that decide about failed addresses
    lease_schedule    which lease to ask for next
    tracker           the verdicts of a cluster, as records and evidence change
    worker_groups     records by worker, and by Kubernetes object
    judge_inputs      all that bears on the verdicts of one worker
    address_readings  the last probe of each address, by worker
    card_consensus    the sorts of card in a worker set, and how they differ
    explain           the evidence behind a verdict, the deciding piece first
    explain_object    the part of it that objects and pods in Kubernetes give
    findings          the records with findings, by place
    keys_by_lease     the keys on each lease
    serving           whether requests reach each card, model and adapter
    workers           processes with all of their records
    evidence          a verdict with its evidence
    frontends         what frontends report to serve
    judge             the verdict of one record
    sentences         the sentence of each kind of evidence
    object_sentences  those of objects and pods in Kubernetes
    drain_marks       the mark of a drained worker, and the records that lack their instance
    failure           what the failed probes of one process prove
    routing           the answers of `serving`
    owned             what an object and its pod show of a process
    evidence_kinds    the kinds of evidence, with their values
"""
