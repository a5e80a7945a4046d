"""A client for Python programs: connect, ask, follow, reconnect without losing or repeating an event.

- ``client``: ``NetraClient``; ``connection``: one WebSocket of it; ``commands``: what it asks of the server
- ``positions``: which event is next, which is a repeat, and which shows a gap
- ``thread_events``: the events of one thread that wait for their reader
- ``reconnection``, ``unanswered``: state machines: when to connect again, what to send again
- ``token_source``: the token, and a new one once it has expired; ``handshake``: HTTP statuses instead of a connection
- ``identity``, ``bearer_get``: who a token is for, asked over HTTP; ``upload``: files to attach
- ``errors``: what a client raises
"""

from __future__ import annotations

from ..app.core.former_names import former_names

__getattr__ = former_names(__name__, {"NetraClient": (f"{__name__}.client", "netra_server.client.NetraClient")})
