"""Who and what reaches the rows from outside of the schema ``netra``: nobody but the login and whoever the operator named.

Rights within the schema (``rights``) keep users apart only as long as there is no way to them from elsewhere: a role that may
become one of ours, an object that shows rows by its owner's rights, a grant on something that reads files, a stream of changes, a
setting that says whose rows are asked for. Each question below takes one such kind whole and leaves out what is normal; what
remains is a fault. The list of what an operator wants is the table ``netra.allowed``, which the owner of the tables alone writes.
"""

# ruff: noqa: S608  # statements are put together from constants alone, and every value is a parameter
from __future__ import annotations

from typing import Final

import asyncpg

from .connection import OWNER, WRITER

_ROLES: Final = """
WITH RECURSIVE worker (oid, role) AS (
    SELECT oid, quote_ident(rolname) FROM pg_roles
    WHERE rolname IN ('netra_owner', 'netra_writer', 'netra_reader') OR rolname = session_user
)"""
"""``worker``: the roles that a server is or becomes, and the one that owns the tables."""

_MEMBERS: Final = f"""{_ROLES},
member (oid, way, granted) AS (
    SELECT m.member, w.role, w.role FROM pg_auth_members m JOIN worker w ON w.oid = m.roleid
    WHERE m.member NOT IN (SELECT oid FROM worker)
    UNION
    SELECT m.member, member.way, quote_ident(between.rolname) FROM pg_auth_members m JOIN member ON m.roleid = member.oid
        JOIN pg_roles between ON between.oid = member.oid
    WHERE NOT between.rolsuper AND between.rolname <> ALL ($2::text[]) AND m.member NOT IN (SELECT oid FROM worker)
)
SELECT format('%1$I can become %2$s, and so reach every row. Run: REVOKE %3$s FROM %1$I; if it is a login of other servers or an'
        ' administrator, name it, as netra_owner: INSERT INTO netra.allowed VALUES (%4$L, %1$L)', rolname,
        string_agg(DISTINCT way, ', '), string_agg(DISTINCT granted, ', '),
        CASE WHEN rolcreaterole THEN 'administrator' ELSE 'login' END)
FROM member JOIN pg_roles USING (oid)
WHERE NOT rolsuper AND rolname <> ALL ($2::text[])
    AND NOT (rolname = ANY ($1::text[]) AND NOT EXISTS (SELECT FROM pg_auth_members d JOIN worker w ON w.oid = d.roleid
        WHERE d.member = pg_roles.oid AND (w.role = 'netra_owner' OR d.inherit_option OR d.admin_option)))
    AND has_database_privilege(pg_roles.oid, current_database(), 'CONNECT')
GROUP BY rolname, rolcreaterole
"""
"""``$1``: the logins that may become the two that do the work, ``$2``: the administrators. A superuser passes any
wall, and who cannot connect to this database serves another one of the same PostgreSQL."""

_ENTERS: Final = """
EXISTS (SELECT FROM pg_roles m WHERE pg_has_role(m.oid, {}, 'MEMBER') AND NOT m.rolsuper AND m.rolname <> ALL ($1::text[])
    AND has_database_privilege(m.oid, current_database(), 'CONNECT'))"""
"""Whether somebody who may connect is this role or can become it, at any remove."""

