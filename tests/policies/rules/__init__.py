"""Tests of single rules: what their examples cannot say."""
