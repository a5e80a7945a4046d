"""Agents of the OpenAI Agents SDK; ``netra_server.openai_agents`` is how they are served.

- ``serving``: the Netra agent that runs one; ``provider_key``: the key of OpenAI, missed at the start
- ``runner``, ``lines``, ``clones``: what one run of the SDK does, on copies of its agents that ask Netra
- ``models``, ``responses``, ``failures``: its requests to language models
- ``tools``, ``tool_outputs``, ``contexts``, ``guardrails``, ``mcp_servers``, ``user_mcp``, ``hosted``: what its agents can do
- ``messages``, ``results``: what goes in and what comes out
"""
