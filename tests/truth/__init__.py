"""What dyntop says of whole real clusters, held against what requests to them get.

`make truth` runs all of it and prints a table; `test_short.py` and `test_load.py` are what is short
enough for every run of the suite.

`situations.py` says what happens to a cluster of `cluster.py`, as moments (`moments.py`) at which
it stands still. `looking.py` waits until `requests.py` get what a moment is known by, asks
`dyntop.py` and `screen.py`, makes the requests again, and leaves it to `comparing.py`, which knows
of no cluster, whether all of it is equal.

Between two moments the two cannot be equal, and nothing is compared: a frontend of 1.6.1 learns of
a killed worker from a request that fails, and tries it again every five seconds until its keys go;
on a stopped one each first request waits for five seconds.
"""
