"""The registry of agents and the engine that runs one of them for one user.

- ``agent_registry``: makes a new agent for every run
- ``execution_engine_factory``: makes an engine from a request's context
- ``execution_engine``: one user's context, emitter and dispatcher; runs an agent to exactly one end
- ``scope``: what the agent holds; gives each step its key
- ``run_recorder``: what the steps of a run share; ``branches``: which line of steps a task is on
- ``tool_calls``, ``model_calls``, ``own_steps``, ``state_steps``, ``pauses``: steps, each recorded before it is performed and
  when it has ended; ``user_questions``, ``tool_approvals``: those that wait for the user; ``shown_arguments``: what of a
  call's arguments a user sees, and may change
- ``framework_steps``: the steps of agents that another framework runs; ``kept_before``: what an earlier run kept for them
- ``agent_results``: what agents return, if it is a result that can be recorded
- ``user_tools``: tools of the user's MCP servers, listed once a run
- ``unseen_replies``: what a model says to an agent alone
- ``model_stream``, ``live_text``: which part of a streamed text may be shown already, and in how few events
- ``stack_owner``: whose code a stack is of
- ``spending``: what a model request costs, ahead of it and afterwards
- ``past_messages``: what was said before in the thread
- ``run_services``: what all runs share
"""
