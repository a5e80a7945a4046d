"""Agents, their tools, and the engine that runs them for one user.

- ``interface``: what the author of an agent works with; ``agent``: its former names
- ``tools``: what the author of a tool works with, the dispatcher, and the tools of the house
- ``supervisor``: registry, engine and scope
- ``mcp``: tools of its user's MCP servers, for one run
- ``frameworks``: agents of other frameworks
- ``supervisor_agent`` with ``choice``: has a message answered by the agent that can
- ``triage_agent`` with ``triage``: understands what is asked
- ``cost_optimizer`` with ``answers``: answers questions about the user's LLM bill
- ``house_rules``: what holds for an agent of the house that a language model drives
"""
