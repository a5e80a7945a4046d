"""Sessions with MCP servers of users, by the SDK ``mcp`` (the extra of that name), over guarded outbound calls.

- ``client``: opens and closes sessions (``mcp_ports.McpClient``), and asks authorization servers (``AuthorizationClient``)
- ``session``: one session, in a task of its own
- ``transport``: the SDK's HTTP, through ``adapters.outbound``
- ``authorization``: OAuth with the authorization server of an MCP server; ``authorization_http``: its requests
- ``results``: what a call returned, as plain JSON
"""
