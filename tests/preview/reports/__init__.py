"""Tests of `preview/reports/`."""
