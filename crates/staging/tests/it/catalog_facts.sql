-- What the catalogs hold of live relations ($1) and of their twins ($2, in the same order) and differs, object by object.
-- $3 kind, $4 staging name, $5 live name: parts of the set that have names of their own.
--
-- Objects are compared by labels with live's names. A label is only found on its own side, so that a twin's reference to
-- something live shows as one to the OTHER SIDE. Left out is what belongs to one incarnation of a table: oids, files,
-- sizes, numbers of columns where some were dropped, expression trees (pg_dump prints them, pg_depend knows what they
-- name), attmissingval (rows older than a column), whether a materialized view is filled (a twin is), attndims (of no
-- meaning to the server; LIKE drops it), comments on row types, which of several equal unique indexes a key rests on.
WITH paired AS MATERIALIZED (
    SELECT l.oid AS live, t.oid AS twin, c.relname AS name
      FROM unnest($1::oid[]) WITH ORDINALITY l (oid, n)
      JOIN unnest($2::oid[]) WITH ORDINALITY t (oid, n) USING (n)
      JOIN pg_class c ON c.oid = l.oid
), renamed AS MATERIALIZED (
    SELECT kind, staging, live FROM unnest($3::text[], $4::text[], $5::text[]) r (kind, staging, live)
), member AS MATERIALIZED (
    SELECT 'live' AS side, live AS oid, name FROM paired UNION ALL SELECT 'twin', twin, name FROM paired
), part AS MATERIALIZED (
    SELECT m.side, m.name AS member, 'index' AS kind, i.oid, i.relname AS name
      FROM member m JOIN pg_index x ON x.indrelid = m.oid JOIN pg_class i ON i.oid = x.indexrelid
    UNION ALL
    SELECT m.side, m.name, 'sequence', s.oid, s.relname
      FROM member m
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = m.oid AND d.classid = 'pg_class'::regclass
      JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
     WHERE d.deptype IN ('a', 'i')
    UNION ALL
    SELECT m.side, m.name, 'statistics', s.oid, s.stxname
      FROM member m JOIN pg_statistic_ext s ON s.stxrelid = m.oid
), named_part AS MATERIALIZED (
    SELECT p.side, p.member, p.kind, p.oid,
           CASE p.side WHEN 'live' THEN p.name
                ELSE coalesce((SELECT r.live FROM renamed r WHERE r.kind = p.kind AND r.staging = p.name),
                              'unpaired ' || p.name) END AS name
      FROM part p
), relation AS MATERIALIZED (
    SELECT side, name AS member, 'table' AS kind, oid, name FROM member
    UNION ALL
    SELECT side, member, kind, oid, name FROM named_part WHERE kind <> 'statistics'
), constraint_name AS MATERIALIZED (
    SELECT m.side, m.name AS member, k.oid,
           CASE WHEN k.contype IN ('p', 'u', 'x') THEN i.name
                -- The server names for itself what it makes for each partition of a table that is referred to.
                WHEN p.conrelid = k.conrelid THEN p.conname || ' (to ' || k.confrelid::regclass::oid || ')'
                ELSE k.conname END AS name,
           p.conrelid IS NOT DISTINCT FROM k.conrelid AS expanded, p.conname AS expanded_from, k.confrelid
      FROM member m
      JOIN pg_constraint k ON k.conrelid = m.oid
      -- The topmost one of its own table that it was made for.
      LEFT JOIN LATERAL (
          WITH RECURSIVE up (oid, conparentid, conrelid, conname, level) AS (
              SELECT oid, conparentid, conrelid, conname, 1 FROM pg_constraint WHERE oid = k.conparentid
              UNION ALL
              SELECT u.oid, u.conparentid, u.conrelid, u.conname, up.level + 1
                FROM up JOIN pg_constraint u ON u.oid = up.conparentid
          )
          SELECT conrelid, conname FROM up WHERE up.conrelid = k.conrelid ORDER BY level DESC LIMIT 1) p ON true
      LEFT JOIN named_part i ON i.kind = 'index' AND i.oid = k.conindid AND i.side = m.side
), object AS MATERIALIZED (
    SELECT side, member, 'pg_class'::regclass::oid AS classid, oid, format('%s %I', kind, name) AS label FROM relation
    UNION ALL
    SELECT side, member, 'pg_statistic_ext'::regclass, oid, format('statistics %I', name)
      FROM named_part WHERE kind = 'statistics'
    UNION ALL
    SELECT r.side, r.member, 'pg_type'::regclass, t.oid, format('row type of %I', r.name)
      FROM relation r JOIN pg_type t ON t.typrelid = r.oid
    UNION ALL
    SELECT r.side, r.member, 'pg_type'::regclass, t.typarray, format('array of the row type of %I', r.name)
      FROM relation r JOIN pg_type t ON t.typrelid = r.oid WHERE t.typarray <> 0
    UNION ALL
    SELECT k.side, k.member, 'pg_constraint'::regclass, k.oid,
           format('constraint %I of %I', CASE WHEN k.expanded
                  THEN k.expanded_from || ' to ' || coalesce(f.name, k.confrelid::regclass::text) ELSE k.name END, k.member)
      FROM constraint_name k LEFT JOIN member f ON f.oid = k.confrelid AND f.side = k.side
    UNION ALL
    SELECT m.side, m.name, 'pg_attrdef'::regclass, d.oid, format('default of %I.%I', m.name, a.attname)
      FROM member m JOIN pg_attrdef d ON d.adrelid = m.oid JOIN pg_attribute a ON a.attrelid = m.oid AND a.attnum = d.adnum
    UNION ALL
    SELECT m.side, m.name, 'pg_trigger'::regclass, t.oid, format('trigger %I of %I', t.tgname, m.name)
      FROM member m JOIN pg_trigger t ON t.tgrelid = m.oid WHERE NOT starts_with(t.tgname, 'RI_ConstraintTrigger')
            AND NOT (t.tgisinternal AND t.tgconstraint <> 0)
    UNION ALL
    SELECT m.side, m.name, 'pg_policy'::regclass, p.oid, format('policy %I of %I', p.polname, m.name)
      FROM member m JOIN pg_policy p ON p.polrelid = m.oid
    UNION ALL
    SELECT m.side, m.name, 'pg_rewrite'::regclass, r.oid, format('rule %I of %I', r.rulename, m.name)
      FROM member m JOIN pg_rewrite r ON r.ev_class = m.oid
), described AS (
    -- Relations of every kind.
    SELECT o.side, o.member, o.label, jsonb_build_object(
        'kind', c.relkind, 'persistence', c.relpersistence, 'access method', am.amname, 'tablespace', s.spcname,
        'owner', c.relowner::regrole, 'options', (SELECT array_agg(x ORDER BY x) FROM unnest(c.reloptions) x),
        'toast options', (SELECT array_agg(x ORDER BY x) FROM unnest(toast.reloptions) x),
        'privileges', (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(c.relacl) x),
        'replica identity', c.relreplident, 'row security', c.relrowsecurity, 'forced', c.relforcerowsecurity,
        'partition', c.relispartition, 'bound', pg_get_expr(c.relpartbound, c.oid), 'checks', c.relchecks,
        'of type', nullif(c.reloftype, 0)::regtype,
        'columns', CASE WHEN c.relkind <> 'S' THEN
            (SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind NOT IN ('i', 'I')) END) AS facts
      FROM object o JOIN pg_class c ON c.oid = o.oid AND o.classid = 'pg_class'::regclass
      LEFT JOIN pg_am am ON am.oid = c.relam LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
      LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid
    UNION ALL
    SELECT r.side, r.member, format('column %s of %s %I', CASE WHEN r.kind = 'index' THEN a.attnum::text ELSE a.attname END, r.kind, r.name),
        jsonb_build_object(
        'type', coalesce(t.label, format_type(a.atttypid, a.atttypmod)), 'not null', a.attnotnull, 'has default', a.atthasdef,
        'identity', a.attidentity, 'generated', a.attgenerated, 'local', a.attislocal, 'inherited', a.attinhcount,
        -- Of index columns the server follows the table's only some of the time.
        'storage', CASE WHEN r.kind <> 'index' THEN a.attstorage END,
        'compression', CASE WHEN r.kind <> 'index' THEN a.attcompression END, 'statistics target', a.attstattarget,
        'collation', nullif(a.attcollation, 0)::regcollation, 'foreign options', a.attfdwoptions,
        'privileges', (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(a.attacl) x),
        'options', (SELECT array_agg(x ORDER BY x) FROM unnest(a.attoptions) x WHERE NOT starts_with(x, 'pg_attver=')))
      FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN object t ON t.classid = 'pg_type'::regclass AND t.oid = a.atttypid AND t.side = r.side
     WHERE r.kind <> 'sequence'
    UNION ALL
    SELECT o.side, o.member, o.label, jsonb_build_object(
        'type', k.contype, 'deferrable', k.condeferrable, 'deferred', k.condeferred, -- Before PostgreSQL 18, VALIDATE leaves what the server made for partitions outside the set as it was.
        -- The rows of one key for each partition that it refers to: valid or not by when the partition came, which nothing reads.
        'validated', k.convalidated OR (k.conparentid <> 0 AND k.confrelid NOT IN (SELECT oid FROM member) AND k.confrelid <> 0)
            OR EXISTS (SELECT FROM pg_constraint p WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid),
        'local', k.conislocal, 'inherited', k.coninhcount, -- Of keys it only tells whether they were made with their parent's or attached to it.
        'no inherit', CASE WHEN k.contype NOT IN ('p', 'u', 'x', 'f') THEN k.connoinherit END,
        'actions', ARRAY[k.confupdtype, k.confdeltype, k.confmatchtype],
        'set on delete', to_jsonb(k) -> 'confdelsetcols' IS NOT NULL AND jsonb_typeof(to_jsonb(k) -> 'confdelsetcols') = 'array',
        'columns', (SELECT array_agg(a.attname ORDER BY u.n) FROM unnest(k.conkey) WITH ORDINALITY u (attnum, n)
                      JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum),
        'referenced columns', (SELECT array_agg(a.attname ORDER BY u.n) FROM unnest(k.confkey) WITH ORDINALITY u (attnum, n)
                                 JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum),
        'operators', (SELECT array_agg(x::regoperator ORDER BY n) FROM unnest(k.conexclop) WITH ORDINALITY u (x, n)),
        'key operators', (SELECT array_agg(x::regoperator ORDER BY n)
                            FROM unnest(k.conpfeqop || k.conppeqop || k.conffeqop) WITH ORDINALITY u (x, n)))
      FROM object o JOIN pg_constraint k ON k.oid = o.oid AND o.classid = 'pg_constraint'::regclass
    UNION ALL
    SELECT o.side, o.member, o.label, jsonb_build_object(
        'unique', x.indisunique, 'primary', x.indisprimary, 'exclusion', x.indisexclusion, 'immediate', x.indimmediate,
        'clustered', x.indisclustered, 'valid', x.indisvalid, 'ready', x.indisready, 'live', x.indislive,
        'replica identity', x.indisreplident, 'key columns', x.indnkeyatts, 'options', x.indoption::text,
        'nulls not distinct', to_jsonb(x) ->> 'indnullsnotdistinct',
        'operator classes', (SELECT array_agg(c.opcname ORDER BY n) FROM unnest(x.indclass) WITH ORDINALITY u (oid, n)
                               JOIN pg_opclass c ON c.oid = u.oid),
        'collations', (SELECT array_agg(nullif(c, 0)::regcollation ORDER BY n) FROM unnest(x.indcollation) WITH ORDINALITY u (c, n)),
        'columns', (SELECT array_agg(a.attname ORDER BY u.n) FROM unnest(x.indkey) WITH ORDINALITY u (attnum, n)
                      LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.attnum))
      FROM object o JOIN pg_index x ON x.indexrelid = o.oid AND o.classid = 'pg_class'::regclass
    UNION ALL
    SELECT o.side, o.member, o.label, jsonb_build_object(
        'function', t.tgfoid::regprocedure, 'type', t.tgtype, 'enabled', t.tgenabled, 'internal', t.tgisinternal,
        'deferrable', t.tgdeferrable, 'deferred', t.tginitdeferred, 'arguments', encode(t.tgargs, 'escape'),
        'old table', t.tgoldtable, 'new table', t.tgnewtable, 'has condition', t.tgqual IS NOT NULL,
        'columns', (SELECT array_agg(a.attname ORDER BY u.n) FROM unnest(t.tgattr) WITH ORDINALITY u (attnum, n)
                      JOIN pg_attribute a ON a.attrelid = t.tgrelid AND a.attnum = u.attnum))
      FROM object o JOIN pg_trigger t ON t.oid = o.oid AND o.classid = 'pg_trigger'::regclass
    UNION ALL
    -- The triggers of foreign keys and of deferrable keys, counted: they have names with oids in them. Those of keys that
    -- come from outside the set stay with live. Whether they fire (DISABLE TRIGGER ALL) no dump tells either.
    SELECT o.side, m.name, format('internal triggers %s of %I', t.tgfoid::regproc, m.name),
           jsonb_build_object('number', count(*))
      FROM member m JOIN pg_trigger t ON t.tgrelid = m.oid
      JOIN object o ON o.classid = 'pg_constraint'::regclass AND o.oid = t.tgconstraint AND o.side = m.side
     WHERE t.tgisinternal GROUP BY o.side, m.name, t.tgfoid
    UNION ALL
    SELECT o.side, o.member, o.label, jsonb_build_object('command', p.polcmd, 'permissive', p.polpermissive,
        'roles', (SELECT array_agg(CASE r WHEN 0 THEN 'public' ELSE r::regrole::text END ORDER BY n)
                    FROM unnest(p.polroles) WITH ORDINALITY u (r, n)),
        'has condition', p.polqual IS NOT NULL, 'has check', p.polwithcheck IS NOT NULL)
      FROM object o JOIN pg_policy p ON p.oid = o.oid AND o.classid = 'pg_policy'::regclass
    UNION ALL
    SELECT o.side, o.member, o.label, jsonb_build_object('event', r.ev_type, 'enabled', r.ev_enabled, 'instead', r.is_instead)
      FROM object o JOIN pg_rewrite r ON r.oid = o.oid AND o.classid = 'pg_rewrite'::regclass
    UNION ALL
    SELECT o.side, o.member, o.label, jsonb_build_object('owner', s.stxowner::regrole, 'target', s.stxstattarget,
        'kinds', (SELECT array_agg(x ORDER BY x) FROM unnest(s.stxkind) x), 'has expressions', s.stxexprs IS NOT NULL,
        'columns', (SELECT array_agg(a.attname ORDER BY a.attname) FROM unnest(s.stxkeys) u (attnum)
                      JOIN pg_attribute a ON a.attrelid = s.stxrelid AND a.attnum = u.attnum))
      FROM object o JOIN pg_statistic_ext s ON s.oid = o.oid AND o.classid = 'pg_statistic_ext'::regclass
    UNION ALL
    SELECT o.side, o.member, o.label, to_jsonb(s) - 'seqrelid'
      FROM object o JOIN pg_sequence s ON s.seqrelid = o.oid AND o.classid = 'pg_class'::regclass
    UNION ALL
    SELECT o.side, o.member, o.label, jsonb_build_object('strategy', p.partstrat, 'has expressions', p.partexprs IS NOT NULL,
        'has default', p.partdefid <> 0,
        'columns', (SELECT array_agg(a.attname ORDER BY u.n) FROM unnest(p.partattrs) WITH ORDINALITY u (attnum, n)
                      LEFT JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = u.attnum),
        'operator classes', (SELECT array_agg(c.opcname ORDER BY n) FROM unnest(p.partclass) WITH ORDINALITY u (oid, n)
                               JOIN pg_opclass c ON c.oid = u.oid),
        'collations', (SELECT array_agg(nullif(c, 0)::regcollation ORDER BY n) FROM unnest(p.partcollation) WITH ORDINALITY u (c, n)))
      FROM object o JOIN pg_partitioned_table p ON p.partrelid = o.oid AND o.classid = 'pg_class'::regclass
    UNION ALL
    SELECT o.side, o.member, o.label, jsonb_build_object('owner', t.typowner::regrole,
        'privileges', (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(t.typacl) x))
      FROM object o JOIN pg_type t ON t.oid = o.oid AND o.classid = 'pg_type'::regclass
    UNION ALL
    -- Parents of tables and of indexes, in order.
    SELECT o.side, o.member, o.label, jsonb_build_object('parents', array_agg(
               coalesce(p.label, CASE WHEN other.oid IS NOT NULL THEN 'OTHER SIDE ' END || other.label, h.inhparent::regclass::text)
               ORDER BY h.inhseqno))
      FROM object o JOIN pg_inherits h ON h.inhrelid = o.oid AND o.classid = 'pg_class'::regclass
      LEFT JOIN object p ON p.classid = o.classid AND p.oid = h.inhparent AND p.side = o.side
      LEFT JOIN object other ON other.classid = o.classid AND other.oid = h.inhparent AND other.side <> o.side
     GROUP BY o.side, o.member, o.label
    UNION ALL
    SELECT o.side, o.member, o.label, jsonb_build_object(
               'comment' || coalesce(' on ' || (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = d.objoid
                                                   AND a.attnum = nullif(d.objsubid, 0)), ''), d.description)
      FROM object o JOIN pg_description d ON d.classoid = o.classid AND d.objoid = o.oid
     WHERE o.classid <> 'pg_type'::regclass
    UNION ALL
    SELECT o.side, o.member, o.label, jsonb_build_object('label of ' || s.provider
               || coalesce(' on ' || (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = s.objoid
                                         AND a.attnum = nullif(s.objsubid, 0)), ''), s.label)
      FROM object o JOIN pg_seclabel s ON s.classoid = o.classid AND s.objoid = o.oid
), linked AS (
    SELECT o.side, o.member, o.label, d.deptype::text
           || ' on '
           -- Where several unique indexes cover the same columns, a key rests on the one that was made first.
           || CASE WHEN own.label LIKE 'index %' AND d.classid = 'pg_constraint'::regclass
                    AND (SELECT k.contype = 'f' FROM pg_constraint k WHERE k.oid = d.objid)
                   THEN 'a unique index over the referenced columns'
                   ELSE coalesce(own.label, 'OTHER SIDE ' || other.label, pg_describe_object(d.refclassid, d.refobjid, 0)) END
           || coalesce('.' || r.attname, '') AS fact,
           coalesce(a.attname, '') AS of_column
      FROM object o
      JOIN pg_depend d ON d.classid = o.classid AND d.objid = o.oid
      LEFT JOIN object own ON own.classid = d.refclassid AND own.oid = d.refobjid AND own.side = o.side
      LEFT JOIN object other ON other.classid = d.refclassid AND other.oid = d.refobjid AND other.side <> o.side
      LEFT JOIN pg_attribute a ON d.classid = 'pg_class'::regclass AND a.attrelid = d.objid AND a.attnum = nullif(d.objsubid, 0)
            AND o.label NOT LIKE 'index %'
      LEFT JOIN pg_attribute r ON d.refclassid = 'pg_class'::regclass AND r.attrelid = d.refobjid AND r.attnum = nullif(d.refobjsubid, 0)
    UNION ALL
    SELECT o.side, o.member, o.label, 'shared ' || d.deptype::text || ' on ' || pg_describe_object(d.refclassid, d.refobjid, 0), d.objsubid::text
      FROM object o JOIN pg_shdepend d ON d.classid = o.classid AND d.objid = o.oid
           AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     WHERE d.objsubid = 0
), fact AS MATERIALIZED (
    SELECT d.side, d.member, d.label || ': ' || e.key || ' = ' || coalesce(e.value, 'null') AS fact
      FROM described d CROSS JOIN LATERAL jsonb_each_text(d.facts) e
    UNION ALL
    SELECT side, member, concat_ws(' ', label, nullif(of_column, ''), 'depends', fact) FROM linked
), only_one AS (
    (SELECT 'only live' AS where_, member, fact FROM fact WHERE side = 'live'
     EXCEPT SELECT 'only live', member, fact FROM fact WHERE side = 'twin')
    UNION ALL
    (SELECT 'only twin', member, fact FROM fact WHERE side = 'twin'
     EXCEPT SELECT 'only twin', member, fact FROM fact WHERE side = 'live')
)
SELECT member, where_ || ': ' || fact FROM only_one ORDER BY member, fact, where_
