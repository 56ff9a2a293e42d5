-- $1: oids of the members. Policies, rules and column defaults of relations outside the set that name a member, its row
-- type, or a sequence of its columns. The rules of views are told elsewhere.
WITH sequences AS (
    SELECT d.objid AS oid
      FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
     WHERE d.classid = 'pg_class'::regclass::oid AND d.refclassid = 'pg_class'::regclass::oid
       AND d.refobjid = ANY ($1) AND d.deptype IN ('a', 'i')
), types AS (
    SELECT oid, typarray AS elements FROM pg_type WHERE typrelid = ANY ($1)
), depends AS (
    SELECT d.classid, d.objid, d.refclassid, d.refobjid, d.refobjsubid
      FROM pg_depend d
     WHERE d.classid IN ('pg_policy'::regclass::oid, 'pg_rewrite'::regclass::oid, 'pg_attrdef'::regclass::oid)
       AND ((d.refclassid = 'pg_class'::regclass::oid
             AND (d.refobjid = ANY ($1) OR d.refobjid IN (SELECT oid FROM sequences)))
            OR (d.refclassid = 'pg_type'::regclass::oid
                AND d.refobjid IN (SELECT unnest(ARRAY[oid, elements]) FROM types)))
), parts AS (
    SELECT 'pg_policy'::regclass::oid AS class, p.oid, p.polrelid AS relation, p.polname AS name, 'policy' AS kind,
           jsonb_build_object('using', pg_get_expr(p.polqual, p.polrelid),
                              'with_check', pg_get_expr(p.polwithcheck, p.polrelid)) AS definition
      FROM pg_policy p
     WHERE p.oid IN (SELECT objid FROM depends WHERE classid = 'pg_policy'::regclass::oid)
    UNION ALL
    -- What follows the rule's name: only the pretty form leaves schemas to the search path.
    SELECT 'pg_rewrite'::regclass::oid, r.oid, r.ev_class, r.rulename, 'rule',
           jsonb_build_object('tail', substr(rtrim(pg_get_ruledef(r.oid, true), ';'),
                                             length('CREATE RULE ' || pg_catalog.quote_ident(r.rulename)) + 1))
      FROM pg_rewrite r
     WHERE r.oid IN (SELECT objid FROM depends WHERE classid = 'pg_rewrite'::regclass::oid)
       AND (SELECT relkind FROM pg_class c WHERE c.oid = r.ev_class) NOT IN ('v', 'm')
    UNION ALL
    SELECT 'pg_attrdef'::regclass::oid, f.oid, f.adrelid, a.attname,
           CASE a.attgenerated WHEN '' THEN 'default' ELSE 'generated' END,
           jsonb_build_object('expression', pg_get_expr(f.adbin, f.adrelid))
      FROM pg_attrdef f JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
     WHERE f.oid IN (SELECT objid FROM depends WHERE classid = 'pg_attrdef'::regclass::oid)
)
SELECT jsonb_build_object(
    'table', jsonb_build_object('schema', n.nspname, 'name', c.relname),
    'table_oid', c.oid::bigint,
    'table_kind', c.relkind::text,
    'owner', pg_get_userbyid(c.relowner),
    'may_act_as_owner', pg_has_role(c.relowner, 'USAGE'),
    'name', p.name,
    'definition', jsonb_build_object('kind', p.kind) || p.definition,
    'reads', (SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('relation', a.attrelid::bigint, 'column', a.attname)), '[]')
                FROM depends d
                JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum > 0
               WHERE d.classid = p.class AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass::oid),
    'draws_from', (SELECT coalesce(jsonb_agg(DISTINCT d.refobjid::bigint), '[]')
                     FROM depends d
                    WHERE d.classid = p.class AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass::oid
                      AND d.refobjid IN (SELECT oid FROM sequences))
)
  FROM parts p
  JOIN pg_class c ON c.oid = p.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid <> ALL ($1)
 ORDER BY n.nspname, c.relname, p.kind, p.name
