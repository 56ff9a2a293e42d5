-- $1: relation oids. Pairs of them where the first depends on the second, so must be dropped before it.
SELECT DISTINCT r.ev_class AS dependent, d.refobjid AS on_oid, false AS by_key
  FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
 WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
   AND r.ev_class = ANY ($1) AND d.refobjid = ANY ($1) AND r.ev_class <> d.refobjid
UNION
SELECT k.conrelid, k.confrelid, true
  FROM pg_constraint k
 WHERE k.contype = 'f' AND k.conrelid = ANY ($1) AND k.confrelid = ANY ($1) AND k.conrelid <> k.confrelid
