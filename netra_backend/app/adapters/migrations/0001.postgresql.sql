-- Version 0001 on PostgreSQL. It is run as netra_owner, in the schema netra.
--
-- Who may do what. The server logs in as a role that has nothing of its own and becomes one of two on each connection:
--   netra_reader  reads what belongs to the owner that its transaction names (SET LOCAL netra.owner), and nothing else.
--   netra_writer  sees across owners who owns which thread, where it stands and which runs go on, but no event: it has no
--                 right to read log.payload. It appends only where the row's owner is the thread's owner, changes no event,
--                 and deletes only what belongs to the owner that its transaction names.
-- Row-level security is forced, so that the owner of the tables reads nothing either: a version that has to rewrite rows
-- takes FORCE off and puts it on again within its transaction.
--
-- Times are milliseconds since 1970 by the database's clock, unless their comment says whose they are.

CREATE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE
    AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

-- NULL where no owner was named in this transaction; after one that named an owner the setting is empty, not absent.
CREATE FUNCTION asked_owner() RETURNS text LANGUAGE sql STABLE
    AS $$ SELECT nullif(current_setting('netra.owner', true), '') $$;

CREATE TABLE thread (
    thread_id text COLLATE "C" PRIMARY KEY,
    owner text COLLATE "C" NOT NULL,    -- '' when deleted: the id stays taken
    epoch text NOT NULL,
    title text NOT NULL,
    created bigint NOT NULL,            -- by the server's clock
    updated bigint NOT NULL,            -- when its newest event was stored, by the server's clock
    oldest bigint NOT NULL DEFAULT 1,
    top bigint NOT NULL DEFAULT 0,      -- the newest position that is stored
    fence bigint NOT NULL DEFAULT 0,    -- grows whenever the holder changes
    holder text COLLATE "C"             -- the process that may append; NULL: none
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- No index on a column that an append changes, so that appending rewrites the row in its page and no index.
CREATE INDEX thread_owner ON thread (owner) WHERE owner <> '';

CREATE TABLE log (                      -- append-only; a row is adjacent events of one run
    thread_id text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,                -- of the first event
    n integer NOT NULL,
    owner text COLLATE "C" NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    fence bigint NOT NULL,              -- of the holder that appended it
    at bigint NOT NULL DEFAULT now_ms(),
    payload bytea NOT NULL,             -- events, joined by newlines
    PRIMARY KEY (thread_id, seq)
);

CREATE INDEX log_at ON log (at);

CREATE TABLE run (
    run_id text COLLATE "C" PRIMARY KEY,
    thread_id text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    agent text NOT NULL,
    request_id text NOT NULL,
    timezone text NOT NULL,
    created bigint NOT NULL,            -- by the server's clock
    seq bigint NOT NULL,                -- of its first event
    ended bigint NOT NULL DEFAULT 0     -- seq of its last event, 0 while it goes on
);

CREATE INDEX run_thread ON run (thread_id, seq);

CREATE INDEX run_open ON run (owner, thread_id, seq) WHERE ended = 0;

CREATE TABLE request (                  -- idempotency keys
    owner text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    thread_id text COLLATE "C" NOT NULL,
    created bigint NOT NULL,            -- by the server's clock
    PRIMARY KEY (owner, key)
);

CREATE TABLE process (
    process_id text COLLATE "C" PRIMARY KEY,
    started bigint NOT NULL DEFAULT now_ms(),
    lease bigint NOT NULL               -- it holds threads until then
);

-- Letters between processes; they may all be lost. A body may hold what a user sent, so it lies here and not in NOTIFY.
CREATE UNLOGGED TABLE mailbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recipient text COLLATE "C",         -- NULL: every process
    sender text COLLATE "C" NOT NULL,
    question bigint,                    -- the asker's number, in a question and in its answer; NULL: told
    at bigint NOT NULL DEFAULT now_ms(),
    body bytea NOT NULL
);

CREATE INDEX mailbox_at ON mailbox (at);

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at bigint NOT NULL,                 -- by the server's clock
    owner text COLLATE "C",             -- NULL where nobody was known
    event text NOT NULL,
    point text,                         -- the validation point that refused
    detail text NOT NULL                -- JSON
);

CREATE INDEX audit_owner ON audit (owner, id);

CREATE TABLE revocation (
    user_id text COLLATE "C" PRIMARY KEY,
    until bigint NOT NULL               -- by the server's clock
);

CREATE UNLOGGED TABLE ticket (
    digest text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    identity text NOT NULL,             -- JSON
    expires bigint NOT NULL             -- by the server's clock
);

