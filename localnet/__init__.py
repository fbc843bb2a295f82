"""A local Solana chain with JSON-RPC, for development and rehearsal."""
