"""Tests of the tools that work on this repository."""
