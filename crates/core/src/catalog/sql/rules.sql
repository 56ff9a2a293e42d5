-- $1: relation oids. Rewrite rules, a view's own query left out. Only the pretty form leaves the schema of the rule's
-- own table to the search path.
SELECT r.ev_class, json_agg(json_build_object(
    'name', r.rulename,
    'definition', rtrim(pg_get_ruledef(r.oid, true), ';'),
    'enabled', r.ev_enabled::text,
    'comment', pg_catalog.obj_description(r.oid, 'pg_rewrite')
) ORDER BY r.rulename)
  FROM pg_rewrite r
 WHERE r.ev_class = ANY ($1) AND r.rulename <> '_RETURN'
 GROUP BY r.ev_class
