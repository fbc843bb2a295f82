"""Solana programs: what is deployed, how the loader is spoken to, and what it would refuse."""
