"""Settings: flags, environment, contexts."""
