-- $1: schema, $2: names. Tables with their TOAST tables whose age nears autovacuum_freeze_max_age, and how near in per cent.
SELECT c.oid::pg_catalog.regclass::pg_catalog.text, (100 * age.xids / age.allowed)::pg_catalog.int4
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = $1::pg_catalog.text
  LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
 CROSS JOIN LATERAL (
       SELECT greatest(pg_catalog.age(c.relfrozenxid), pg_catalog.age(t.relfrozenxid))::pg_catalog.int8 AS xids,
              coalesce((SELECT o.option_value FROM pg_catalog.pg_options_to_table(c.reloptions) o
                         WHERE o.option_name = 'autovacuum_freeze_max_age'),
                       pg_catalog.current_setting('autovacuum_freeze_max_age'))::pg_catalog.int8 AS allowed) age
 WHERE c.relname = ANY ($2::pg_catalog.text[]) AND c.relkind IN ('r', 'm') AND age.xids * 10 >= age.allowed * 9
 ORDER BY 1
