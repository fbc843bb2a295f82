"""Tests of cutovers."""
