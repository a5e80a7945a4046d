"""Benchmarks: what the server does on this machine, beside its peers, with the noise named. Tests never time anything."""
