"""Tests of the written standards."""
