-- Version 0008 on PostgreSQL: API keys of users. They are inserted and deleted in the name of their owner alone, and only when they
-- were last used is ever changed. The writer finds one by its id, before anybody is known: it sees a digest of 256 random bits.

CREATE TABLE api_key (
    key_id text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,              -- of its secret, SHA-256
    scopes text NOT NULL,               -- a JSON array of words
    agents text NOT NULL,               -- those that it may ask, as a JSON array; empty: all
    plan text NOT NULL,
    issued bigint NOT NULL,             -- of the sign-in that made it; ms, as the next three
    created bigint NOT NULL,
    expires bigint NOT NULL,
    used bigint NOT NULL,
    PRIMARY KEY (key_id)
);

CREATE UNIQUE INDEX api_key_name ON api_key (owner, name);

GRANT SELECT ON api_key TO netra_reader;

GRANT SELECT, INSERT, DELETE ON api_key TO netra_writer;

GRANT UPDATE (used) ON api_key TO netra_writer;

ALTER TABLE api_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE api_key FORCE ROW LEVEL SECURITY;

CREATE POLICY writer_sees ON api_key FOR SELECT TO netra_writer USING (true);

CREATE POLICY reader_sees_its_owner ON api_key FOR SELECT TO netra_reader USING (owner = (SELECT asked_owner()));

CREATE POLICY writer_deletes_of_its_owner ON api_key FOR DELETE TO netra_writer USING (owner = (SELECT asked_owner()));

CREATE POLICY writer_inserts_of_its_owner ON api_key FOR INSERT TO netra_writer
    WITH CHECK (owner = (SELECT asked_owner()));

CREATE POLICY writer_updates_of_its_owner ON api_key FOR UPDATE TO netra_writer
    USING (owner = (SELECT asked_owner())) WITH CHECK (owner = (SELECT asked_owner()));
