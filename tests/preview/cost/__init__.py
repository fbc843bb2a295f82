"""Tests of the estimate of costs."""
