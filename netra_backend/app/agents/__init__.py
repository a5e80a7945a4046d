"""Agents, their tools and the engine that runs them."""
