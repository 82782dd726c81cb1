"""Settings: flags, environment, and the settings file with its contexts."""
