"""Tests of `scripts.cutover.rehearse`."""
