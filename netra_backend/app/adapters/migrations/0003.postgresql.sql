-- Version 0003 on PostgreSQL: pseudonyms that are sealed, and a list of whoever else an operator lets reach the rows.
--
-- A pseudonym belongs to the chain whose key has sealed it. Those of version 0002 have no chain and no seal, and no key is known
-- here: the next server that starts seals them for its chain, once. Processes of version 0002 go on adding some until they end.

ALTER TABLE audit_subject
    -- the name of the key that it is sealed with; '': of version 0002
    ADD COLUMN chain text COLLATE "C" NOT NULL DEFAULT '',
    -- over chain, subject and owner
    ADD COLUMN seal bytea NOT NULL DEFAULT '';

ALTER TABLE audit_subject DROP CONSTRAINT audit_subject_pkey;

ALTER TABLE audit_subject DROP CONSTRAINT audit_subject_subject_key;

ALTER TABLE audit_subject ADD PRIMARY KEY (chain, subject);

CREATE UNIQUE INDEX audit_subject_unsealed ON audit_subject (owner) WHERE chain = '';

CREATE INDEX audit_subject_owner ON audit_subject (owner, chain);

DROP POLICY reader_sees_its_owner ON audit;

CREATE POLICY reader_sees_its_owner ON audit FOR SELECT TO netra_reader
    USING (subject = ANY (ARRAY(SELECT s.subject FROM audit_subject s WHERE s.owner = asked_owner())));

-- The last row of a user who was deleted is looked for by its pseudonym, in any chain.
CREATE INDEX audit_forgotten ON audit (subject) WHERE event = 'subject_forgotten';

CREATE TABLE allowed (                  -- who and what may reach the rows beside the server's own login
    kind text COLLATE "C" NOT NULL
        CHECK (kind IN ('login', 'administrator', 'publication', 'subscription', 'slot', 'event trigger')),
    name text COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, name)
);

ALTER TABLE allowed ENABLE ROW LEVEL SECURITY;

ALTER TABLE allowed FORCE ROW LEVEL SECURITY;

GRANT SELECT ON allowed TO netra_writer;

CREATE POLICY writer_sees ON allowed FOR SELECT TO netra_writer USING (true);

CREATE POLICY owner_allows ON allowed FOR ALL TO netra_owner USING (true);