_PASSES_POLICIES: Final = f"""
SELECT format('%1$I has BYPASSRLS and may read or write all tables. Run: ALTER ROLE %1$I NOBYPASSRLS; if it is an'
    ' administrator, name it: INSERT INTO netra.allowed VALUES (''administrator'', %1$L)', rolname)
FROM pg_roles r
WHERE rolbypassrls AND NOT rolsuper AND rolname <> ALL ($1::text[])
    AND (pg_has_role(oid, 'pg_read_all_data', 'MEMBER') OR pg_has_role(oid, 'pg_write_all_data', 'MEMBER'))
    AND {_ENTERS.format("r.oid")}
UNION ALL
SELECT format('%2$I can become %1$I, a superuser. Run: REVOKE %1$I FROM %2$I; if it is an administrator, name it:'
    ' INSERT INTO netra.allowed VALUES (''administrator'', %2$L)', s.rolname, r.rolname)
FROM pg_auth_members g JOIN pg_roles s ON s.oid = g.roleid JOIN pg_roles r ON r.oid = g.member
WHERE s.rolsuper AND NOT r.rolsuper AND r.rolname <> ALL ($1::text[]) AND {_ENTERS.format("r.oid")}
"""
_PAST: Final = """
(VALUES ('pg_read_server_files', 'may read the files of the database server, so every row', false),
        ('pg_write_server_files', 'may write the files of the database server, so every row', false),
        ('pg_execute_server_program', 'may run programs on the database server, so reach every row', false),
        ('pg_read_all_data', 'may read statistics, which show values of rows to whom no policy binds', true),
        ('pg_write_all_data', 'may write what no policy binds, such as the version of the tables and numbers to come', true)
    ) AS past (name, does, here)"""
"""Roles of PostgreSQL that lead past the walls, what they may do, and whether in this database alone."""

_PAST_THE_DATABASE: Final = f"""
SELECT format('%1$I %2$s. Run: REVOKE %3$I FROM %1$I; if it is an administrator, name it:'
    ' INSERT INTO netra.allowed VALUES (''administrator'', %1$L)', r.rolname, past.does, p.rolname)
FROM {_PAST}
    JOIN pg_roles p ON p.rolname = past.name JOIN pg_auth_members g ON g.roleid = p.oid JOIN pg_roles r ON r.oid = g.member
WHERE NOT r.rolsuper AND r.rolname <> ALL ($1::text[]) AND EXISTS (SELECT FROM pg_roles m
    WHERE m.rolcanlogin AND NOT m.rolsuper AND m.rolname <> ALL ($1::text[]) AND pg_has_role(m.oid, r.oid, 'MEMBER')
        AND (NOT past.here OR has_database_privilege(m.oid, current_database(), 'CONNECT')))
"""
"""``$1``: the administrators. Files and programs of a server are the same from each of its databases."""

_NAMESPACE: Final = """
    CASE classid
        WHEN 'pg_class'::regclass THEN (SELECT relnamespace FROM pg_class WHERE oid = objid)
        WHEN 'pg_proc'::regclass THEN (SELECT pronamespace FROM pg_proc WHERE oid = objid)
        WHEN 'pg_type'::regclass THEN (SELECT typnamespace FROM pg_type WHERE oid = objid)
        WHEN 'pg_constraint'::regclass THEN (SELECT CASE WHEN conrelid = 0 THEN connamespace
            ELSE (SELECT relnamespace FROM pg_class WHERE oid = conrelid) END FROM pg_constraint WHERE oid = objid)
        WHEN 'pg_rewrite'::regclass THEN (SELECT relnamespace FROM pg_rewrite r JOIN pg_class c ON c.oid = ev_class
            WHERE r.oid = objid)
        WHEN 'pg_trigger'::regclass THEN (SELECT relnamespace FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
            WHERE t.oid = objid)
        WHEN 'pg_policy'::regclass THEN (SELECT relnamespace FROM pg_policy p JOIN pg_class c ON c.oid = polrelid
            WHERE p.oid = objid)
        WHEN 'pg_attrdef'::regclass THEN (SELECT relnamespace FROM pg_attrdef a JOIN pg_class c ON c.oid = adrelid
            WHERE a.oid = objid)
        WHEN 'pg_default_acl'::regclass THEN (SELECT defaclnamespace FROM pg_default_acl WHERE oid = objid)
        WHEN 'pg_statistic_ext'::regclass THEN (SELECT stxnamespace FROM pg_statistic_ext WHERE oid = objid)
        WHEN 'pg_namespace'::regclass THEN objid
        ELSE 0
    END"""
"""In which schema an object of ``pg_depend`` or ``pg_shdepend`` lies."""

