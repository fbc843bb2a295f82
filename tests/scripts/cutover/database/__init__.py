"""Tests of database changes."""
