"""Identity, ownership and the records around a request. Nothing here knows a socket or a driver.

- ``user_execution_context``: who a request is for; everything of the request is made from it
- ``credentials``, ``authentication``, ``revocations``, ``tickets``, ``token_minting``: who is asking
- ``conversations``: who owns a thread or a run; ``run_summaries``: runs as their owner lists them
- ``websocket_bridge_factory``, ``event_emitter``: one user's way into the event log
- ``approvals``: tool calls that wait for their user
- ``audit_trail``: who was refused what; ``redaction``: keeps secrets out of all that is kept or shown
- ``child_environment``: how a child process is run, and the little that it is told
"""
