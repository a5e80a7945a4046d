"""The tools of its user's MCP servers, for one run.

- ``listing``: what servers say of their tools, cleaned, bounded, and frozen
- ``run_sessions``: the sessions of one run, each opened when it is first needed
- ``texts``: what a model reads of a result
"""
