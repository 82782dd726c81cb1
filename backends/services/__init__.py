"""The statistics of NATS services: requests, errors and processing time of each endpoint.

Workers of the NATS request plane have one micro service for each process and component (seen in
Dynamo 0.6.1 to 1.6.1). It counts what its NATS library sees: the time until a request was passed to
the worker's own code, and none of that code's errors. Needs no store.

Import from the modules: `scraper` (asking), `poller` (asking at intervals), `latest` (the last
result), `overview` (joined to the registered instances), `exposition` (as Prometheus text),
`types`. Internal: `parse`.
"""
