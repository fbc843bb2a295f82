"""Tests of the page of a cutover."""
