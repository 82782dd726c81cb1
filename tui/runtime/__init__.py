"""The process around the dashboard, and every workaround for a library with its release."""
