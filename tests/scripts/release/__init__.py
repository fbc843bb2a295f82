"""Tests of `scripts/release/`."""
