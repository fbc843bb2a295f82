"""Tests of `scripts/program/admin/`."""
