"""A small MCP server to try the agent beside it with: ``python server.py``, then it listens at http://127.0.0.1:8808/mcp."""

from __future__ import annotations

from mcp.server import MCPServer

server = MCPServer("shop")


@server.tool()
def price(item: str) -> str:
    """What an item costs."""
    return f"{item} costs 3 euros"


@server.tool()
def order(item: str, pieces: int) -> str:
    """Order an item."""
    return f"{pieces} of {item} are ordered"


if __name__ == "__main__":
    server.run("streamable-http", host="127.0.0.1", port=8808)
