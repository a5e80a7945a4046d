"""Netra: a multi-user AI-agent chat server whose isolation can be proved."""
