-- Version 0006 on PostgreSQL: what requests to language models cost. Rows are written, changed and deleted in the name of their owner
-- alone. Their sums are stored under a digest of the owner: they outlive what is deleted of the user until the month is over, so
-- that a budget does not come back by deleting everything, and may be deleted by anybody once they are old.

CREATE TABLE model_use (                -- one attempt at one request
    owner text COLLATE "C" NOT NULL,
    call_id text COLLATE "C" NOT NULL,
    attempt integer NOT NULL,
    at bigint NOT NULL,                 -- by the server's clock
    day text COLLATE "C" NOT NULL,      -- YYYY-MM-DD, in the zone of the user's plan
    model text NOT NULL,
    usd bigint,                         -- picodollars; NULL: the model has no price
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    settled boolean NOT NULL,           -- false: an estimate, reserved before the request was sent
    PRIMARY KEY (owner, call_id, attempt)
);

CREATE INDEX model_use_day ON model_use (day);

CREATE TABLE spend (
    subject text COLLATE "C" NOT NULL,  -- core.budgets.subject_of the owner
    day text COLLATE "C" NOT NULL,
    usd bigint NOT NULL,
    tokens bigint NOT NULL,
    requests bigint NOT NULL,
    PRIMARY KEY (subject, day)
);

CREATE FUNCTION asked_subject() RETURNS text LANGUAGE sql STABLE
    SET search_path = netra, pg_catalog
    AS $$ SELECT left(encode(sha256(convert_to('netra spend:' || asked_owner(), 'UTF8')), 'hex'), 40) $$;

GRANT SELECT ON model_use, spend TO netra_reader;

GRANT SELECT, INSERT, DELETE,
    UPDATE (model, usd, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, settled)
    ON model_use TO netra_writer;

GRANT SELECT, INSERT, UPDATE (usd, tokens, requests), DELETE ON spend TO netra_writer;

ALTER TABLE model_use ENABLE ROW LEVEL SECURITY;

ALTER TABLE model_use FORCE ROW LEVEL SECURITY;

ALTER TABLE spend ENABLE ROW LEVEL SECURITY;

ALTER TABLE spend FORCE ROW LEVEL SECURITY;

CREATE POLICY writer_sees ON model_use FOR SELECT TO netra_writer USING (true);

CREATE POLICY reader_sees_its_owner ON model_use FOR SELECT TO netra_reader USING (owner = (SELECT asked_owner()));

CREATE POLICY writer_inserts_of_its_owner ON model_use FOR INSERT TO netra_writer
    WITH CHECK (owner = (SELECT asked_owner()));

CREATE POLICY writer_updates_of_its_owner ON model_use FOR UPDATE TO netra_writer
    USING (owner = (SELECT asked_owner())) WITH CHECK (owner = (SELECT asked_owner()));

CREATE POLICY writer_deletes_of_its_owner ON model_use FOR DELETE TO netra_writer
    USING (owner = (SELECT asked_owner()));

CREATE POLICY writer_sees ON spend FOR SELECT TO netra_writer USING (true);

CREATE POLICY reader_sees_its_owner ON spend FOR SELECT TO netra_reader USING (subject = (SELECT asked_subject()));

CREATE POLICY writer_inserts_of_its_owner ON spend FOR INSERT TO netra_writer
    WITH CHECK (subject = (SELECT asked_subject()));

CREATE POLICY writer_updates_of_its_owner ON spend FOR UPDATE TO netra_writer
    USING (subject = (SELECT asked_subject())) WITH CHECK (subject = (SELECT asked_subject()));

CREATE POLICY writer_deletes_old ON spend FOR DELETE TO netra_writer
    USING (day < to_char((now() AT TIME ZONE 'UTC') - interval '62 days', 'YYYY-MM-DD'));
