"""Tests of the steps that the workflows run."""
