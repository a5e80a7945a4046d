"""Who may do what in a database: compared exactly with what the migrations make.

``rights.txt`` has a line for each right, policy, function and trigger of the schema, and for what it is made of (``structure``),
as a migrated database says them. A line that is missing there or here is a fault: row-level security keeps users apart only as
long as nobody was granted a way round it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import asyncpg

from .connection import READER, WRITER
from .repairs import change, drop, restore, subject_of
from .structure import PLAIN_INDEX, STRUCTURE

EXPECTED: Final = Path(__file__).with_name("rights.txt")
_SHOWN: Final = 8
"""So many differences are named; the rest is counted."""

# Functions whose bodies matter (those that define rights) are compared by a digest of their source.
_RIGHTS: Final = """
WITH ours AS (SELECT to_regnamespace('netra') AS schema),
roles AS (SELECT oid, rolname FROM pg_roles WHERE rolname IN ('netra_owner', 'netra_writer', 'netra_reader')),
relation AS (
    SELECT c.oid, c.relname, c.relkind, c.relowner, c.relacl, c.relrowsecurity, c.relforcerowsecurity
    FROM pg_class c, ours WHERE c.relnamespace = ours.schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
),
granted (what, grantee, privilege, grantable, owner) AS (
    SELECT 'relation ' || relname, a.grantee, a.privilege_type, a.is_grantable, relowner
        FROM relation, aclexplode(relacl) a
    UNION ALL
    SELECT 'column ' || relname || '.' || attname, a.grantee, a.privilege_type, a.is_grantable, relowner
        FROM relation JOIN pg_attribute ON attrelid = relation.oid, aclexplode(attacl) a
    UNION ALL
    SELECT 'function ' || proname || '(' || pronargs || ')', a.grantee, a.privilege_type, a.is_grantable, proowner
        FROM pg_proc, ours, aclexplode(coalesce(proacl, acldefault('f', proowner))) a WHERE pronamespace = ours.schema
    UNION ALL
    SELECT 'schema', a.grantee, a.privilege_type, a.is_grantable, nspowner
        FROM pg_namespace, ours, aclexplode(nspacl) a WHERE pg_namespace.oid = ours.schema
    UNION ALL
    SELECT CASE defaclnamespace WHEN 0 THEN 'everywhere ' ELSE '' END || 'default of ' || pg_get_userbyid(defaclrole) || ' for '
            || defaclobjtype::text, a.grantee, a.privilege_type,
            a.is_grantable, defaclrole
        FROM pg_default_acl, ours, aclexplode(defaclacl) a
        WHERE defaclnamespace = ours.schema OR defaclnamespace = 0 AND defaclrole IN (SELECT oid FROM roles)
)
SELECT 'role ' || rolname || ':' || CASE WHEN rolcanlogin THEN ' login' ELSE '' END || CASE WHEN rolsuper THEN ' superuser'
        ELSE '' END || CASE WHEN rolbypassrls THEN ' bypassrls' ELSE '' END || CASE WHEN rolcreaterole THEN ' createrole'
        ELSE '' END || CASE WHEN rolcreatedb THEN ' createdb' ELSE '' END || CASE WHEN rolreplication THEN ' replication'
        ELSE '' END AS line
    FROM pg_roles WHERE rolname IN ('netra_owner', 'netra_writer', 'netra_reader')
UNION ALL
SELECT 'schema of ' || pg_get_userbyid(nspowner) FROM pg_namespace, ours WHERE pg_namespace.oid = ours.schema
UNION ALL
SELECT DISTINCT 'member: ' || pg_get_userbyid(member) || ' of ' || pg_get_userbyid(roleid)
    FROM pg_auth_members WHERE member IN (SELECT oid FROM roles)
UNION ALL
SELECT 'grant on ' || what || ': ' || privilege || ' to '
        || CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END
        || CASE WHEN grantable THEN ' with grant option' ELSE '' END
    FROM granted WHERE grantee <> owner
UNION ALL
SELECT 'policy ' || polname || ' on ' || relname || ': ' || CASE WHEN polpermissive THEN '' ELSE 'restrictive ' END
        || 'for ' || polcmd::text || ' to ' || (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(role)
            END, ', ' ORDER BY pg_get_userbyid(role)) FROM unnest(polroles) AS role)
        || coalesce(' using ' || pg_get_expr(polqual, polrelid), '')
        || coalesce(' check ' || pg_get_expr(polwithcheck, polrelid), '')
    FROM pg_policy JOIN relation ON relation.oid = polrelid
