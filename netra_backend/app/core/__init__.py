"""The pure core. Inputs in, effects out; no clock, entropy, loop, environment or log.

- ``ids``, ``identity``, ``settings_values``: what may enter, and who somebody is; ``api_keys``: what is kept of one
- ``limits``, ``quotas``, ``token_bucket``: how much; ``fair_turns``: who is next; ``plans``, ``budgets``: how much for whom, and
  at what cost
- ``validation``: every place where something is refused (``points``: what such a place is; ``storage_points``,
  ``run_points``, ``question_points``, ``plan_points``, ``key_points``, ``door_points``, ``mcp_points``: those of what is
  stored, of runs, of questions, of plans, of API keys, of doors, and of outbound calls)
- ``errors``: what is raised; ``error_catalogue``: what clients receive; ``client_rules``: what a client does after each of them
- ``frames``, ``events``: what is on the wire and in the log; ``frame_key``: the id of a broken frame
- ``traffic``: what a socket sends, counted; ``exhaustion``: errors of the system in plain words; ``repaired_text``
- ``session``: a connection's state machine; ``outbox``: its outgoing queue
- ``history``: threads, positions and fences; ``superseded``: runs that count no more
- ``journal``: a run's recorded steps; ``step_keys``: how they are found; ``asks``: what is asked, and whether it was recorded
- ``questions``: ids of questions to users, and what is said about them
- ``blobs``: bytes that belong to an event; ``files``: what users attach to messages; ``message_parts``: a message in parts
- ``state``: values that agents keep; ``hidden_values``: what a run must not show
- ``audit_chain``: seals, anchors and checkpoints of the audit trail; ``audit_allowance``: how much of a flood is written down
- ``delivery_tracker``: what one process has delivered; ``peer_messages``: what processes ask each other
- ``egress``: which addresses outbound calls may reach
- ``doors``: other people's protocols
- ``coroutines``, ``fair_queue``, ``recent``, ``model_part``, ``former_names``, ``quoting``: small tools of the others
"""
