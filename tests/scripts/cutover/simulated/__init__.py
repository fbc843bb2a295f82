"""A simulated cloud in which whole cutovers run: its time, faults, services, metrics and people."""
