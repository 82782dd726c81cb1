"""NATS: how to reach it, in Dynamo's own settings. Imports the client library when it connects."""
