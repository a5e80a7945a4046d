"""The stores in memory, for tests and the simulation. Each passes the contract suite of its port.

- ``event_log``: the event log of one process
- ``shared_log``: the event log of one of several processes; ``store`` is what they share
- ``files``: files of users; ``state``: values that agents keep; ``secrets``: those of users
- ``spending``: what model requests cost
- ``ownership``: which process holds which thread
- ``peers``: the messages between processes
- ``bus``, ``presence``: as lossy as Redis may be
- ``revocations``: which sign-ins ended; ``api_keys``: those of users
"""
