-- $1: oids of the members. Views and materialized views outside the set that read it, through any number of views,
-- with their depth: a view is deeper than everything of this list that it reads.
WITH RECURSIVE reads AS (
    SELECT DISTINCT r.ev_class AS reader, d.refobjid AS source
      FROM pg_depend d
      JOIN pg_rewrite r ON r.oid = d.objid
     WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
       AND r.ev_class <> d.refobjid AND r.rulename = '_RETURN'
), found (oid, depth) AS (
    SELECT reader, 1 FROM reads WHERE source = ANY ($1) AND reader <> ALL ($1)
    UNION
    SELECT reads.reader, found.depth + 1
      FROM found JOIN reads ON reads.source = found.oid
     WHERE reads.reader <> ALL ($1)
       -- No chain is longer; two views that CREATE OR REPLACE made read each other would never end.
       AND found.depth <= (SELECT count(DISTINCT reader) FROM reads)
), deepest AS (
    SELECT oid, max(depth) AS depth FROM found GROUP BY oid
)
SELECT json_build_object(
    'oid', c.oid::bigint,
    'name', json_build_object('schema', n.nspname, 'name', c.relname),
    'kind', c.relkind::text,
    'depth', v.depth,
    'owner', pg_get_userbyid(c.relowner),
    'options', coalesce(c.reloptions, '{}'),
    'definition', pg_get_viewdef(c.oid, true),
    'direct', EXISTS (SELECT FROM reads WHERE reads.reader = c.oid AND reads.source = ANY ($1)),
    'reads', (SELECT coalesce(json_agg(DISTINCT jsonb_build_object('relation', a.attrelid::bigint, 'column', a.attname)), '[]')
                FROM pg_rewrite r
                JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                                AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY ($1)
                JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum > 0
               WHERE r.ev_class = c.oid AND r.rulename = '_RETURN'),
    'rules', (SELECT coalesce(json_agg(r.rulename ORDER BY r.rulename), '[]')
                FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN'),
    'extension', (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                   WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
                     AND d.refclassid = 'pg_extension'::regclass)
)
  FROM deepest v
  JOIN pg_class c ON c.oid = v.oid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 ORDER BY v.depth, n.nspname, c.relname
