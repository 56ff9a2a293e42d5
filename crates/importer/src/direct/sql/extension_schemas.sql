-- The schemas of the extensions that the queries of views ($1) use: what is not qualified in them is found there.
SELECT DISTINCT n.nspname::pg_catalog.text
  FROM pg_catalog.pg_rewrite w
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
  JOIN pg_catalog.pg_depend m ON m.classid = d.refclassid AND m.objid = d.refobjid AND m.deptype = 'e'
   AND m.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
  JOIN pg_catalog.pg_extension e ON e.oid = m.refobjid
  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
 WHERE w.ev_class = ANY ($1::pg_catalog.oid[])
 ORDER BY 1
