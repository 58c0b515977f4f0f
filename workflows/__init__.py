"""The durable processes, one file each. Deterministic: no clock, no randomness, no I/O but through activities."""
