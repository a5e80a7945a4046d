-- Version 0007 on SQLite: MCP servers of users.

CREATE TABLE mcp_server (
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,             -- the server's id
    key_id TEXT NOT NULL,           -- which key it is sealed with
    sealed BLOB NOT NULL,           -- its name, address and credential, readable with the server's key alone
    updated INTEGER NOT NULL        -- ms
);

CREATE UNIQUE INDEX mcp_server_name ON mcp_server(owner, name);
