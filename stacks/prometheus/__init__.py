"""Metrics of applications and of the chain, in Prometheus: how they get in, and who is told."""
