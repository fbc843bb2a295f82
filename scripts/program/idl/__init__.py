"""The program's IDL on chain: what clients and explorers read a program's instructions from."""
