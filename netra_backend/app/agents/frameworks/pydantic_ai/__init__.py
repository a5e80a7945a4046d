"""Runs agents of pydantic-ai: what they do is performed by ``pydantic_ai.durable_exec``, whose operations are steps of the run.

- ``served``: an agent of pydantic-ai as one of Netra's
- ``house``: an agent of the house, on the server's model and over the server's own tools
- ``durability``: the capability that a run gets, which hands its operations over
- ``operations``: what each operation becomes: a model request, a tool call, a step
- ``model_requests``, ``tool_calls``: those two
- ``failures``: exceptions of models, as they are recorded and raised again
- ``tool_options``: what a tool's metadata says
- ``toolsets``, ``mcp_sessions``: the toolsets of one run; sessions that no two runs share
- ``user_mcp``: the tools of the user's MCP servers
- ``deferred``: approvals, questions and external results, asked of the run's user
- ``prompts``, ``results``: the run's message and earlier ones for the agent; its output as the run's result
- ``current``: the run whose agent is at work
"""