_DEPENDENTS: Final = f"""
WITH RECURSIVE reached (classid, objid) AS (
    SELECT 'pg_namespace'::regclass::oid, to_regnamespace('netra')::oid
    UNION
    SELECT d.classid, d.objid FROM reached r, LATERAL (
        SELECT classid, objid FROM pg_depend WHERE refclassid = r.classid AND refobjid = r.objid
        UNION ALL  -- from its rule to the view itself, on which others may depend
        SELECT 'pg_class'::regclass, ev_class FROM pg_rewrite WHERE r.classid = 'pg_rewrite'::regclass AND oid = r.objid
    ) AS d
    WHERE d.classid NOT IN ('pg_publication_rel'::regclass, 'pg_publication_namespace'::regclass, 'pg_event_trigger'::regclass)
),
outside AS (
    SELECT * FROM (SELECT classid, objid, {_NAMESPACE} AS namespace FROM reached) AS one
    WHERE namespace <> to_regnamespace('netra') AND namespace <> to_regnamespace('pg_toast')
        AND classid NOT IN ('pg_type'::regclass, 'pg_attrdef'::regclass)
        AND NOT (classid = 'pg_class'::regclass AND (SELECT relkind FROM pg_class WHERE oid = objid) IN ('i', 'I', 'v', 'm'))
        AND NOT (classid = 'pg_trigger'::regclass AND (SELECT tgisinternal FROM pg_trigger WHERE oid = objid))
)
SELECT format('%1$s lies outside of the schema netra and depends on it, so it may show or change rows by other rights. Run: %2$s',
    pg_describe_object(classid, objid, 0), CASE classid
        WHEN 'pg_rewrite'::regclass THEN (SELECT CASE WHEN relkind IN ('v', 'm') THEN format('DROP %s %s',
            CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, c.oid::regclass)
            ELSE format('DROP RULE %I ON %s', rulename, c.oid::regclass) END
            FROM pg_rewrite r JOIN pg_class c ON c.oid = ev_class WHERE r.oid = objid)
        WHEN 'pg_trigger'::regclass THEN (SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) FROM pg_trigger
            WHERE oid = objid)
        WHEN 'pg_policy'::regclass THEN (SELECT format('DROP POLICY %I ON %s', polname, polrelid::regclass) FROM pg_policy
            WHERE oid = objid)
        WHEN 'pg_constraint'::regclass THEN (SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
            FROM pg_constraint WHERE oid = objid)
        ELSE 'DROP ' || (SELECT CASE type WHEN 'composite type' THEN 'TYPE' WHEN 'statistics object' THEN 'STATISTICS'
            ELSE upper(type) END || ' ' || identity FROM pg_identify_object(classid, objid, 0)) END)
FROM outside
"""
"""What depends on anything of the schema, at any remove, and is not in it. A view is named by its rule."""

_OF_ROLES: Final = f"""{_ROLES}
SELECT format('%s %s %s. Run: %s', w.role, CASE deptype WHEN 'o' THEN 'owns' WHEN 'r' THEN 'is named by' ELSE 'has rights on' END,
    CASE WHEN classid = 'pg_parameter_acl'::regclass
        THEN 'the setting ' || (SELECT parname FROM pg_parameter_acl WHERE oid = objid)
        ELSE pg_describe_object(classid, objid, objsubid) END,
    CASE WHEN classid = 'pg_parameter_acl'::regclass THEN format('REVOKE SET, ALTER SYSTEM ON PARAMETER %s FROM %s',
            (SELECT parname FROM pg_parameter_acl WHERE oid = objid), w.role)
        WHEN deptype = 'o' THEN (SELECT format('ALTER %s %s OWNER TO CURRENT_USER', upper(type), identity)
            FROM pg_identify_object(classid, objid, objsubid))
        ELSE format('REVOKE ALL %s ON %s FROM %s', (SELECT format('(%I)', attname) FROM pg_attribute WHERE objsubid > 0
            AND attrelid = objid AND attnum = objsubid), (SELECT CASE type WHEN 'view' THEN 'TABLE'
            WHEN 'materialized view' THEN 'TABLE' WHEN 'foreign-data wrapper' THEN 'FOREIGN DATA WRAPPER'
            WHEN 'server' THEN 'FOREIGN SERVER' ELSE upper(type) END || ' ' || identity
            FROM pg_identify_object(classid, objid, 0)), w.role) END)
FROM pg_shdepend JOIN worker w ON refclassid = 'pg_authid'::regclass AND refobjid = w.oid
WHERE dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    AND classid NOT IN ('pg_database'::regclass, 'pg_auth_members'::regclass)
    AND deptype IN ('o', 'a', 'r') AND ({_NAMESPACE}) IS DISTINCT FROM to_regnamespace('netra')
    AND NOT (classid = 'pg_default_acl'::regclass)
"""
"""What our roles own or were granted outside of the schema, as far as PostgreSQL records it by role."""

