-- $1: oids of staging relations, $2: oids of live members. What of staging still refers to live: to a member, to a row
-- type of one, or to a sequence that belongs to one.
WITH live_objects AS (
    SELECT 'pg_catalog.pg_class'::regclass AS classid, unnest($2::oid[]) AS oid
    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, t.oid FROM pg_catalog.pg_type t WHERE t.typrelid = ANY ($2)
    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, t.typarray FROM pg_catalog.pg_type t
     WHERE t.typrelid = ANY ($2) AND t.typarray <> 0
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, d.objid
      FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
     WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
       AND d.refobjid = ANY ($2) AND d.deptype IN ('a', 'i')
), staging_objects AS (
    SELECT 'pg_catalog.pg_class'::regclass AS classid, unnest($1::oid[]) AS oid
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, x.indexrelid FROM pg_catalog.pg_index x WHERE x.indrelid = ANY ($1)
    UNION ALL
    SELECT 'pg_catalog.pg_attrdef'::regclass, a.oid FROM pg_catalog.pg_attrdef a WHERE a.adrelid = ANY ($1)
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::regclass, k.oid FROM pg_catalog.pg_constraint k WHERE k.conrelid = ANY ($1)
    UNION ALL
    SELECT 'pg_catalog.pg_trigger'::regclass, t.oid FROM pg_catalog.pg_trigger t WHERE t.tgrelid = ANY ($1)
    UNION ALL
    SELECT 'pg_catalog.pg_rewrite'::regclass, r.oid FROM pg_catalog.pg_rewrite r WHERE r.ev_class = ANY ($1)
    UNION ALL
    SELECT 'pg_catalog.pg_policy'::regclass, p.oid FROM pg_catalog.pg_policy p WHERE p.polrelid = ANY ($1)
    UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::regclass, s.oid FROM pg_catalog.pg_statistic_ext s WHERE s.stxrelid = ANY ($1)
)
SELECT DISTINCT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) || ' refers to '
       || pg_catalog.pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
  FROM pg_catalog.pg_depend d
  JOIN staging_objects s ON s.classid = d.classid AND s.oid = d.objid
  JOIN live_objects l ON l.classid = d.refclassid AND l.oid = d.refobjid
 ORDER BY 1
