-- Version 0002 on PostgreSQL: an audit trail whose rows are sealed in a chain, revocations that only come on top, and single
-- sign-ins that are revoked.
--
-- netra_writer may append to the trail and read it, and neither change nor delete a row of it. Retention is the one way out, a
-- function of the owner's that removes rows only behind a checkpoint and never those of the last day. Rows name users by
-- pseudonyms: deleting a user deletes what the pseudonym leads to.
--
-- The rows of version 0001 have no seal, and no key is known here: they wait in audit_unchained for the first server that
-- starts, which puts them at the beginning of its chain.

ALTER TABLE audit RENAME TO audit_unchained;

ALTER TABLE audit_unchained ALTER COLUMN id DROP IDENTITY;

DROP POLICY writer_inserts ON audit_unchained;

DROP POLICY writer_updates ON audit_unchained;

DROP POLICY writer_deletes ON audit_unchained;

DROP POLICY reader_sees_its_owner ON audit_unchained;

REVOKE ALL ON audit_unchained FROM netra_writer, netra_reader;

REVOKE UPDATE (owner, detail) ON audit_unchained FROM netra_writer;

DROP INDEX audit_owner;

ALTER INDEX audit_pkey RENAME TO audit_unchained_pkey;

CREATE TABLE audit (                    -- append-only; retention cuts its beginning off
    id bigint PRIMARY KEY CHECK (id > 0),
    chain text COLLATE "C" NOT NULL,    -- the name of the key that its seal was made with
    at bigint NOT NULL,                 -- by the server's clock
    subject text COLLATE "C",           -- a pseudonym; NULL where nobody was known
    event text NOT NULL,
    point text,                         -- the validation point that refused
    detail text NOT NULL,               -- JSON
    seal bytea NOT NULL                 -- of this row and the one before in its chain
);

CREATE INDEX audit_of_chain ON audit (chain, id);

CREATE INDEX audit_of_subject ON audit (subject, id);

CREATE TABLE audit_subject (            -- whom a pseudonym stands for
    owner text COLLATE "C" PRIMARY KEY,
    subject text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE audit_checkpoint (         -- what retention has removed of a chain, signed by the server
    chain text COLLATE "C" NOT NULL,
    id bigint NOT NULL,                 -- of the last row that was removed
    seal bytea NOT NULL,                -- that row's
    count bigint NOT NULL,              -- of all rows that were removed
    at bigint NOT NULL,                 -- by the server's clock
    mac bytea NOT NULL,
    PRIMARY KEY (chain, id)
);

-- What the owner of the tables may see and delete of the trail: nothing, but within the functions below.
CREATE FUNCTION asked_cut() RETURNS text LANGUAGE sql STABLE
    AS $$ SELECT nullif(current_setting('netra.audit_cut', true), '') $$;

CREATE FUNCTION cut_audit(
    of_chain text, up_to bigint, its_seal bytea, removed bigint, now bigint, signature bytea
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = netra, pg_temp AS $$
DECLARE
    gone bigint;
BEGIN
    PERFORM set_config('netra.audit_cut', of_chain, true);
    IF EXISTS (SELECT FROM audit WHERE chain = of_chain AND id <= up_to AND at > now_ms() - 82800000) THEN
        RAISE insufficient_privilege USING MESSAGE = 'rows of the last day stay in the audit trail';
    END IF;
    IF NOT EXISTS (SELECT FROM audit WHERE chain = of_chain AND id = up_to AND seal = its_seal) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a checkpoint names the last row that it removes';
    END IF;
    INSERT INTO audit_checkpoint (chain, id, seal, count, at, mac)
        VALUES (of_chain, up_to, its_seal, removed, now, signature);
    DELETE FROM audit WHERE chain = of_chain AND id <= up_to;
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM set_config('netra.audit_cut', '', true);
    RETURN gone;
END $$;

-- Lets go of the rows of version 0001 that stand in the chain by now.
CREATE FUNCTION forget_unchained_audit() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = netra, pg_temp AS $$
BEGIN
    PERFORM set_config('netra.audit_cut', '*', true);
    DELETE FROM audit_unchained u WHERE EXISTS (SELECT FROM audit a WHERE a.id = u.id);
    PERFORM set_config('netra.audit_cut', '', true);
END $$;

REVOKE ALL ON FUNCTION cut_audit, forget_unchained_audit FROM PUBLIC;

GRANT EXECUTE ON FUNCTION cut_audit, forget_unchained_audit TO netra_writer;

GRANT SELECT ON audit, audit_subject TO netra_reader;

GRANT SELECT, INSERT ON audit TO netra_writer;

GRANT SELECT, INSERT, DELETE ON audit_subject TO netra_writer;

GRANT SELECT ON audit_unchained, audit_checkpoint TO netra_writer;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['audit', 'audit_subject', 'audit_checkpoint']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY writer_sees ON %I FOR SELECT TO netra_writer USING (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['audit', 'audit_subject']
    LOOP
        EXECUTE format('CREATE POLICY writer_inserts ON %I FOR INSERT TO netra_writer WITH CHECK (true)', name);
    END LOOP;
END $$;

CREATE POLICY reader_sees_its_owner ON audit_subject FOR SELECT TO netra_reader USING (owner = (SELECT asked_owner()));

CREATE POLICY reader_sees_its_owner ON audit FOR SELECT TO netra_reader
    USING (subject = (SELECT s.subject FROM audit_subject s WHERE s.owner = asked_owner()));

CREATE POLICY writer_deletes_of_its_owner ON audit_subject FOR DELETE TO netra_writer
    USING (owner = (SELECT asked_owner()));

CREATE POLICY owner_sees_in_a_cut ON audit FOR SELECT TO netra_owner USING ((SELECT asked_cut()) IN (chain, '*'));

CREATE POLICY owner_cuts ON audit FOR DELETE TO netra_owner USING ((SELECT asked_cut()) = chain);

CREATE POLICY owner_cuts ON audit_checkpoint FOR INSERT TO netra_owner WITH CHECK ((SELECT asked_cut()) = chain);

CREATE POLICY owner_forgets ON audit_unchained FOR ALL TO netra_owner USING ((SELECT asked_cut()) = '*');

-- A revocation is added, never changed: the latest of a user counts.
ALTER TABLE revocation DROP CONSTRAINT revocation_pkey;

ALTER TABLE revocation ADD PRIMARY KEY (user_id, until);

DROP POLICY writer_updates ON revocation;

REVOKE UPDATE (until) ON revocation FROM netra_writer;

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
