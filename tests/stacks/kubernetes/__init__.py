"""Tests of the cluster, and of what runs there."""
