-- For each type: its name, whether it has a collation, and whether values that a B-tree of it takes for equal are spelt
-- alike (support function 4, "equalimage"; without it, as for numeric and citext, '1.0' = '1.00' or 'a' = 'A').
WITH RECURSIVE key AS (
    SELECT k.type, k.n FROM pg_catalog.unnest($1::pg_catalog.oid[]) WITH ORDINALITY AS k(type, n)),
base AS (
    SELECT k.n, t.oid, t.typtype, t.typbasetype FROM key k JOIN pg_catalog.pg_type t ON t.oid = k.type
     UNION ALL
    SELECT b.n, t.oid, t.typtype, t.typbasetype
      FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd')
SELECT pg_catalog.format_type(k.type, NULL), t.typcollation <> 0, coalesce(o.equalimage, false)
  FROM key k
  JOIN pg_catalog.pg_type t ON t.oid = k.type
  JOIN base b ON b.n = k.n AND b.typtype <> 'd'
  LEFT JOIN LATERAL (
       SELECT EXISTS (SELECT FROM pg_catalog.pg_amproc p
                       WHERE p.amprocfamily = c.opcfamily AND p.amproclefttype = c.opcintype
                         AND p.amprocrighttype = c.opcintype AND p.amprocnum = 4) AS equalimage
         FROM pg_catalog.pg_opclass c
         JOIN pg_catalog.pg_am m ON m.oid = c.opcmethod AND m.amname = 'btree'
        WHERE c.opcdefault
          AND (c.opcintype = b.oid
               OR (b.typtype = 'e' AND c.opcintype = 'pg_catalog.anyenum'::pg_catalog.regtype)
               OR EXISTS (SELECT FROM pg_catalog.pg_cast s
                           WHERE s.castsource = b.oid AND s.casttarget = c.opcintype
                             AND s.castmethod = 'b' AND s.castcontext = 'i'))
        ORDER BY c.opcintype = b.oid DESC, c.oid LIMIT 1) o ON true
 ORDER BY k.n
