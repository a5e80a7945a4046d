"""Helpers that check the isolation contract."""
