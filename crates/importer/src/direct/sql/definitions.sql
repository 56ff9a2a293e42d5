-- Relations ($1) as queries of this session name them: whether without their schema, and the queries of the views.
SELECT c.oid, pg_catalog.pg_table_is_visible(c.oid),
       CASE c.relkind WHEN 'v' THEN pg_catalog.rtrim(pg_catalog.pg_get_viewdef(c.oid), ';') END
  FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1::pg_catalog.oid[])
