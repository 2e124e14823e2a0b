"""Show a running engine's status in the terminal, or serve it for Prometheus."""
