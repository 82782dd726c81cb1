"""The five tasks of a night, on a cluster of 300 workers."""
