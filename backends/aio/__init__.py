"""Small helpers for asyncio that know nothing of stores or Dynamo.

Import from the modules: `timer` (monotonic time, replaced by a fake clock in tests), `steady` (a
clock that counts while the machine is suspended), `backoff` (longer and longer pauses),
`common_moments` (pauses that end together), `daemon_thread` (blocking work), `poll_while_shown` (a
task that repeats while its result is visible), `cancellation` (cancellations that a library
swallowed), `dropped` (connections that are closed at once).
"""