_LENDS: Final = "EXISTS (SELECT FROM pg_proc WHERE prosecdef AND proowner = {})"
"""Whether a role owns a function that others call with its rights."""

_EFFECTIVE: Final = f"""{_ROLES},
caller (oid, role) AS (  -- who may enter or lends rights to who does, and is no superuser or administrator
    SELECT oid, role FROM worker UNION SELECT oid, quote_ident(rolname) FROM pg_roles
    WHERE NOT rolsuper AND rolname <> ALL ($1::text[]) AND (
        rolcanlogin AND has_database_privilege(oid, current_database(), 'CONNECT') OR {_LENDS.format("pg_roles.oid")})
),
powerful AS (  -- of extensions, too: any function can be added to one
    SELECT p.* FROM pg_proc p JOIN pg_roles o ON o.oid = proowner
    WHERE prosecdef AND pronamespace <> to_regnamespace('netra')
        AND (rolsuper OR rolbypassrls OR EXISTS (SELECT FROM worker WHERE pg_has_role(o.oid, worker.oid, 'USAGE'))
            OR EXISTS (SELECT FROM {_PAST} JOIN pg_roles p ON p.rolname = past.name WHERE pg_has_role(o.oid, p.oid, 'USAGE')))
)
SELECT format('%s may create in the database. Run: REVOKE CREATE ON DATABASE %I FROM %s', role, current_database(),
        CASE WHEN has_database_privilege('public', current_database(), 'CREATE') THEN 'PUBLIC' ELSE role END)
    FROM worker WHERE has_database_privilege(oid, current_database(), 'CREATE')
UNION ALL
SELECT format('%s may create in the schema %I. Run: REVOKE CREATE ON SCHEMA %2$I FROM %s', role, nspname,
        CASE WHEN has_schema_privilege('public', n.oid, 'CREATE') THEN 'PUBLIC' ELSE role END)
    FROM worker, pg_namespace n
    WHERE nspname <> 'netra' AND nspname !~ '^pg_(temp|toast_temp)_' AND has_schema_privilege(worker.oid, n.oid, 'CREATE')
UNION ALL
SELECT format('%s may call %s, which runs as %I, whom row-level security does not bind. Run: %s', role, p.oid::regprocedure,
        pg_get_userbyid(proowner), CASE WHEN p.oid < 16384 THEN format('ALTER FUNCTION %s SECURITY INVOKER', p.oid::regprocedure)
            ELSE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC, %s', p.oid::regprocedure, role) END)
    FROM caller, powerful p
    WHERE has_schema_privilege(caller.oid, p.pronamespace, 'USAGE') AND has_function_privilege(caller.oid, p.oid, 'EXECUTE')
UNION ALL
SELECT DISTINCT format('%s may write to %s, whose trigger %I runs as %I, whom row-level security does not bind. Run: DROP TRIGGER'
        ' IF EXISTS %3$I ON %2$s', role, tgrelid::regclass, tgname, pg_get_userbyid(proowner))
    FROM caller, pg_trigger t JOIN powerful p ON p.oid = tgfoid JOIN pg_class c ON c.oid = tgrelid
    WHERE has_schema_privilege(caller.oid, c.relnamespace, 'USAGE') AND (has_table_privilege(caller.oid, c.oid,
        'INSERT, UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege(caller.oid, c.oid, 'INSERT, UPDATE'))
UNION ALL
SELECT format('%s may use the foreign table %s, which may lead back here as anybody. Run: REVOKE ALL ON %2$s FROM PUBLIC, %1$s',
        role, c.oid::regclass)
    FROM caller, pg_class c
    WHERE relkind = 'f' AND has_schema_privilege(caller.oid, c.relnamespace, 'USAGE') AND (has_table_privilege(caller.oid, c.oid,
        'SELECT, INSERT, UPDATE, DELETE') OR has_any_column_privilege(caller.oid, c.oid, 'SELECT, INSERT, UPDATE'))
UNION ALL
SELECT format('%s may use the server %I, which may lead back here as anybody. Run: REVOKE ALL ON FOREIGN SERVER %2$I FROM PUBLIC,'
        ' %1$s', role, srvname)
    FROM caller, pg_foreign_server s WHERE has_server_privilege(caller.oid, s.oid, 'USAGE') AND (
        caller.oid IN (SELECT oid FROM worker)
        OR EXISTS (SELECT FROM pg_user_mappings m WHERE m.srvid = s.oid AND m.umuser IN (0, caller.oid)))
UNION ALL
SELECT format('%s is LEAKPROOF, so it sees rows before row-level security does. Run: ALTER FUNCTION %1$s NOT LEAKPROOF',
        oid::regprocedure)
    FROM pg_proc WHERE proleakproof AND oid >= 16384
UNION ALL
SELECT format('The language %s is trusted, so its functions run with the rights of the database server. Run: UPDATE'
        ' pg_catalog.pg_language SET lanpltrusted = false WHERE lanname = %L', lanname, lanname)
    FROM pg_language WHERE lanpltrusted AND lanname IN ('internal', 'c')
UNION ALL
SELECT DISTINCT format('%1$I may set %2$s, which PostgreSQL keeps for administrators. Run: REVOKE SET, ALTER SYSTEM ON PARAMETER'
        ' %2$s FROM %1$I; if it is an administrator, name it: INSERT INTO netra.allowed VALUES (''administrator'', %1$L)',
        r.rolname, parname)
    FROM pg_parameter_acl, aclexplode(paracl) a JOIN pg_roles r ON r.oid = a.grantee
    WHERE NOT r.rolsuper AND r.rolname <> ALL ($1::text[]) AND r.oid NOT IN (SELECT oid FROM worker)
UNION ALL
SELECT format('%s may set %s. Run: REVOKE SET, ALTER SYSTEM ON PARAMETER %2$s FROM PUBLIC', 'PUBLIC', parname)
    FROM pg_parameter_acl, aclexplode(paracl) a WHERE a.grantee = 0
"""
"""What our roles may do in this database by whatever way, as far as it leads past the walls; and whoever else may enter, by what
runs or leads elsewhere with other rights. ``$1``: the administrators."""

