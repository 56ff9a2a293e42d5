-- $1: schema, $2: table, $3: first column of the key. What of the table, or of its partitions, lets rows of one range depend on
-- those of another, or their sessions wait for each other.
WITH tree AS (
    SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $2
     UNION
    SELECT p.relid
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
           pg_catalog.pg_partition_tree(c.oid) p
     WHERE n.nspname = $1 AND c.relname = $2)
SELECT why FROM (
    SELECT 1 AS place, pg_catalog.format('trigger %I fires for each row', g.tgname) AS why
      FROM tree JOIN pg_catalog.pg_trigger g ON g.tgrelid = tree.oid
     WHERE NOT g.tgisinternal AND g.tgenabled IN ('O', 'A')
     UNION ALL
    SELECT 2, pg_catalog.format('foreign key %I refers to the table itself', k.conname)
      FROM pg_catalog.pg_constraint k
     WHERE k.contype = 'f' AND k.conrelid IN (SELECT oid FROM tree) AND k.confrelid IN (SELECT oid FROM tree)
     UNION ALL
    SELECT 3, pg_catalog.format('index %I would have rows of one range wait for those of another', c.relname)
      FROM tree
      JOIN pg_catalog.pg_index i ON i.indrelid = tree.oid AND (i.indisunique OR i.indisexclusion)
      JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
     WHERE i.indisexclusion
        -- Rows of different ranges differ in the key's first column. Where that is in the index, by the type's own equality, no
        -- two of them can be in each other's way.
        OR NOT EXISTS (
           SELECT FROM ROWS FROM (pg_catalog.unnest(i.indkey::pg_catalog.int2[]), pg_catalog.unnest(i.indclass::pg_catalog.oid[]),
                                  pg_catalog.unnest(i.indcollation::pg_catalog.oid[])) WITH ORDINALITY AS p(attnum, opclass, coll, n)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = tree.oid AND a.attnum = p.attnum AND a.attname = $3
             JOIN pg_catalog.pg_opclass o ON o.oid = p.opclass AND o.opcdefault
             LEFT JOIN pg_catalog.pg_collation l ON l.oid = p.coll
            WHERE p.n <= i.indnkeyatts AND coalesce(l.collisdeterministic, true))) found
 ORDER BY place, why LIMIT 1
