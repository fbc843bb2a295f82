"""Tests of what is known of Solana programs and their loader."""
