"""What Dynamo's processes measure of themselves: Prometheus text, read while somebody looks.

Frontends tell of models (`dynamo_frontend_…`), workers of their endpoints (`dynamo_component_…`).
"""
