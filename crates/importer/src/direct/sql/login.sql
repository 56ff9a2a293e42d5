-- The options of a server ($1) and of the user mapping that a role ($2) has there: its own, else everybody's.
-- The view shows a mapping's options to who may see them, and NULL to others.
SELECT o.option_name, o.option_value, true
  FROM pg_catalog.pg_foreign_server s
  CROSS JOIN LATERAL pg_catalog.pg_options_to_table(s.srvoptions) o
 WHERE s.srvname = $1
 UNION ALL
SELECT o.option_name, o.option_value, false
  FROM (SELECT m.umoptions FROM pg_catalog.pg_user_mappings m
         WHERE m.srvname = $1 AND (m.umuser = 0 OR m.usename = $2)
         ORDER BY m.umuser = 0 LIMIT 1) m
  CROSS JOIN LATERAL pg_catalog.pg_options_to_table(m.umoptions) o
