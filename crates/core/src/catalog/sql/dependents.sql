-- $1: oids of the members. What outside the set reads it through views, materialized views and functions, at any remove:
-- one row each, with what of the set and of the other rows it refers to itself. A row type, or an array of it, stands for
-- the relation that it is of.
WITH RECURSIVE sources AS (
    SELECT unnest($1::oid[]) AS oid
    UNION
    -- Sequences of members change places with them.
    SELECT d.objid
      FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
     WHERE d.classid = 'pg_class'::regclass::oid AND d.refclassid = 'pg_class'::regclass::oid
       AND d.refobjid = ANY ($1) AND d.deptype IN ('a', 'i')
), refers AS (
    SELECT DISTINCT CASE WHEN p.oid IS NULL THEN 'pg_class'::regclass::oid ELSE 'pg_proc'::regclass::oid END AS class,
           coalesce(p.oid, r.ev_class, v.oid) AS oid,
           CASE d.refclassid WHEN 'pg_type'::regclass::oid THEN 'pg_class'::regclass::oid ELSE d.refclassid END AS to_class,
           CASE d.refclassid WHEN 'pg_type'::regclass::oid THEN coalesce(nullif(t.typrelid, 0), e.typrelid)
                             ELSE d.refobjid END AS to_oid
      FROM pg_depend d
      LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass::oid AND r.oid = d.objid AND r.rulename = '_RETURN'
      -- A column of a row type.
      LEFT JOIN pg_class v ON d.classid = 'pg_class'::regclass::oid AND v.oid = d.objid AND v.relkind IN ('v', 'm')
      -- An aggregate is none of these: it can only be dropped, and is told with everything else.
      LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass::oid AND p.oid = d.objid AND p.prokind <> 'a'
      LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass::oid AND t.oid = d.refobjid
      LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
     WHERE d.refclassid IN ('pg_class'::regclass::oid, 'pg_proc'::regclass::oid, 'pg_type'::regclass::oid)
       AND (r.oid IS NOT NULL OR v.oid IS NOT NULL OR p.oid IS NOT NULL)
), direct AS (
    SELECT class, oid, to_class, to_oid
      FROM refers
     WHERE to_oid <> 0 AND (class, oid) <> (to_class, to_oid)
       AND NOT (class = 'pg_class'::regclass::oid AND oid = ANY ($1))
), reached (class, oid) AS (
    SELECT class, oid FROM direct
     WHERE to_class = 'pg_class'::regclass::oid AND to_oid IN (SELECT oid FROM sources)
    UNION
    SELECT d.class, d.oid FROM reached r JOIN direct d ON d.to_class = r.class AND d.to_oid = r.oid
)
SELECT json_build_object(
    'dependent', json_build_object(CASE WHEN r.class = 'pg_proc'::regclass::oid THEN 'function' ELSE 'relation' END,
                                   r.oid::bigint),
    'refers_to', json_agg(json_build_object(CASE WHEN d.to_class = 'pg_proc'::regclass::oid THEN 'function' ELSE 'relation' END,
                                            d.to_oid::bigint)
                          ORDER BY d.to_class::oid, d.to_oid)
)
  FROM reached r
  JOIN direct d ON d.class = r.class AND d.oid = r.oid
 WHERE (d.to_class = 'pg_class'::regclass::oid AND d.to_oid IN (SELECT oid FROM sources))
    OR (d.to_class, d.to_oid) IN (SELECT class, oid FROM reached)
 GROUP BY r.class, r.oid
 ORDER BY r.class::oid, r.oid
