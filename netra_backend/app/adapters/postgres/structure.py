"""What a database's schema is made of, as lines: columns, constraints, indexes, and whatever else somebody may have put there.

Guarantees rest on these as much as on rights: a primary key that is gone lets a request run twice, a table that is not logged
loses what was acknowledged, and a parent table shows its children's rows by the parent's rights alone.
"""

from __future__ import annotations

from typing import Final

PLAIN_INDEX: Final = "plain index "
"""How a line begins about an index that no guarantee rests on and that calls no function. There may be more of these."""

STRUCTURE: Final = """
WITH ours AS (SELECT to_regnamespace('netra') AS schema),
relation AS (
    SELECT c.* FROM pg_class c, ours WHERE c.relnamespace = ours.schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
)
SELECT CASE relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' WHEN 'S' THEN 'sequence ' WHEN 'f' THEN
        'foreign table ' WHEN 'p' THEN 'partitioned table ' ELSE 'table ' END || relname
        || ' of ' || pg_get_userbyid(relowner) || CASE WHEN relpersistence = 'u' AND relkind <> 'S' THEN ', unlogged' ELSE '' END
        || coalesce(', stored by ' || (SELECT amname FROM pg_am WHERE oid = relam AND amname <> 'heap' AND relkind <> 'S'), '')
        || CASE WHEN relrowsecurity AND relforcerowsecurity THEN ', row security forced' ELSE '' END AS line
    FROM relation
UNION ALL
SELECT 'column ' || relname || '.' || attname || ': ' || format_type(atttypid, atttypmod)
        || coalesce(' collate ' || (SELECT collname FROM pg_collation
            WHERE oid = attcollation AND attcollation <> (SELECT typcollation FROM pg_type WHERE oid = atttypid)), '')
        || CASE WHEN attnotnull THEN ' not null' ELSE '' END
        || CASE WHEN attidentity <> '' THEN ' identity ' || attidentity::text WHEN attgenerated <> '' THEN
            ' generated ' || attgenerated::text ELSE '' END
        || coalesce(' default ' || pg_get_expr(adbin, adrelid), '')
        || CASE WHEN attstorage <> (SELECT typstorage FROM pg_type WHERE oid = atttypid) THEN ', stored as ' || attstorage::text
            ELSE '' END
    FROM relation JOIN pg_attribute ON attrelid = relation.oid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p')
UNION ALL
SELECT 'constraint ' || conname || ' on ' || relname || ': ' || pg_get_constraintdef(pg_constraint.oid)
    FROM pg_constraint JOIN relation ON relation.oid = conrelid WHERE contype <> 'n'
UNION ALL
SELECT CASE WHEN indisunique OR indexprs IS NOT NULL OR indpred IS NOT NULL OR EXISTS (SELECT FROM pg_opclass
            WHERE oid = ANY (indclass::oid[]) AND opcnamespace <> 'pg_catalog'::regnamespace)
        THEN 'index ' ELSE 'plain index ' END
        || i.relname || ' on ' || relation.relname || ': ' || pg_get_indexdef(indexrelid)
        || CASE WHEN indisvalid AND indisready AND indislive THEN '' ELSE ', not valid' END
        || CASE WHEN indimmediate THEN '' ELSE ', deferred' END
    FROM pg_index JOIN relation ON relation.oid = indrelid JOIN pg_class i ON i.oid = indexrelid
    WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
UNION ALL
SELECT 'inheritance: ' || inhrelid::regclass || ' is a child of ' || inhparent::regclass
    FROM pg_inherits WHERE inhrelid IN (SELECT oid FROM relation) OR inhparent IN (SELECT oid FROM relation)
UNION ALL
SELECT 'object: ' || pg_describe_object(classid, objid, objsubid)
    FROM pg_depend, ours
    WHERE refclassid = 'pg_namespace'::regclass AND refobjid = ours.schema
        AND classid NOT IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_constraint'::regclass, 'pg_default_acl'::regclass,
            'pg_publication_namespace'::regclass)
        AND NOT (classid = 'pg_type'::regclass
            AND EXISTS (SELECT FROM pg_type t WHERE t.oid = objid AND (t.typrelid IN (SELECT oid FROM relation)
                OR t.typelem <> 0 AND t.typelem IN (SELECT reltype FROM relation))))
"""
