-- Version 0002 on PostgreSQL: single sign-ins that are revoked.

CREATE TABLE revoked_token (
    user_id text COLLATE "C" NOT NULL,
    token_id text COLLATE "C" NOT NULL,
    ends bigint NOT NULL,               -- ms, by the server's clock: no such token can stand from then on
    PRIMARY KEY (user_id, token_id)
);

ALTER TABLE revoked_token ENABLE ROW LEVEL SECURITY;

ALTER TABLE revoked_token FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, DELETE ON revoked_token TO netra_writer;

CREATE POLICY writer_sees ON revoked_token FOR SELECT TO netra_writer USING (true);

CREATE POLICY writer_inserts ON revoked_token FOR INSERT TO netra_writer WITH CHECK (true);

-- A revocation cannot be undone before its token is dead anyway, by the database's own clock.
CREATE POLICY writer_deletes ON revoked_token FOR DELETE TO netra_writer
    USING (ends <= extract(epoch FROM clock_timestamp()) * 1000);
