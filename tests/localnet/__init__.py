"""Tests of the local chain and its endpoint."""
