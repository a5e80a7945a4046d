-- Version 0004 on PostgreSQL: blobs of events, and files of users. The rights of blobs are those of log: netra_writer appends them where the row's owner is
-- the thread's owner, reads no body, changes none, and deletes those of the owner whom its transaction names.
-- Files are written, changed and deleted in the name of their owner alone, and their parts are never changed.

CREATE TABLE blob (                     -- stored in the commit of the event that names it
    thread_id text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    ref text COLLATE "C" NOT NULL,      -- SHA-256 of the body, in hexadecimal
    media text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (thread_id, ref)
);

GRANT SELECT ON blob TO netra_reader;

GRANT SELECT (thread_id, owner, ref, media), INSERT, DELETE ON blob TO netra_writer;

ALTER TABLE blob ENABLE ROW LEVEL SECURITY;

ALTER TABLE blob FORCE ROW LEVEL SECURITY;

CREATE POLICY writer_sees ON blob FOR SELECT TO netra_writer USING (true);

CREATE POLICY reader_sees_its_owner ON blob FOR SELECT TO netra_reader USING (owner = (SELECT asked_owner()));

CREATE POLICY writer_appends_to_its_thread ON blob FOR INSERT TO netra_writer WITH CHECK (owner = owner_of(thread_id));

CREATE POLICY writer_deletes_of_its_owner ON blob FOR DELETE TO netra_writer USING (owner = (SELECT asked_owner()));

CREATE TABLE file (                     -- what users attach
    file_id text COLLATE "C" PRIMARY KEY,
    owner text COLLATE "C" NOT NULL,
    media text NOT NULL,
    sha256 text NOT NULL DEFAULT '',
    size bigint NOT NULL DEFAULT 0,
    created bigint NOT NULL,            -- by the server's clock
    finished boolean NOT NULL DEFAULT false,            -- once it is whole: nobody finds it before
    thread_id text COLLATE "C" NOT NULL DEFAULT '',     -- the thread of the run that it is reserved for, or ''
    run_id text COLLATE "C" NOT NULL DEFAULT '',        -- that run, or ''; once the run exists the file is claimed
    reserved bigint NOT NULL DEFAULT 0                  -- by the server's clock
);

CREATE INDEX file_owner ON file (owner, file_id);

CREATE INDEX file_thread ON file (thread_id) WHERE thread_id <> '';

CREATE TABLE file_part (
    file_id text COLLATE "C" NOT NULL,
    n integer NOT NULL,                 -- 0, 1, 2 …
    owner text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (file_id, n)
);

GRANT SELECT ON file, file_part TO netra_reader;

GRANT SELECT, INSERT, UPDATE (finished, sha256, size, thread_id, run_id, reserved), DELETE ON file TO netra_writer;

GRANT SELECT (file_id, n, owner), INSERT, DELETE ON file_part TO netra_writer;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['file', 'file_part']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY writer_sees ON %I FOR SELECT TO netra_writer USING (true)', name);
        EXECUTE format('CREATE POLICY reader_sees_its_owner ON %I FOR SELECT TO netra_reader '
            'USING (owner = (SELECT asked_owner()))', name);
        EXECUTE format('CREATE POLICY writer_inserts_of_its_owner ON %I FOR INSERT TO netra_writer '
            'WITH CHECK (owner = (SELECT asked_owner()))', name);
        EXECUTE format('CREATE POLICY writer_deletes_of_its_owner ON %I FOR DELETE TO netra_writer '
            'USING (owner = (SELECT asked_owner()))', name);
    END LOOP;
END $$;

CREATE POLICY writer_updates_of_its_owner ON file FOR UPDATE TO netra_writer
    USING (owner = (SELECT asked_owner())) WITH CHECK (owner = (SELECT asked_owner()));
