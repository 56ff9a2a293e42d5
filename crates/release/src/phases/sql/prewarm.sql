-- The storage of staging relations ($1: their oids) in the order in which it is loaded, with its size in blocks.
-- Indexes first: every query descends from their roots. TOAST last: most queries never read it.
WITH heap (oid, turn) AS (
    SELECT c.oid, 1 FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1)
    UNION ALL
    SELECT c.reltoastrelid, 2 FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1) AND c.reltoastrelid <> 0
),
relation (oid, turn) AS (
    SELECT h.oid, h.turn FROM heap h
    UNION ALL
    SELECT i.indexrelid, CASE h.turn WHEN 1 THEN 0 ELSE h.turn END
      FROM heap h JOIN pg_catalog.pg_index i ON i.indrelid = h.oid
),
stored (oid, turn, blocks) AS (
    SELECT r.oid, r.turn,
           pg_catalog.pg_relation_size(r.oid) / pg_catalog.current_setting('block_size')::bigint
      -- Partitioned ones store nothing.
      FROM relation r JOIN pg_catalog.pg_class c ON c.oid = r.oid AND c.relkind IN ('r', 'm', 't', 'i')
)
SELECT s.oid, s.blocks FROM stored s WHERE s.blocks > 0 ORDER BY s.turn, s.blocks, s.oid
