-- $1: relation oids; $2: whether names and options of indexes, and of the constraints they back, count.
-- Runs under whatever search path its session has, so everything is qualified.
-- Changes when any catalog row that describes one of them, or what hangs on it, is rewritten.
-- xmin tells that cheaply; VACUUM and ANALYZE update pg_class in place and do not disturb it.
WITH RECURSIVE functions (oid) AS (
    -- Functions that refer to one of the relations or its row type, and those that refer to such functions.
    SELECT d.objid FROM pg_catalog.pg_depend d
     WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype = 'n'
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = ANY ($1)
    UNION
    SELECT d.objid
      FROM pg_catalog.pg_type t JOIN pg_catalog.pg_depend d
        ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid IN (t.oid, t.typarray)
     WHERE t.typrelid = ANY ($1) AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype = 'n'
    UNION
    SELECT d.objid FROM functions f JOIN pg_catalog.pg_depend d
        ON d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid = f.oid
     WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype = 'n'
)
SELECT coalesce(pg_catalog.string_agg(fact, ',' ORDER BY fact), '')
  FROM (
    SELECT 'c' || c.oid || '.' || c.xmin || c.relname AS fact FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1)
    -- The CLUSTER mark, the replica identity and validity are in pg_index, which a rename leaves alone.
    UNION ALL SELECT 'i' || i.oid || '.' || x.xmin || CASE WHEN $2 THEN '.' || i.xmin ELSE '' END
                FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
               WHERE x.indrelid = ANY ($1)
    UNION ALL SELECT 'a' || a.attrelid || '.' || a.attnum || '.' || a.xmin FROM pg_catalog.pg_attribute a
               WHERE a.attrelid = ANY ($1)
    UNION ALL SELECT 'k' || k.oid || CASE WHEN $2 OR k.contype NOT IN ('p', 'u', 'x') THEN '.' || k.xmin ELSE '' END
                FROM pg_catalog.pg_constraint k
               WHERE k.conrelid = ANY ($1) OR (k.contype = 'f' AND k.confrelid = ANY ($1))
    UNION ALL SELECT 't' || t.oid || '.' || t.xmin FROM pg_catalog.pg_trigger t WHERE t.tgrelid = ANY ($1) AND NOT t.tgisinternal
    UNION ALL SELECT 'p' || p.oid || '.' || p.xmin FROM pg_catalog.pg_policy p WHERE p.polrelid = ANY ($1)
    UNION ALL SELECT 's' || s.oid || '.' || s.xmin FROM pg_catalog.pg_statistic_ext s WHERE s.stxrelid = ANY ($1)
    UNION ALL SELECT 'd' || d.adrelid || '.' || d.adnum || '.' || d.xmin FROM pg_catalog.pg_attrdef d WHERE d.adrelid = ANY ($1)
    -- Rules: those on the relations, and those of whatever reads them.
    UNION ALL SELECT 'r' || r.oid || '.' || r.xmin FROM pg_catalog.pg_rewrite r WHERE r.ev_class = ANY ($1)
    -- Automatic ones too: publications that list it, partitions, sequences that a column came to own.
    UNION ALL SELECT DISTINCT 'v' || d.classid || '.' || d.objid FROM pg_catalog.pg_depend d
               WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = ANY ($1)
                 AND d.deptype IN ('n', 'a')
    UNION ALL SELECT DISTINCT 'w' || d.classid || '.' || d.objid
                FROM pg_catalog.pg_type t JOIN pg_catalog.pg_depend d
                  ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid IN (t.oid, t.typarray)
               WHERE t.typrelid = ANY ($1) AND d.deptype IN ('n', 'a')
    UNION ALL SELECT 'q' || s.seqrelid || '.' || c.xmin || '.' || s.xmin
                FROM pg_catalog.pg_depend d
                JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'S'
                JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid
               WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                 AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                 AND d.refobjid = ANY ($1) AND d.deptype IN ('a', 'i')
    -- ALTER … DEPENDS ON EXTENSION: of the relation, its indexes and its triggers, and of the functions.
    UNION ALL SELECT 'x' || d.classid || '.' || d.objid || '.' || d.refobjid
                FROM pg_catalog.pg_depend d
               WHERE d.deptype = 'x'
                 AND ((d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                       AND (d.objid = ANY ($1)
                            OR d.objid IN (SELECT x.indexrelid FROM pg_catalog.pg_index x WHERE x.indrelid = ANY ($1))))
                      OR (d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass
                          AND d.objid IN (SELECT t.oid FROM pg_catalog.pg_trigger t WHERE t.tgrelid = ANY ($1)))
                      OR (d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid IN (SELECT oid FROM functions)))
    UNION ALL SELECT 'f' || p.oid || '.' || p.xmin FROM pg_catalog.pg_proc p WHERE p.oid IN (SELECT oid FROM functions)
    -- Labels of the relation, its columns and their sequences, and of the functions.
    UNION ALL SELECT 'l' || l.objoid || '.' || l.objsubid || '.' || l.xmin FROM pg_catalog.pg_seclabel l
               WHERE (l.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND l.objoid IN (SELECT oid FROM functions))
                  OR l.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
                 AND (l.objoid = ANY ($1)
                      OR l.objoid IN (SELECT d.objid FROM pg_catalog.pg_depend d
                                        JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'S'
                                       WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                                         AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                                         AND d.refobjid = ANY ($1) AND d.deptype IN ('a', 'i')))
    -- Publications that list it, with their names and owners; what is published of it is in the list's own row.
    UNION ALL SELECT 'o' || r.oid || '.' || r.xmin || '.' || p.xmin
                FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
               WHERE r.prrelid = ANY ($1)
    -- Publications that take a relation in without naming it: of all tables, and of a schema. The catalog of the latter
    -- came with PostgreSQL 15, so it is asked for by name.
    UNION ALL SELECT 'u' || p.oid || '.' || p.xmin FROM pg_catalog.pg_publication p WHERE p.puballtables
    UNION ALL SELECT DISTINCT 'n' || d.objid FROM pg_catalog.pg_depend d
               WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
                 AND d.refobjid IN (SELECT c.relnamespace FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1))
                 AND d.classid = pg_catalog.to_regclass('pg_catalog.pg_publication_namespace')
    -- A comment lives in a row of its own: of the relation and its columns, and of what hangs on it.
    UNION ALL SELECT 'm' || d.classoid || '.' || d.objoid || '.' || d.objsubid || '.' || d.xmin
                FROM pg_catalog.pg_description d
                JOIN (SELECT 'pg_catalog.pg_class'::pg_catalog.regclass AS classid, c.oid FROM pg_catalog.pg_class c
                       WHERE c.oid = ANY ($1)
                      UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, x.indexrelid FROM pg_catalog.pg_index x
                                 WHERE x.indrelid = ANY ($1)
                      UNION ALL SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, f.oid FROM functions f
                      UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid
                                  FROM pg_catalog.pg_constraint k WHERE k.conrelid = ANY ($1)
                      UNION ALL SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid FROM pg_catalog.pg_trigger t
                                 WHERE t.tgrelid = ANY ($1)
                      UNION ALL SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, p.oid FROM pg_catalog.pg_policy p
                                 WHERE p.polrelid = ANY ($1)
                      UNION ALL SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, r.oid FROM pg_catalog.pg_rewrite r
                                 WHERE r.ev_class = ANY ($1)
                      UNION ALL SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid
                                  FROM pg_catalog.pg_statistic_ext s WHERE s.stxrelid = ANY ($1)) parts
                  ON parts.classid = d.classoid AND parts.oid = d.objoid
  ) facts
