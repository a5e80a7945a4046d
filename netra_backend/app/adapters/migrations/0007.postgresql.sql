-- Version 0007 on PostgreSQL: MCP servers of users. They are inserted and deleted in the name of their owner alone, and never changed.
-- And a token may be revoked again, for longer: a row that ends soon must not keep the one out that counts.

ALTER TABLE revoked_token DROP CONSTRAINT revoked_token_pkey;

ALTER TABLE revoked_token ADD PRIMARY KEY (user_id, token_id, ends);

CREATE TABLE mcp_server (
    owner text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,     -- the server's id
    key_id text NOT NULL,               -- which key it is sealed with
    sealed bytea NOT NULL,              -- its name, address and credential, readable with the server's key alone
    updated bigint NOT NULL,            -- by the server's clock
    PRIMARY KEY (owner, name)
);

GRANT SELECT ON mcp_server TO netra_reader;

GRANT SELECT (owner, name, key_id, updated), INSERT, DELETE ON mcp_server TO netra_writer;

ALTER TABLE mcp_server ENABLE ROW LEVEL SECURITY;

ALTER TABLE mcp_server FORCE ROW LEVEL SECURITY;

CREATE POLICY writer_sees ON mcp_server FOR SELECT TO netra_writer USING (true);

CREATE POLICY reader_sees_its_owner ON mcp_server FOR SELECT TO netra_reader USING (owner = (SELECT asked_owner()));

CREATE POLICY writer_deletes_of_its_owner ON mcp_server FOR DELETE TO netra_writer USING (owner = (SELECT asked_owner()));

CREATE POLICY writer_inserts_of_its_owner ON mcp_server FOR INSERT TO netra_writer
    WITH CHECK (owner = (SELECT asked_owner()));
