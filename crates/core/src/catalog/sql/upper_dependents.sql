-- $1: oids of the views and materialized views over the set, $2: of the functions. What depends on them or their row types
-- and is neither one of them, nor a part of one: it would stand against dropping them.
WITH types AS (
    SELECT t.oid, t.typrelid FROM pg_type t WHERE t.typrelid = ANY ($1)
    UNION ALL
    SELECT t.typarray, t.typrelid FROM pg_type t WHERE t.typrelid = ANY ($1) AND t.typarray <> 0
), depends AS (
    SELECT DISTINCT d.classid, d.objid, d.objsubid, d.refclassid = 'pg_proc'::regclass::oid AS on_function,
           coalesce(t.typrelid, d.refobjid) AS on_oid
      FROM pg_depend d
      LEFT JOIN types t ON d.refclassid = 'pg_type'::regclass::oid AND t.oid = d.refobjid
     WHERE d.deptype IN ('n', 'a')
       AND ((d.refclassid = 'pg_class'::regclass::oid AND d.refobjid = ANY ($1))
            OR (d.refclassid = 'pg_proc'::regclass::oid AND d.refobjid = ANY ($2))
            OR t.oid IS NOT NULL)
)
SELECT json_build_object(
    'on', json_build_object(CASE WHEN d.on_function THEN 'function' ELSE 'relation' END, d.on_oid::bigint),
    'description', pg_describe_object(d.classid, d.objid, d.objsubid)
)
  FROM depends d
 WHERE NOT CASE d.classid
    WHEN 'pg_class'::regclass::oid THEN d.objid = ANY ($1)
    WHEN 'pg_proc'::regclass::oid THEN d.objid = ANY ($2)
    WHEN 'pg_rewrite'::regclass::oid THEN
        EXISTS (SELECT FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
                 WHERE r.oid = d.objid AND (r.ev_class = ANY ($1) OR c.relkind = 'v'))
    WHEN 'pg_trigger'::regclass::oid THEN
        EXISTS (SELECT FROM pg_trigger t WHERE t.oid = d.objid AND t.tgrelid = d.on_oid AND NOT d.on_function)
    WHEN 'pg_attrdef'::regclass::oid THEN
        EXISTS (SELECT FROM pg_attrdef a WHERE a.oid = d.objid AND a.adrelid = d.on_oid AND NOT d.on_function)
    ELSE false
 END
 ORDER BY pg_describe_object(d.classid, d.objid, d.objsubid)