_SHADOWS: Final = """
SELECT format('%s lies in pg_catalog, where each statement looks first, and may be taken for another one. Run: DROP %s %s',
    pg_describe_object(classid, oid, 0), CASE type WHEN 'composite type' THEN 'TYPE' ELSE upper(type) END, identity)
FROM (
    SELECT 'pg_proc'::regclass AS classid, oid, proname AS name FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
    UNION ALL
    SELECT 'pg_operator'::regclass, oid, oprname FROM pg_operator WHERE oprnamespace = 'pg_catalog'::regnamespace
    UNION ALL
    SELECT 'pg_class'::regclass, oid, relname FROM pg_class
    WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v', 'm', 'f', 'p')
) AS added, pg_identify_object(classid, oid, 0)
WHERE oid >= 16384 AND (NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = added.classid AND objid = oid AND deptype = 'e')
    OR EXISTS (SELECT FROM pg_proc WHERE pronamespace = to_regnamespace('netra') AND proname = added.name))
"""
"""What was put beside PostgreSQL's own functions, operators and tables, by no extension or under a name of ours."""

_BY_RULES: Final = """
WITH RECURSIVE kept AS (
    SELECT oid FROM pg_class WHERE oid < 16384 AND relkind IN ('r', 'v', 't') AND NOT has_table_privilege('public', oid, 'SELECT')
),
uses (rule, owned, relation) AS MATERIALIZED (  -- no dependency on PostgreSQL's own tables is recorded
    SELECT DISTINCT r.oid, c.oid, used[1]::oid FROM pg_rewrite r JOIN pg_class c ON c.oid = ev_class,
        regexp_matches(ev_action::text, ':relid ([0-9]+)', 'g') AS used
    WHERE c.oid >= 16384 AND relnamespace IS DISTINCT FROM to_regnamespace('netra') AND NOT EXISTS (
        SELECT FROM pg_options_to_table(reloptions) WHERE option_name = 'security_invoker' AND option_value::boolean)
),
shows (rule, owned, kept) AS (
    SELECT rule, owned, kept.oid FROM uses JOIN kept ON kept.oid = relation
    UNION
    SELECT uses.rule, uses.owned, shows.kept FROM shows JOIN uses ON relation = shows.owned
)
SELECT format('%s may use %s, which shows %s by the rights of %I. Run: %s', string_agg(DISTINCT quote_ident(rolname), ', '),
    c.oid::regclass, string_agg(DISTINCT kept::regclass::text, ', '), pg_get_userbyid(relowner),
    CASE relkind WHEN 'v' THEN format('DROP VIEW %s', c.oid::regclass)
        WHEN 'm' THEN format('DROP MATERIALIZED VIEW %s', c.oid::regclass)
        ELSE format('DROP RULE %I ON %s', rulename, c.oid::regclass) END)
FROM shows JOIN pg_class c ON c.oid = owned JOIN pg_rewrite w ON w.oid = rule, pg_roles r
WHERE NOT r.rolsuper AND rolname <> ALL ($1::text[])
    AND (rolcanlogin AND has_database_privilege(r.oid, current_database(), 'CONNECT')  -- or others use its rights
        OR EXISTS (SELECT FROM pg_proc WHERE proowner = r.oid)
        OR EXISTS (SELECT FROM pg_rewrite JOIN pg_class o ON o.oid = ev_class WHERE o.relowner = r.oid))
    AND has_schema_privilege(r.oid, relnamespace, 'USAGE')
    AND (has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE')
        OR has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE'))
GROUP BY c.oid, relkind, relowner, rulename
"""
"""What PostgreSQL keeps for administrators (statistics, passwords), shown by a view or a rule to anybody else, at any remove. The
relations that a rule uses stand in it by their numbers. ``$1``: the administrators."""

