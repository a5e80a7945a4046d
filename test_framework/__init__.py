"""The test kit, for factories and agents of your own, and for ours. It installs with the server, as a pytest plugin.

- ``ssot``, ``base_ssot_test``, ``base_integration_test``, ``base_e2e_test``: the isolation contract; bases of test classes
- ``local_runtime``, ``served``, ``server_process``, ``server_fixtures``: a server in the test's process, on a socket, by itself
- ``services``, ``service_fixtures``, ``service_clients``, ``fleet_services``, ``reaper``: real PostgreSQL and Valkey
- ``postgres_rights``: writes down which rights the migrations make
- ``object_server``, ``object_bucket``, ``issuer``: a real object store; a real issuer of tokens
- ``memory``: stores in memory; ``simulation``, ``chaos``: simulated and real faults; ``faults``: faults for one test
- ``crashes``: kills a server at every event of a run; ``effects``: what was done outside
- ``scripted_model``, ``scripted_responses``: a model
- ``determinism``, ``replay_bench``: finds agents that read clocks or entropy between steps
- ``disabling``, ``point_sites``, ``prove``, ``forked``: the proof that tests can fail
- ``runner``, ``pytest_plugin``: which tests run, and what pytest gains
- ``audit_trail``, ``clock``, ``ids``, ``users``, ``waiting``, ``closing``, ``opened_objects``: key, time, ids, users of tests
- ``echo``, ``paying``, ``poison``, ``counted_tool``, ``scripted_scope``: agents, tools and a scope for tests
- ``playbook``, ``log_story``, ``dataset_story``, ``dataset_storm``, ``usage_rows``, ``seen_positions``: short words for tests
- ``websocket_client``, ``malformed``, ``floods``, ``proxy``: a client; wrong frames, and far too many; a bad proxy
- ``in_process``, ``serve_with``: former names
"""