UNION ALL
SELECT 'function ' || proname || '(' || pronargs || ') of ' || pg_get_userbyid(proowner)
        || CASE WHEN prosecdef THEN ', as its owner' ELSE '' END || coalesce(', ' || array_to_string(proconfig, ', '), '')
        || ', ' || lanname || ' ' || provolatile::text || CASE WHEN proleakproof THEN ' leakproof' ELSE '' END
        || CASE WHEN proisstrict THEN ' strict' ELSE '' END || ', ' || md5(prosrc)
        || ', takes (' || pg_get_function_arguments(pg_proc.oid) || '), gives ' || pg_get_function_result(pg_proc.oid)
    FROM pg_proc JOIN pg_language ON pg_language.oid = prolang, ours WHERE pronamespace = ours.schema
UNION ALL
SELECT 'trigger ' || tgname || ' on ' || relname || ', ' || tgenabled::text || ': ' || pg_get_triggerdef(pg_trigger.oid)
    FROM pg_trigger JOIN relation ON relation.oid = tgrelid WHERE NOT tgisinternal
UNION ALL
SELECT 'rule ' || rulename || ' on ' || relname FROM pg_rewrite JOIN relation ON relation.oid = ev_class
    WHERE rulename <> '_RETURN'
"""
_MEMBERSHIPS: Final = """
SELECT DISTINCT pg_get_userbyid(roleid) AS role, bool_or(inherit_option) AS inherits, bool_or(admin_option) AS may_grant
FROM pg_auth_members WHERE member = (SELECT oid FROM pg_roles WHERE rolname = session_user) GROUP BY roleid ORDER BY 1
"""
_ATTRIBUTES: Final = """
SELECT array_remove(ARRAY[CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
    CASE WHEN rolreplication THEN 'REPLICATION' END], NULL) FROM pg_roles WHERE rolname = session_user
"""
_SAID_OR_NOT: Final = re.compile(r" AS \w+")
"""What servers say or leave out by their version: aliases."""
_SPACES: Final = re.compile(r"\s+")


async def read_rights(connection: asyncpg.Connection) -> list[str]:
    """The rights and the structure of the schema in this database, a line each, in order.

    Names are said with an empty search path: what is ours always with its schema, so that nothing of the same name elsewhere,
    ``pg_catalog`` above all, is taken for it.
    """
    async with connection.transaction():
        await connection.execute("SET LOCAL search_path = ''")
        rows = [*await connection.fetch(_RIGHTS), *await connection.fetch(STRUCTURE)]
    lines = [_SPACES.sub(" ", _SAID_OR_NOT.sub("", row["line"])) for row in rows]
    return sorted(set(lines))


async def rights_faults(connection: asyncpg.Connection) -> list[str]:
    """What is not as the migrations make it, a sentence each with the SQL that mends it; empty if nothing is."""
    expected, found = set(EXPECTED.read_text().splitlines()), set(await read_rights(connection))
    added = sorted(line for line in found - expected if not line.startswith(PLAIN_INDEX))
    missing = sorted(expected - found)
    instead = {subject_of(line): line for line in added}
    changed = {subject for subject in map(subject_of, missing) if subject in instead}
    faults = [f"not made by netra migrate: {line} ({drop(line)})" for line in added if subject_of(line) not in changed]
    for line in missing:
        if (subject := subject_of(line)) in changed:
            faults.append(f"changed: {instead[subject]}; it should be {line} ({change(instead[subject], line)})")
        else:
            faults.append(f"missing: {line} ({restore(line)})")
    faults.sort(key=lambda fault: ": column " in fault)  # a table that is not ours says more than its columns
    return first_of(faults)


def first_of(faults: list[str]) -> list[str]:
    """As many faults as one message names, and the number of the others."""
    return faults if len(faults) <= _SHOWN else [*faults[:_SHOWN], f"and {len(faults) - _SHOWN} more"]


async def login_faults(connection: asyncpg.Connection) -> list[str]:
    """What the role that was logged in may do or become beyond the two roles that do the work, a sentence each."""
    login = await connection.fetchval("SELECT quote_ident(session_user)")
    faults = [
        f"{login} has {attribute}. Run: ALTER ROLE {login} NO{attribute}"
        for attribute in await connection.fetchval(_ATTRIBUTES)
    ]
    for row in await connection.fetch(_MEMBERSHIPS):
        role = row["role"]
        if role not in (WRITER, READER):
            faults.append(
                f"{login} is a member of {role}, whose rights row-level security knows nothing of. "
                f"Run: REVOKE {role} FROM {login}"
            )
        elif row["may_grant"]:
            faults.append(f"{login} may pass {role} on. Run: REVOKE ADMIN OPTION FOR {role} FROM {login}")
    return faults
