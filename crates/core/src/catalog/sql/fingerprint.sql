-- $1: relation oids; $2: whether names and options of indexes, and of the constraints they back, count. Changes when any catalog row that describes one of them, or what hangs on it, is rewritten.
-- xmin tells that cheaply; VACUUM and ANALYZE update pg_class in place and do not disturb it.
SELECT coalesce(string_agg(fact, ',' ORDER BY fact), '')
  FROM (
    SELECT 'c' || c.oid || '.' || c.xmin || c.relname AS fact FROM pg_class c WHERE c.oid = ANY ($1)
    UNION ALL SELECT 'i' || i.oid || CASE WHEN $2 THEN '.' || i.xmin ELSE '' END FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
               WHERE x.indrelid = ANY ($1)
    UNION ALL SELECT 'a' || a.attrelid || '.' || a.attnum || '.' || a.xmin FROM pg_attribute a
               WHERE a.attrelid = ANY ($1) AND a.attnum > 0
    UNION ALL SELECT 'k' || k.oid || CASE WHEN $2 OR k.contype NOT IN ('p', 'u', 'x') THEN '.' || k.xmin ELSE '' END
                FROM pg_constraint k
               WHERE k.conrelid = ANY ($1) OR (k.contype = 'f' AND k.confrelid = ANY ($1))
    UNION ALL SELECT 't' || t.oid || '.' || t.xmin FROM pg_trigger t WHERE t.tgrelid = ANY ($1) AND NOT t.tgisinternal
    UNION ALL SELECT 'p' || p.oid || '.' || p.xmin FROM pg_policy p WHERE p.polrelid = ANY ($1)
    UNION ALL SELECT 's' || s.oid || '.' || s.xmin FROM pg_statistic_ext s WHERE s.stxrelid = ANY ($1)
    UNION ALL SELECT 'd' || d.adrelid || '.' || d.adnum || '.' || d.xmin FROM pg_attrdef d WHERE d.adrelid = ANY ($1)
    -- Rules: those on the relations, and those of whatever reads them.
    UNION ALL SELECT 'r' || r.oid || '.' || r.xmin FROM pg_rewrite r WHERE r.ev_class = ANY ($1)
    UNION ALL SELECT DISTINCT 'v' || d.classid || '.' || d.objid FROM pg_depend d
               WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY ($1) AND d.deptype = 'n'
  ) facts
