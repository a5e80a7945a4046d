"""The registry of agents and the engine that runs one of them for one user.

- ``agent_registry``: makes a new agent for every run
- ``execution_engine_factory``: makes an engine from a request's context
- ``execution_engine``: one user's context, emitter and dispatcher; runs an agent to exactly one end
- ``scope``: what the agent holds; every step asks the journal first
- ``model_stream``: which part of a streamed answer may be shown already
- ``past_messages``: what was said before in the thread
- ``run_services``: what all runs share
"""
