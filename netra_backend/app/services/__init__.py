"""Identity, ownership and the records around a request. Nothing here knows a socket or a driver.

- ``user_execution_context``: who a request is for; everything of the request is made from it
- ``credentials``, ``token_reading``, ``authentication``, ``tickets``: who is asking
- ``standing``: whether an identity stands, now; ``revocations``: which do not any more
- ``api_keys``: how programs sign in as their user
- ``token_minting``, ``synthetic_sign_ins``: tokens of our own
- ``conversations``: who owns a thread or a run; ``run_summaries``: runs as their owner lists them
- ``blobs``: who owns one; ``files``: what users attach, from its upload to its deletion
- ``secrets``: what users give to agents, kept sealed; ``hiding``: keeps it out of a run's log lines
- ``mcp_servers``: those that users add, kept sealed; ``mcp_records``: what is kept of one; ``mcp_authorizations``: OAuth
- ``websocket_bridge_factory``, ``event_emitter``: one user's way into the event log
- ``questions``: what waits for its user, approvals included; ``answer_schemas``: what an answer must be like
- ``model_faults``: what users read of a model request that failed
- ``run_budgets``, ``budget_days``: what model requests may cost a user; ``own_usage``: what they cost, as usage data;
  ``plan_names``: whether plans name what there is
- ``audit_trail``: who was refused what; ``redaction``: keeps secrets out of all that is kept or shown; ``text_redaction``: of one
  text, in slices; ``secret_shapes``: the table of tokens; ``quotation_marks``: what values stand in;
  ``one_slice_a_turn``: long work between which others have their turn
- ``shared_threads``, ``shared_places``: what users share, in turn; ``safe_html``: Markdown of agents as HTML
- ``child_environment``: how a child process is run, and the little that it learns
"""
