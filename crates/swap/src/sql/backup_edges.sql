-- $1: relation oids. Pairs of them where the first depends on the second, so must be dropped before it: by a query or a
-- rule, a policy, inheritance, a foreign key, a default that draws from a sequence of the other's.
SELECT DISTINCT r.ev_class AS dependent, d.refobjid AS on_oid
  FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
 WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
   AND r.ev_class = ANY ($1) AND d.refobjid = ANY ($1) AND r.ev_class <> d.refobjid
UNION
SELECT p.polrelid, d.refobjid
  FROM pg_depend d JOIN pg_policy p ON p.oid = d.objid
 WHERE d.classid = 'pg_policy'::regclass AND d.refclassid = 'pg_class'::regclass
   AND p.polrelid = ANY ($1) AND d.refobjid = ANY ($1) AND p.polrelid <> d.refobjid
UNION
SELECT i.inhrelid, i.inhparent
  FROM pg_inherits i
 WHERE i.inhrelid = ANY ($1) AND i.inhparent = ANY ($1)
UNION
SELECT k.conrelid, k.confrelid
  FROM pg_constraint k
 WHERE k.contype = 'f' AND k.conrelid = ANY ($1) AND k.confrelid = ANY ($1) AND k.conrelid <> k.confrelid
UNION
SELECT a.adrelid, o.refobjid
  FROM pg_attrdef a
  JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_class'::regclass
  JOIN pg_depend o ON o.classid = 'pg_class'::regclass AND o.objid = d.refobjid AND o.refclassid = 'pg_class'::regclass
                  AND o.deptype = 'a' AND o.refobjid = ANY ($1)
 WHERE a.adrelid = ANY ($1) AND a.adrelid <> o.refobjid
