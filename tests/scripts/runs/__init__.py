"""Tests of what every acting command stands on."""