_OF_THE_SYSTEM: Final = f"""{_ROLES},
grantee (oid, role, others) AS (
    SELECT oid, role, false FROM worker UNION ALL SELECT 0, 'PUBLIC', false
    UNION ALL
    SELECT r.oid, quote_ident(r.rolname), true FROM pg_roles r
    WHERE NOT r.rolsuper AND r.oid >= 16384 AND r.rolname <> ALL ($1::text[]) AND r.oid NOT IN (SELECT oid FROM worker)
        AND (EXISTS (SELECT FROM pg_class WHERE relowner = r.oid AND relkind IN ('v', 'm')) OR {_LENDS.format("r.oid")}
            OR {_ENTERS.format("r.oid")[:-1]} AND m.rolcanlogin))
),
now (classoid, objoid, objsubid, acl, first) AS (
    SELECT i.classoid, i.objoid, i.objsubid, CASE i.classoid
        WHEN 'pg_proc'::regclass THEN (SELECT coalesce(proacl, acldefault('f', proowner)) FROM pg_proc WHERE oid = i.objoid)
        WHEN 'pg_class'::regclass THEN CASE WHEN i.objsubid = 0 THEN (SELECT relacl FROM pg_class WHERE oid = i.objoid)
            ELSE (SELECT attacl FROM pg_attribute WHERE attrelid = i.objoid AND attnum = i.objsubid) END
        WHEN 'pg_language'::regclass THEN (SELECT lanacl FROM pg_language WHERE oid = i.objoid)
        WHEN 'pg_foreign_data_wrapper'::regclass THEN (SELECT fdwacl FROM pg_foreign_data_wrapper WHERE oid = i.objoid)
    END, i.initprivs
    FROM pg_init_privs i
    UNION ALL  -- a column of a system table has no rights of its own to begin with
    SELECT 'pg_class'::regclass, attrelid, attnum, attacl, NULL FROM pg_attribute a
    WHERE attacl IS NOT NULL AND attrelid < 16384 AND NOT EXISTS (SELECT FROM pg_init_privs
        WHERE classoid = 'pg_class'::regclass AND objoid = attrelid AND objsubid = attnum)
)
SELECT format('%s has %s on %s, which PostgreSQL keeps for administrators. Run: REVOKE ALL ON %s FROM %1$s', role,
    string_agg(privilege_type, ', ' ORDER BY privilege_type), pg_describe_object(classoid, objoid, objsubid),
    (SELECT CASE WHEN type LIKE '%%view' OR type LIKE 'table%%' THEN 'TABLE ' || objoid::regclass::text ELSE
        upper(type) || ' ' || identity END FROM pg_identify_object(classoid, objoid, objsubid)))
    || CASE WHEN others THEN format('; if it is an administrator, name it: INSERT INTO netra.allowed VALUES'
        ' (''administrator'', %L)', (SELECT rolname FROM pg_roles WHERE oid = grantee.oid)) ELSE '' END
FROM (
    SELECT classoid, objoid, objsubid, a.grantee, a.privilege_type FROM now, aclexplode(acl) a
    EXCEPT
    SELECT classoid, objoid, objsubid, a.grantee, a.privilege_type FROM now, aclexplode(first) a
) AS added JOIN grantee ON grantee.oid = added.grantee
GROUP BY classoid, objoid, objsubid, role, others, grantee.oid
"""
"""Grants on what PostgreSQL and its extensions restrict from the beginning (files, large objects, statistics, connections)."""

