"""A client for Python programs: connect, ask, follow, and come back by itself without losing or repeating an event."""