CREATE INDEX ticket_user ON ticket (user_id);

CREATE INDEX ticket_expires ON ticket (expires);

-- A thread has one owner, for ever: it can only be given up.
CREATE FUNCTION keep_owner() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE insufficient_privilege USING MESSAGE = 'a thread has one owner, for ever'; END $$;

CREATE TRIGGER keep_owner BEFORE UPDATE OF owner ON thread
    FOR EACH ROW WHEN (NEW.owner <> OLD.owner AND NEW.owner <> '') EXECUTE FUNCTION keep_owner();

-- Volatile, so that it also sees a thread that the same statement has just inserted; no thread: NULL, which refuses.
CREATE FUNCTION owner_of(id text) RETURNS text LANGUAGE plpgsql VOLATILE
    AS $$ BEGIN RETURN (SELECT t.owner FROM netra.thread t WHERE t.thread_id = id AND t.owner <> ''); END $$;

-- One batch of appends, of many threads at once. It is stored whole or not at all: where something of it may not be stored it
-- raises NTREF, whose detail is {"thread_taken": […], "fenced": […], "key_taken": […]}: the places, from 1, in born, head and
-- keyed of what was refused. What comes before a refusal and what has nothing to do with it is to be sent again without it.
--
--   born    threads that are new; thread_taken: there is, or was, one of that id
--   head    threads that go on; fenced: the caller does not hold it with this fence, or its top is not where this goes on
--   keyed   idempotency keys of new runs; key_taken: it began another run within the last 24 h
--   begun   runs whose first events these are, with the seq of the last one where it is among them
--   ended   runs that began earlier and end here
--   row     the events
--
-- A thread that is not kept is let go of: it has no run left.
CREATE FUNCTION append(
    me text, now bigint,
    born_thread text[], born_owner text[], born_epoch text[], born_title text[], born_created bigint[], born_top bigint[],
    born_kept boolean[],
    head_thread text[], head_fence bigint[], head_first bigint[], head_top bigint[], head_kept boolean[],
    keyed_owner text[], keyed_key text[], keyed_run text[], keyed_thread text[], keyed_created bigint[],
    begun_run text[], begun_thread text[], begun_owner text[], begun_agent text[], begun_request text[],
    begun_timezone text[], begun_created bigint[], begun_seq bigint[], begun_ended bigint[],
    ended_run text[], ended_seq bigint[],
    row_thread text[], row_seq bigint[], row_n integer[], row_owner text[], row_run text[], row_fence bigint[],
    row_payload bytea[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    thread_taken bigint[];
    fenced bigint[];
    key_taken bigint[];
BEGIN
    IF cardinality(born_thread) > 0 THEN
        WITH made AS (
            INSERT INTO thread (thread_id, owner, epoch, title, created, updated, top, fence, holder)
            SELECT b.id, b.owner, b.epoch, b.title, b.created, now, b.top, 1, CASE WHEN b.kept THEN me END
            FROM unnest(born_thread, born_owner, born_epoch, born_title, born_created, born_top, born_kept)
                AS b (id, owner, epoch, title, created, top, kept)
            ON CONFLICT (thread_id) DO NOTHING RETURNING thread.thread_id
        )
        SELECT array_agg(b.i) INTO thread_taken FROM unnest(born_thread) WITH ORDINALITY AS b (id, i)
        WHERE b.id NOT IN (SELECT made.thread_id FROM made);
    END IF;
    IF cardinality(head_thread) > 0 THEN
        WITH went AS (
            UPDATE thread AS t SET top = h.top, updated = now, holder = CASE WHEN h.kept THEN me END
            FROM unnest(head_thread, head_fence, head_first, head_top, head_kept) WITH ORDINALITY
                AS h (id, fence, first, top, kept, i)
            WHERE t.thread_id = h.id AND t.fence = h.fence AND t.holder = me AND t.top = h.first - 1 AND t.owner <> ''
            RETURNING h.i
        )
        SELECT array_agg(i) INTO fenced FROM generate_series(1, cardinality(head_thread)) AS h (i)
        WHERE h.i NOT IN (SELECT went.i FROM went);
    END IF;
    IF thread_taken IS NULL AND fenced IS NULL AND cardinality(keyed_key) > 0 THEN
        WITH put AS (
            INSERT INTO request (owner, key, run_id, thread_id, created)
            SELECT * FROM unnest(keyed_owner, keyed_key, keyed_run, keyed_thread, keyed_created)
            ON CONFLICT (owner, key) DO UPDATE
                SET run_id = excluded.run_id, thread_id = excluded.thread_id, created = excluded.created
                WHERE request.created < excluded.created - 86400000
            RETURNING request.run_id
        )
        SELECT array_agg(k.i) INTO key_taken FROM unnest(keyed_run) WITH ORDINALITY AS k (id, i)
        WHERE k.id NOT IN (SELECT put.run_id FROM put);
    END IF;
    IF thread_taken IS NOT NULL OR fenced IS NOT NULL OR key_taken IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'NTREF', MESSAGE = 'not all of it may be stored', DETAIL =
            json_build_object('thread_taken', thread_taken, 'fenced', fenced, 'key_taken', key_taken);
    END IF;
    INSERT INTO log (thread_id, seq, n, owner, run_id, fence, payload)
    SELECT * FROM unnest(row_thread, row_seq, row_n, row_owner, row_run, row_fence, row_payload);
    IF cardinality(begun_run) > 0 THEN
        INSERT INTO run (run_id, thread_id, owner, agent, request_id, timezone, created, seq, ended)
        SELECT * FROM unnest(begun_run, begun_thread, begun_owner, begun_agent, begun_request, begun_timezone,
            begun_created, begun_seq, begun_ended);
    END IF;
    IF cardinality(ended_run) > 0 THEN
        UPDATE run AS r SET ended = e.seq FROM unnest(ended_run, ended_seq) AS e (id, seq) WHERE r.run_id = e.id;
    END IF;
END $$;

GRANT USAGE ON SCHEMA netra TO netra_writer, netra_reader;

GRANT SELECT ON alembic_version TO netra_writer, netra_reader;

GRANT SELECT ON thread, log, run, request, audit TO netra_reader;

GRANT SELECT, INSERT, UPDATE ON thread TO netra_writer;

GRANT SELECT (thread_id, seq, n, owner, run_id, fence, at), INSERT, DELETE ON log TO netra_writer;

GRANT SELECT, INSERT, UPDATE (ended), DELETE ON run TO netra_writer;

GRANT SELECT, INSERT, UPDATE (run_id, thread_id, created), DELETE ON request TO netra_writer;

GRANT SELECT, INSERT, UPDATE (lease), DELETE ON process TO netra_writer;

GRANT SELECT, INSERT, DELETE ON mailbox, ticket TO netra_writer;

GRANT SELECT, INSERT, UPDATE (owner, detail), DELETE ON audit TO netra_writer;

GRANT SELECT, INSERT, UPDATE (until) ON revocation TO netra_writer;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['thread', 'log', 'run', 'request', 'process', 'mailbox', 'audit', 'revocation', 'ticket']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY writer_sees ON %I FOR SELECT TO netra_writer USING (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['thread', 'log', 'run', 'request', 'audit']
    LOOP
        EXECUTE format('CREATE POLICY reader_sees_its_owner ON %I FOR SELECT TO netra_reader '
            'USING (owner = (SELECT asked_owner()))', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['log', 'run', 'request']
    LOOP
        EXECUTE format('CREATE POLICY writer_appends_to_its_thread ON %I FOR INSERT TO netra_writer '
            'WITH CHECK (owner = owner_of(thread_id))', name);
        EXECUTE format('CREATE POLICY writer_deletes_of_its_owner ON %I FOR DELETE TO netra_writer '
            'USING (owner = (SELECT asked_owner()))', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['run', 'request']
    LOOP
        EXECUTE format('CREATE POLICY writer_updates_of_its_thread ON %I FOR UPDATE TO netra_writer '
            'USING (true) WITH CHECK (owner = owner_of(thread_id))', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['process', 'mailbox', 'audit', 'revocation', 'ticket']
    LOOP
        EXECUTE format('CREATE POLICY writer_inserts ON %I FOR INSERT TO netra_writer WITH CHECK (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['process', 'audit', 'revocation']
    LOOP
        EXECUTE format('CREATE POLICY writer_updates ON %I FOR UPDATE TO netra_writer USING (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['process', 'mailbox', 'audit', 'ticket']
    LOOP
        EXECUTE format('CREATE POLICY writer_deletes ON %I FOR DELETE TO netra_writer USING (true)', name);
    END LOOP;
END $$;

CREATE POLICY writer_inserts ON thread FOR INSERT TO netra_writer WITH CHECK (owner <> '');

CREATE POLICY writer_updates ON thread FOR UPDATE TO netra_writer USING (owner <> '') WITH CHECK (true);
