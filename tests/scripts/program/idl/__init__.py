"""Tests of the program's IDL on chain."""
