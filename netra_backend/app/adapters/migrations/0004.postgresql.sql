-- Version 0004 on PostgreSQL: blobs of events. Their rights are those of log: netra_writer appends them where the row's owner is
-- the thread's owner, reads no body, changes none, and deletes those of the owner whom its transaction names.

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
