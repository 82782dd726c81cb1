"""What NATS services count of themselves: requests, errors and processing time of each endpoint.

Workers of the NATS request plane have one micro service for each process and component (seen in
Dynamo 0.6.1 to 1.6.1). What it counts is what its NATS library sees: the time until a request was
handed on to the worker's own code, and no error of that code. Works without any store.
"""
