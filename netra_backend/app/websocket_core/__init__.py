"""One process's connections, from a socket that is accepted to its end.

- ``connection``: the joint: does what its session asks for, with the socket's two halves
- ``incoming``: frames to their handlers, in order (``serial_queue``); ``outgoing``: frames to the socket, bounded
- ``catch_up``: replays what a device missed; ``follower``: delivers what other processes committed
- ``websocket_connection_pool``: connections by id and by user; ``publish`` is the last step of delivery
- ``websocket_manager_factory``, ``websocket_manager``: session and outbox of one socket
"""
