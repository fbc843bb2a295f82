"""A local Solana chain, for development and rehearsal: LiteSVM behind a JSON-RPC endpoint."""
