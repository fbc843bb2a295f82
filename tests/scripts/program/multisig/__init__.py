"""Tests of `scripts/program/multisig/`."""
