"""Faults of a real server: clients cut off at random, ``kill -9`` under load, and a judge afterwards.

``python -m test_framework.chaos --clients 500 --seconds 120 --cuts`` (see ``docs/reliability.md``).

- ``__main__``: the command; ``scenario``: one server; ``fleet_scenario``: several, with PostgreSQL and Valkey
- ``fault_injection``: what is done to them; ``takeover``: how long a takeover takes
- ``fleet``, ``socket_link``, ``slow_reader``: the clients
- ``processes``, ``stores``, ``worker_server``: the servers and what they share; ``forked_server``, ``loaded``: how they start
- ``framework_agents``: an agent of each framework; ``framework_script``: what their model says; ``model_server``: its process
- ``judge``, ``framework_judge``: nothing lost, doubled, out of order, or of another user
"""
