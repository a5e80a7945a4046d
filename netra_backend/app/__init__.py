"""The server. Imports point down, in this order.

- ``cli``, ``commands``: the command line
- ``serving``, ``extensions``: processes, and what others add to a server
- ``wiring``, ``stores``, ``usage_stores``: which adapter does which job
- ``server``, ``web``: one process; HTTP, WebSocket and the page
- ``drill``: the isolation drill
- ``cluster``, ``runs``: other processes; from a request to the end of its run
- ``websocket_core``, ``agents``, ``adapters``: connections; agents and tools; everything outside the process
- ``usage``: the money
- ``services``: identity, ownership and records
- ``ports``, ``sign_in_ports``, ``file_ports``, ``state_ports``, ``secret_ports``, ``spend_ports``, ``mcp_ports``: what
  adapters implement
- ``config``, ``settings_reader``: settings, and how they are read
- ``core``: pure functions and state machines
"""
