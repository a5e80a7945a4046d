"""Redis or Valkey between the processes of one server. It may lose anything: the event log is the truth.

- ``bus``: committed events on their way to other processes (``ports.Bus``)
- ``message``: one such message, encrypted
- ``presence``: what users hold at other processes (``ports.Presence``)
- ``url``: reads the address of a server
"""
