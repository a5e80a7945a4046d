"""The registry of agents and the per-user engine."""
