"""The rules, one module a service. A module that is put here is part of the pack."""
