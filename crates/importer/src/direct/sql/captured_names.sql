-- A function in the schemas $1 that no extension brought, of a name that pg_catalog or an extension's function has:
-- a call that means theirs might mean this one here.
SELECT p.oid::pg_catalog.regprocedure::pg_catalog.text
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = ANY ($1::pg_catalog.text[])
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')
   AND EXISTS (SELECT FROM pg_catalog.pg_proc other
                WHERE other.proname = p.proname AND other.oid <> p.oid
                  AND (other.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
                       OR EXISTS (SELECT FROM pg_catalog.pg_depend d
                                   WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                                     AND d.objid = other.oid AND d.deptype = 'e')))
 UNION ALL
SELECT o.oid::pg_catalog.regoperator::pg_catalog.text
  FROM pg_catalog.pg_operator o
  JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
 WHERE n.nspname = ANY ($1::pg_catalog.text[])
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND d.objid = o.oid AND d.deptype = 'e')
 LIMIT 1
