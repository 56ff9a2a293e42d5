-- $1: relation oids. Triggers that constraints made for themselves are left out.
SELECT t.tgrelid, json_agg(json_build_object(
    'name', t.tgname,
    'definition', pg_get_triggerdef(t.oid, true),
    'enabled', t.tgenabled::text,
    'constraint', (t.tgconstraint <> 0),
    'inherited', (coalesce((to_json(t) ->> 'tgparentid')::bigint, 0) <> 0),
    'comment', obj_description(t.oid, 'pg_trigger')
) ORDER BY t.tgname)
  FROM pg_trigger t
 WHERE t.tgrelid = ANY ($1) AND NOT t.tgisinternal
 GROUP BY t.tgrelid
