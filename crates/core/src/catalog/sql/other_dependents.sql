-- $1: oids of the members. Everything else outside the set that the catalog says depends on it, on its row types or on
-- its columns' own sequences: whatever is not a view, a function, a rule, a foreign key, a policy, a column default, or a
-- part of a member.
WITH members AS (
    SELECT unnest($1::oid[]) AS oid
), types AS (
    SELECT t.oid FROM pg_type t JOIN members m ON t.typrelid = m.oid
    UNION ALL
    SELECT t.typarray FROM pg_type t JOIN members m ON t.typrelid = m.oid WHERE t.typarray <> 0
), sequences AS (
    SELECT d.objid AS oid
      FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
     WHERE d.classid = 'pg_class'::regclass::oid AND d.refclassid = 'pg_class'::regclass::oid
       AND d.refobjid IN (SELECT oid FROM members) AND d.deptype IN ('a', 'i')
), depends AS (
    SELECT DISTINCT d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid
      FROM pg_depend d
     WHERE d.deptype IN ('n', 'a')
       AND ((d.refclassid = 'pg_class'::regclass::oid AND d.refobjid IN (SELECT oid FROM members))
            OR (d.refclassid = 'pg_class'::regclass::oid AND d.refobjid IN (SELECT oid FROM sequences))
            OR (d.refclassid = 'pg_type'::regclass::oid AND d.refobjid IN (SELECT oid FROM types)))
)
SELECT DISTINCT jsonb_build_object(
    'kind', (pg_identify_object(d.classid, d.objid, d.objsubid)).type,
    'description', pg_describe_object(d.classid, d.objid, d.objsubid),
    'member', CASE d.refclassid WHEN 'pg_class'::regclass::oid THEN d.refobjid::regclass::text
                                ELSE d.refobjid::regtype::text END
) AS dependent
  FROM depends d
 WHERE NOT CASE d.classid
    WHEN 'pg_class'::regclass::oid THEN
        -- Indexes, TOAST tables and owned sequences of members, and members themselves.
        d.objid IN (SELECT oid FROM members)
        OR EXISTS (SELECT FROM pg_index x WHERE x.indexrelid = d.objid AND x.indrelid IN (SELECT oid FROM members))
        OR EXISTS (SELECT FROM pg_class s WHERE s.oid = d.objid AND s.relkind = 'S')
        -- A column of a view that shows whole rows: the view is told.
        OR EXISTS (SELECT FROM pg_class v WHERE v.oid = d.objid AND v.relkind IN ('v', 'm'))
    -- Functions are told by themselves; what an aggregate is, no deparser prints.
    WHEN 'pg_proc'::regclass::oid THEN EXISTS (SELECT FROM pg_proc p WHERE p.oid = d.objid AND p.prokind <> 'a')
    WHEN 'pg_rewrite'::regclass::oid THEN
        -- Rules are told by themselves.
        true
    WHEN 'pg_constraint'::regclass::oid THEN
        EXISTS (SELECT FROM pg_constraint k WHERE k.oid = d.objid
                   AND (k.conrelid IN (SELECT oid FROM members) OR k.contype = 'f'))
    WHEN 'pg_trigger'::regclass::oid THEN
        EXISTS (SELECT FROM pg_trigger t WHERE t.oid = d.objid
                   AND (t.tgisinternal OR t.tgrelid IN (SELECT oid FROM members)))
    WHEN 'pg_attrdef'::regclass::oid THEN true
    WHEN 'pg_policy'::regclass::oid THEN true
    WHEN 'pg_statistic_ext'::regclass::oid THEN
        EXISTS (SELECT FROM pg_statistic_ext s WHERE s.oid = d.objid AND s.stxrelid IN (SELECT oid FROM members))
    WHEN 'pg_type'::regclass::oid THEN d.objid IN (SELECT oid FROM types)
    -- Told with the relation itself.
    WHEN 'pg_publication_rel'::regclass::oid THEN true
    ELSE false
 END
 ORDER BY dependent
