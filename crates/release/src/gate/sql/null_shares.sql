-- The share of nulls of each column of a staging relation ($3, $4), and of the live one ($1, $2) where that is known. Of a
-- partitioned table the statistics over all its partitions.
SELECT s.attname::text, l.null_frac, s.null_frac
  FROM pg_catalog.pg_stats s
  LEFT JOIN pg_catalog.pg_stats l
    ON l.schemaname = $1::text AND l.tablename = $2::text AND l.attname = s.attname AND l.inherited = s.inherited
 WHERE s.schemaname = $3::text AND s.tablename = $4::text
   AND s.inherited = EXISTS (SELECT FROM pg_catalog.pg_stats p
                              WHERE p.schemaname = $3::text AND p.tablename = $4::text AND p.inherited)
 ORDER BY s.attname
