-- $1: relation oids. Publications that list them, with what of them is published. Column lists and row filters came with
-- PostgreSQL 15: before, their names mean the columns of nothing that stand behind.
SELECT r.prrelid, json_agg(json_build_object(
    'name', p.pubname,
    'owner', pg_get_userbyid(p.pubowner),
    'may_act_as_owner', pg_has_role(p.pubowner, 'USAGE'),
    'columns', (SELECT json_agg(a.attname ORDER BY o.ordinality)
                  FROM unnest(later.columns::smallint[]) WITH ORDINALITY o (attnum, ordinality)
                  JOIN pg_attribute a ON a.attrelid = r.prrelid AND a.attnum = o.attnum),
    'row_filter', later.row_filter,
    'reads', (SELECT coalesce(json_agg(DISTINCT a.attname), '[]')
                FROM pg_depend d
                JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum > 0
               WHERE d.classid = 'pg_publication_rel'::regclass::oid AND d.objid = r.oid
                 AND d.refclassid = 'pg_class'::regclass::oid AND d.refobjid = r.prrelid)
) ORDER BY p.pubname)
  FROM pg_publication_rel r
  JOIN pg_publication p ON p.oid = r.prpubid
 CROSS JOIN LATERAL (
    SELECT (SELECT prattrs FROM pg_publication_rel x WHERE x.oid = r.oid) AS columns,
           (SELECT pg_get_expr(prqual, x.prrelid) FROM pg_publication_rel x WHERE x.oid = r.oid) AS row_filter
      FROM (SELECT NULL::int2vector AS prattrs, NULL::pg_node_tree AS prqual) nothing) later
 WHERE r.prrelid = ANY ($1)
 GROUP BY r.prrelid
