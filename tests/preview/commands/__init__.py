"""Tests of `preview/commands/`."""
