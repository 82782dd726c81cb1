"""Probes: ask a registered address itself, gently, whether something answers.

No probe sends a request to a model. Import from the modules: `prober` (schedules the probes),
`probe_targets` (from records to targets), `types` (methods, answers, results), `addresses`
(parsing, and why one is unusable), `hosts` (the host in a record), `local` (this host). Internal,
one for each way of asking: `tcp`, `plane`, `zmtp`, `health`, `nats`; `connect` and `dns` serve
them.
"""
