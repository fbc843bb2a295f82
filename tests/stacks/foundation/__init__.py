"""Tests of what an account's environments share."""
