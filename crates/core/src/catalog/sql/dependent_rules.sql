-- $1: oids of relations, $2: oids of functions: the members with their sequences, and the views and functions over them.
-- $3: oids of the members, whose own rules are theirs.
-- Rewrite rules that refer to one of them, on views outside the set; a view's own query is told with the view.
WITH refers AS (
    SELECT DISTINCT d.objid AS rule,
           CASE d.refclassid WHEN 'pg_proc'::regclass::oid THEN d.refclassid ELSE 'pg_class'::regclass::oid END AS to_class,
           CASE d.refclassid WHEN 'pg_type'::regclass::oid THEN coalesce(nullif(t.typrelid, 0), e.typrelid)
                             ELSE d.refobjid END AS to_oid
      FROM pg_depend d
      LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass::oid AND t.oid = d.refobjid
      LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
     WHERE d.classid = 'pg_rewrite'::regclass::oid
       AND d.refclassid IN ('pg_class'::regclass::oid, 'pg_proc'::regclass::oid, 'pg_type'::regclass::oid)
)
SELECT json_build_object(
    'relation', json_build_object('schema', n.nspname, 'name', c.relname),
    'relation_oid', c.oid::bigint,
    'relation_kind', c.relkind::text,
    'relation_owner', pg_get_userbyid(c.relowner),
    'may_act_as_owner', pg_has_role(c.relowner, 'USAGE'),
    'name', r.rulename,
    'event', r.ev_type::text,
    -- What follows the name: only the pretty form leaves the schema of the rule's own relation to the search path.
    'tail', substr(rtrim(pg_get_ruledef(r.oid, true), ';'), length('CREATE RULE ' || pg_catalog.quote_ident(r.rulename)) + 1),
    'reads', (SELECT coalesce(json_agg(DISTINCT jsonb_build_object('relation', a.attrelid::bigint, 'column', a.attname)), '[]')
                FROM pg_depend d
                JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum > 0
               WHERE d.classid = 'pg_rewrite'::regclass::oid AND d.objid = r.oid
                 AND d.refclassid = 'pg_class'::regclass::oid AND d.refobjid = ANY ($3)),
    'refers_to', (SELECT json_agg(json_build_object(CASE WHEN f.to_class = 'pg_proc'::regclass::oid THEN 'function'
                                                         ELSE 'relation' END, f.to_oid::bigint)
                                  ORDER BY f.to_class::oid, f.to_oid)
                    FROM refers f WHERE f.rule = r.oid AND f.to_oid <> r.ev_class
                     AND ((f.to_class = 'pg_class'::regclass::oid AND f.to_oid = ANY ($1))
                          OR (f.to_class = 'pg_proc'::regclass::oid AND f.to_oid = ANY ($2))))
)
  FROM pg_rewrite r
  JOIN pg_class c ON c.oid = r.ev_class
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE r.rulename <> '_RETURN' AND c.relkind = 'v' AND c.oid <> ALL ($3)
   AND r.oid IN (SELECT f.rule FROM refers f
                  WHERE (f.to_class = 'pg_class'::regclass::oid AND f.to_oid = ANY ($1) AND f.to_oid <> r.ev_class)
                     OR (f.to_class = 'pg_proc'::regclass::oid AND f.to_oid = ANY ($2)))
 ORDER BY n.nspname, c.relname, r.rulename
