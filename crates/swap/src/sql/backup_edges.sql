-- $1: relation oids. Pairs of them where the first depends on the second, so must be dropped before it: by a query or a
-- rule, a policy, inheritance, a foreign key, a default that draws from a sequence of the other's, a row of the other
-- that a column holds or a check or default names.
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
UNION
SELECT h.holder, coalesce(nullif(t.typrelid, 0), e.typrelid)
  FROM (SELECT a.attrelid, a.atttypid FROM pg_attribute a WHERE a.attrelid = ANY ($1) AND NOT a.attisdropped
        UNION ALL
        SELECT k.conrelid, d.refobjid FROM pg_constraint k
          JOIN pg_depend d ON d.classid = 'pg_constraint'::regclass AND d.objid = k.oid AND d.refclassid = 'pg_type'::regclass
         WHERE k.conrelid = ANY ($1)
        UNION ALL
        SELECT a.adrelid, d.refobjid FROM pg_attrdef a
          JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_type'::regclass
         WHERE a.adrelid = ANY ($1)) h (holder, type)
  JOIN pg_type t ON t.oid = h.type
  LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
 WHERE coalesce(nullif(t.typrelid, 0), e.typrelid) = ANY ($1)
   AND coalesce(nullif(t.typrelid, 0), e.typrelid) <> h.holder