_SETTINGS: Final = f"""{_ROLES}
SELECT format('%s is set for %s, and changes how a server''s statements are understood. Run: ALTER %2$s RESET %1$s', found.name,
    CASE WHEN setrole = 0 AND setdatabase = 0 THEN 'ROLE ALL' WHEN setrole = 0 THEN format('DATABASE %I', current_database())
        ELSE format('ROLE %I', pg_get_userbyid(setrole))
            || CASE WHEN setdatabase = 0 THEN '' ELSE format(' IN DATABASE %I', current_database()) END END)
FROM (SELECT setrole, setdatabase, split_part(one, '=', 1) AS name FROM pg_db_role_setting, unnest(setconfig) AS one) AS found
    LEFT JOIN pg_settings s ON lower(s.name) = lower(found.name)
WHERE (setrole = 0 OR setrole IN (SELECT oid FROM worker))
    AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    AND CASE WHEN found.name LIKE 'netra.%' THEN true
        WHEN found.name LIKE '%.%' OR found.name LIKE '%\\_timeout' OR found.name = 'default_transaction_read_only' THEN false
        ELSE category IS NULL OR category !~ $1 END
UNION ALL
SELECT format('The server is configured with %s = %s, which takes walls away. Run: ALTER SYSTEM RESET %1$s;'
    ' SELECT pg_reload_conf(); and take it out of its configuration', name, setting)
FROM (
    SELECT name, setting FROM pg_settings
    WHERE (name IN ('session_replication_role', 'row_security', 'default_transaction_isolation') AND setting <> boot_val
            OR name = 'synchronous_commit' AND setting = 'off')
        AND source IN ('command line', 'configuration file', 'environment variable')
    UNION ALL  -- what no extension declares is not in pg_settings
    SELECT name, current_setting(name, true) FROM unnest(ARRAY['netra.owner', 'netra.audit_cut']) AS name
    WHERE current_setting(name, true) <> ''
) AS configured
"""
_HARMLESS_SETTINGS: Final = (
    "^(Reporting and Logging|Resource Usage|Query Tuning|Statistics|Autovacuum|Vacuuming|Connections and Authentication|"
    "Client Connection Defaults / Locale and Formatting|Customized Options)"
)
"""``$1`` of ``_SETTINGS``: of which categories a setting changes neither what is seen nor what is kept."""

