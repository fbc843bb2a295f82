"""Tests against the real engine; they need the Pulumi CLI and an AWS emulator."""
