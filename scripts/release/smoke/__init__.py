"""Smoke tests: whether a release does what it is there for, seen from outside, in five minutes."""
