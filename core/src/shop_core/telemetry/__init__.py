"""Logs as JSON lines and Prometheus metrics; the only place that knows their formats and names."""
