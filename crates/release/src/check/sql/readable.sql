-- $1: schema, $2: name. Whether the role may read a relation, or some of its columns; NULL where there is none.
SELECT (SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
          FROM pg_catalog.pg_class c
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1::pg_catalog.text AND c.relname = $2::pg_catalog.text
           AND c.relkind IN ('r', 'p', 'v', 'm', 'f'))
