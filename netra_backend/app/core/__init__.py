"""The pure core. Inputs in, effects out; no clock, entropy, loop, environment or log.

- ``ids``, ``identity``, ``limits``, ``settings_values``: what may enter, who somebody is, and how much
- ``validation``: every place where something is refused; ``errors``: what is raised; ``error_catalogue``: what clients receive
- ``client_rules``: what a client does after each of them
- ``frames``, ``events``: what is on the wire and in the log
- ``session``: a connection's state machine; ``outbox``: its outgoing queue
- ``history``: threads, positions and fences; ``journal``: a run's recorded steps
- ``delivery_tracker``: what one process has delivered; ``peer_messages``: what processes ask each other
- ``coroutines``, ``recent``, ``former_names``: small tools of the others
"""
