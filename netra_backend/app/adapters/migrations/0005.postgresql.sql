-- Version 0005 on PostgreSQL: values that agents keep, and secrets of users. Both are inserted and deleted in the name of their owner alone, and never changed.
-- netra_writer reads no value: it judges by digests whether one is the expected one.

CREATE TABLE state (                    -- written in the commit of the event that tells of it
    owner text COLLATE "C" NOT NULL,
    thread_id text COLLATE "C" NOT NULL,        -- '' for what is the user's, whatever the thread
    name text COLLATE "C" NOT NULL,
    digest text NOT NULL,               -- SHA-256 of the value, in hexadecimal
    value bytea NOT NULL,
    updated bigint NOT NULL,            -- by the server's clock
    PRIMARY KEY (owner, thread_id, name)
);

CREATE INDEX state_updated ON state (updated) WHERE thread_id = '';

CREATE TABLE secret (
    owner text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    key_id text NOT NULL,               -- which key it is sealed with
    sealed bytea NOT NULL,              -- readable with the server's key alone
    updated bigint NOT NULL,            -- by the server's clock
    PRIMARY KEY (owner, name)
);

GRANT SELECT ON state, secret TO netra_reader;

GRANT SELECT (owner, thread_id, name, digest, updated), INSERT, DELETE ON state TO netra_writer;

GRANT SELECT (owner, name, key_id, updated), INSERT, DELETE ON secret TO netra_writer;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['state', 'secret']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY writer_sees ON %I FOR SELECT TO netra_writer USING (true)', name);
        EXECUTE format('CREATE POLICY reader_sees_its_owner ON %I FOR SELECT TO netra_reader '
            'USING (owner = (SELECT asked_owner()))', name);
        EXECUTE format('CREATE POLICY writer_deletes_of_its_owner ON %I FOR DELETE TO netra_writer '
            'USING (owner = (SELECT asked_owner()))', name);
    END LOOP;
END $$;

CREATE POLICY writer_inserts_of_its_owner ON state FOR INSERT TO netra_writer
    WITH CHECK (owner = (SELECT asked_owner()) AND (thread_id = '' OR owner = owner_of(thread_id)));

CREATE POLICY writer_inserts_of_its_owner ON secret FOR INSERT TO netra_writer
    WITH CHECK (owner = (SELECT asked_owner()));