_STREAMS: Final = """
SELECT what, name, repair FROM (
    SELECT 'publication' AS what, pubname::text AS name, format('DROP PUBLICATION %I', pubname) AS repair FROM pg_publication p
    WHERE puballtables
        OR EXISTS (SELECT FROM pg_publication_rel JOIN pg_class c ON c.oid = prrelid
            WHERE prpubid = p.oid AND relnamespace = to_regnamespace('netra'))
        OR EXISTS (SELECT FROM pg_publication_namespace WHERE pnpubid = p.oid AND pnnspid = to_regnamespace('netra'))
    UNION ALL
    SELECT 'subscription', subname, format('DROP SUBSCRIPTION %I', subname) FROM pg_subscription s
    WHERE EXISTS (SELECT FROM pg_subscription_rel JOIN pg_class c ON c.oid = srrelid
        WHERE srsubid = s.oid AND relnamespace = to_regnamespace('netra'))
    UNION ALL
    SELECT 'slot', slot_name, format('SELECT pg_drop_replication_slot(%L)', slot_name) FROM pg_replication_slots
    WHERE database = current_database() AND NOT temporary
    UNION ALL
    SELECT 'event trigger', evtname, format('DROP EVENT TRIGGER %I', evtname) FROM pg_event_trigger e
    WHERE evtenabled <> 'D' AND NOT EXISTS (SELECT FROM pg_depend
        WHERE classid = 'pg_event_trigger'::regclass AND objid = e.oid AND deptype = 'e')
) AS one WHERE (what, name) NOT IN (SELECT * FROM unnest($1::text[], $2::text[]))
"""
"""What carries rows or statements elsewhere without asking for rights on them. Slots of whole servers are an administrator's."""


async def reach_faults(connection: asyncpg.Connection) -> list[str]:
    """What reaches the rows of this database from outside of the schema and was not named by the operator, a sentence each
    with the SQL that ends it; empty if nothing does. The connection is as it logged in."""
    allowed = await _allowed(connection)
    logins, administrators = ([name for kind, name in allowed if kind == each] for each in ("login", "administrator"))
    faults = [row[0] for row in await connection.fetch(_MEMBERS, logins, administrators)]
    faults += [row[0] for row in await connection.fetch(_PASSES_POLICIES, administrators)]
    for question in (_PAST_THE_DATABASE, _EFFECTIVE, _BY_RULES, _OF_THE_SYSTEM):
        faults += [row[0] for row in await connection.fetch(question, administrators)]
    for question in (_DEPENDENTS, _OF_ROLES, _SHADOWS):
        faults += [row[0] for row in await connection.fetch(question)]
    faults += [row[0] for row in await connection.fetch(_SETTINGS, _HARMLESS_SETTINGS)]
    for what, name, repair in await connection.fetch(_STREAMS, *map(list, zip(*allowed, strict=True))):
        allow = f"INSERT INTO netra.allowed VALUES ('{what}', '{name}')"
        faults.append(
            f"The {what} {name} takes part in what is stored here. Run: {repair}; if it is to, as {OWNER}: {allow}"
        )
    return sorted(set(faults))


async def _allowed(connection: asyncpg.Connection) -> list[tuple[str, str]]:
    async with connection.transaction():
        await connection.execute(f"SET LOCAL ROLE {WRITER}")
        rows = await connection.fetch("SELECT kind, name FROM netra.allowed")
    return [(row["kind"], row["name"]) for row in rows] or [("", "")]
