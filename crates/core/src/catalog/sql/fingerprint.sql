-- $1: relation oids; $2: whether names and options of indexes, and of the constraints they back, and names of statistics count.
-- Runs under whatever search path its session has, so everything is qualified.
-- Changes when any catalog row that describes one of them, or what hangs on it, is rewritten.
-- xmin tells that cheaply; VACUUM and ANALYZE update pg_class in place and do not disturb it.
--
-- Each fact is hashed with a seed for its kind, and the hashes are added up: no texts are made, nothing is sorted. Every
-- branch begins with the oids, so that a plan for unknown oids goes by the catalogs' indexes.
WITH RECURSIVE functions (oid) AS (
    -- Functions that refer to one of the relations, its sequences or its row type, and those that refer to such functions.
    SELECT d.objid
      FROM (SELECT m.oid FROM pg_catalog.unnest($1) m (oid) UNION ALL SELECT q.oid FROM sequences q) m
      JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = m.oid
     WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid AND d.deptype = 'n'
    UNION
    SELECT d.objid
      FROM pg_catalog.unnest($1) m (oid)
      JOIN pg_catalog.pg_class c ON c.oid = m.oid
      JOIN pg_catalog.pg_type t ON t.oid = c.reltype
      CROSS JOIN LATERAL (VALUES (t.oid), (t.typarray)) row_type (oid)
      JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = row_type.oid
     WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid AND d.deptype = 'n'
    UNION
    SELECT d.objid
      FROM functions f
      JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = f.oid
     WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid AND d.deptype = 'n'
), parts (class, oid) AS MATERIALIZED (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, m.oid FROM pg_catalog.unnest($1) m (oid)
    UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, x.indexrelid
                FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_index x ON x.indrelid = m.oid
    UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid, k.oid
                FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_constraint k ON k.conrelid = m.oid
    UNION ALL SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass::pg_catalog.oid, t.oid
                FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_trigger t ON t.tgrelid = m.oid
               WHERE NOT t.tgisinternal
    UNION ALL SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass::pg_catalog.oid, p.oid
                FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_policy p ON p.polrelid = m.oid
    UNION ALL SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid, r.oid
                FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_rewrite r ON r.ev_class = m.oid
    UNION ALL SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass::pg_catalog.oid, s.oid
                FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = m.oid
    UNION ALL SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid, f.oid FROM functions f
), sequences (oid) AS MATERIALIZED (
    SELECT c.oid
      FROM pg_catalog.unnest($1) m (oid)
      JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = m.oid
                                 AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.deptype IN ('a', 'i')
      JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'S'
), facts (fact) AS (
    SELECT pg_catalog.hash_record_extended(ROW(c.oid, c.xmin, c.relname), 1)
      FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_class c ON c.oid = m.oid
    -- The CLUSTER mark, the replica identity and validity are in pg_index, which a rename leaves alone.
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(i.oid, x.xmin, CASE WHEN $2 THEN i.xmin END), 2)
                FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_index x ON x.indrelid = m.oid
                JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
    -- System columns have privileges, too.
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(a.attrelid, a.attnum, a.xmin), 3)
                FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_attribute a ON a.attrelid = m.oid
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(k.oid, CASE WHEN $2 OR k.contype NOT IN ('p', 'u', 'x') THEN k.xmin END), 4)
                FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_constraint k ON k.conrelid = m.oid
    -- Keys that refer to one of them, by their dependency on it: constraints have no index by what they refer to.
    -- Whether its own triggers are enabled is in these alone.
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(k.oid, k.xmin, k.confrelid, EXISTS (
                         SELECT FROM pg_catalog.pg_trigger t WHERE t.tgconstraint = k.oid AND t.tgenabled <> 'O')), 5)
                FROM (SELECT DISTINCT d.objid, d.refobjid
                        FROM pg_catalog.unnest($1) m (oid)
                        JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
                            AND d.refobjid = m.oid
                       WHERE d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid) referring
                JOIN pg_catalog.pg_constraint k ON k.oid = referring.objid AND k.confrelid = referring.refobjid AND k.contype = 'f'
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(t.oid, t.xmin), 6)
                FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_trigger t ON t.tgrelid = m.oid AND NOT t.tgisinternal
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(p.oid, p.xmin), 7)
                FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_policy p ON p.polrelid = m.oid
    -- Besides its name and schema, these are what can be altered.
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(s.oid, CASE WHEN $2 THEN s.xmin END, s.stxowner, s.stxstattarget), 8)
                FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = m.oid
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(d.adrelid, d.adnum, d.xmin), 9)
                FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_attrdef d ON d.adrelid = m.oid
    -- Rules: those on the relations, and those of whatever reads them.
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(r.oid, r.xmin), 10)
                FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_rewrite r ON r.ev_class = m.oid
    -- Whatever depends on it or on its sequences: that changes no row of theirs. Automatic ones too: publications that list
    -- it, partitions, sequences that a column came to own.
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(d.classid, d.objid, d.refobjsubid), 11)
                FROM (SELECT m.oid FROM pg_catalog.unnest($1) m (oid) UNION ALL SELECT q.oid FROM sequences q) m
                JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
                    AND d.refobjid = m.oid
               WHERE d.deptype IN ('n', 'a')
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(d.classid, d.objid, d.refobjsubid), 12)
                FROM pg_catalog.unnest($1) m (oid)
                JOIN pg_catalog.pg_class c ON c.oid = m.oid
                JOIN pg_catalog.pg_type t ON t.oid = c.reltype
                CROSS JOIN LATERAL (VALUES (t.oid), (t.typarray)) row_type (oid)
                JOIN pg_catalog.pg_depend d
                  ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = row_type.oid
               WHERE d.deptype IN ('n', 'a')
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(q.oid, c.xmin, s.xmin), 13)
                FROM sequences q JOIN pg_catalog.pg_class c ON c.oid = q.oid
                JOIN pg_catalog.pg_sequence s ON s.seqrelid = q.oid
    -- ALTER … DEPENDS ON EXTENSION: of the relation, its indexes and its triggers, and of the functions.
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(d.classid, d.objid, d.refobjid), 14)
                FROM parts JOIN pg_catalog.pg_depend d ON d.classid = parts.class AND d.objid = parts.oid
               WHERE d.deptype = 'x'
                
                     AND parts.class IN ('pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, 'pg_catalog.pg_trigger'::pg_catalog.regclass::pg_catalog.oid,
                                     'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid)
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(p.oid, p.xmin), 20)
                FROM functions f JOIN pg_catalog.pg_proc p ON p.oid = f.oid
    -- Labels of the relation, its columns and their sequences, and of the functions.
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(l.objoid, l.objsubid, l.xmin), 15)
                FROM (SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AS class, m.oid FROM pg_catalog.unnest($1) m (oid)
                      UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, q.oid FROM sequences q
                      UNION ALL SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid, f.oid FROM functions f) labelled
                JOIN pg_catalog.pg_seclabel l ON l.objoid = labelled.oid AND l.classoid = labelled.class
    -- Publications that list it, with their names and owners; what is published of it is in the list's own row.
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(r.oid, r.xmin, p.xmin), 16)
                FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_publication_rel r ON r.prrelid = m.oid
                JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
    -- Publications that take a relation in without naming it: of all tables, and of a schema. The catalog of the latter
    -- came with PostgreSQL 15, so it is asked for by name.
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(p.oid, p.xmin), 17)
                FROM pg_catalog.pg_publication p WHERE p.puballtables
    UNION ALL SELECT DISTINCT pg_catalog.hash_record_extended(ROW(d.objid), 18) FROM pg_catalog.pg_depend d
               WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid
                 AND d.refobjid IN (SELECT c.relnamespace FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_class c ON c.oid = m.oid)
                 AND d.classid = pg_catalog.to_regclass('pg_catalog.pg_publication_namespace')::pg_catalog.oid
    -- Subscriptions that write to it; how far they have come is no DDL.
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(r.srsubid, r.srrelid), 21)
                FROM pg_catalog.unnest($1) m (oid) JOIN pg_catalog.pg_subscription_rel r ON r.srrelid = m.oid
    -- A comment lives in a row of its own: of the relation and its columns, and of what hangs on it.
    UNION ALL SELECT pg_catalog.hash_record_extended(ROW(d.classoid, d.objoid, d.objsubid, d.xmin), 19)
                FROM parts JOIN pg_catalog.pg_description d ON d.classoid = parts.class AND d.objoid = parts.oid
)
SELECT pg_catalog.count(*) || ' ' || coalesce(pg_catalog.sum(fact), 0) FROM facts
