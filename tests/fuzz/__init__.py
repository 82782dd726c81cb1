"""Bursts of keys, pastes, clicks and sizes on the dashboard, from its first moment on."""
