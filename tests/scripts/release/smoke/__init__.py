"""Tests of the smoke tests, against a product on loopback."""
