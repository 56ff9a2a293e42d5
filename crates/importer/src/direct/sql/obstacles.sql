-- The first thing that the queries of views ($1) use and that may not mean the same on a foreign server ($2), when they
-- are sent there with the relations that they read ($3) as WITH queries of the same names.
--
-- The rule of postgres_fdw, for whole queries: what initdb made and the members of the extensions that the server's
-- option "extensions" lists mean the same, provided they are immutable.
--
-- Dependencies tell everything that initdb did not make. What it made is read from the stored query: the numbers behind
-- the names of fields, and the kinds of nodes. A name of the operator's cannot look like either, because blanks and
-- braces in names are escaped there. A kind of node that is not listed is an obstacle, so that one which a later version
-- brings, and which says more than its functions do, is not taken for harmless.
WITH listed AS (
    SELECT e.oid
      FROM pg_catalog.pg_foreign_server s
      CROSS JOIN LATERAL pg_catalog.pg_options_to_table(s.srvoptions) o
      CROSS JOIN LATERAL pg_catalog.regexp_split_to_table(o.option_value, ',') AS name
      JOIN pg_catalog.pg_extension e ON e.extname = pg_catalog.btrim(name, E' \t\n\r\f"')
     WHERE s.srvname = $2 AND o.option_name = 'extensions'),
rules AS (
    -- A join lists all columns of its sides, used or not.
    SELECT w.oid, pg_catalog.regexp_replace(w.ev_action::pg_catalog.text,
               ':joinaliasvars \((?:\{VAR (?:[^(){}]|\(b[ 0-9]*\))*\} ?)*\)', '', 'g') AS query
      FROM pg_catalog.pg_rewrite w WHERE w.ev_class = ANY ($1::pg_catalog.oid[])),
member AS (
    SELECT d.classid, d.objid
      FROM pg_catalog.pg_depend d
     WHERE d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
       AND d.refobjid IN (SELECT oid FROM listed)),
functions AS (
    SELECT f[1]::pg_catalog.oid AS oid
      FROM rules, pg_catalog.regexp_matches(query, ':(?:funcid|aggfnoid|winfnoid) (\d+)', 'g') AS f
     UNION
    SELECT o.oprcode
      FROM rules, pg_catalog.regexp_matches(query, ':opno (\d+)', 'g') AS f
      JOIN pg_catalog.pg_operator o ON o.oid = f[1]::pg_catalog.oid),
types AS (
    SELECT DISTINCT rules.oid AS rule, t.oid, t.typname, t.typinput, t.typoutput
      FROM rules, pg_catalog.regexp_matches(query, ':[a-z_]*type(?:id)? (\d+)', 'g') AS f
      JOIN pg_catalog.pg_type t ON t.oid = f[1]::pg_catalog.oid),
-- A cast by way of the text (int to text) does not name the functions that it calls: those of its two types, where it is of
-- a column; else those of any type in the query.
casts AS (
    SELECT rules.oid AS rule, f
      FROM rules, pg_catalog.regexp_matches(query,
               '\{COERCEVIAIO :arg \{VAR [^{}]*:vartype (\d+)[^{}]*\} :resulttype (\d+)', 'g') AS f),
cast_types AS (
    SELECT t.oid, t.typinput, t.typoutput
      FROM casts JOIN pg_catalog.pg_type t ON t.oid IN (f[1]::pg_catalog.oid, f[2]::pg_catalog.oid)
     UNION
    SELECT t.oid, t.typinput, t.typoutput
      FROM rules JOIN types t ON t.rule = rules.oid
     WHERE (SELECT pg_catalog.count(*) FROM pg_catalog.regexp_matches(query, '\{COERCEVIAIO ', 'g'))
           > (SELECT pg_catalog.count(*) FROM casts WHERE casts.rule = rules.oid))
-- What initdb made is no dependency.
SELECT 'it reads ' || f[1]::pg_catalog.oid::pg_catalog.regclass || ', which is in this database'
  FROM rules, pg_catalog.regexp_matches(query, ':relid (\d+)', 'g') AS f
 WHERE f[1]::pg_catalog.oid <> ALL ($3::pg_catalog.oid[]) AND f[1] <> '0'
 UNION ALL
SELECT 'it uses ' || pg_catalog.pg_describe_object(d.refclassid, d.refobjid, 0)
       || ', which no extension has that the server''s option "extensions" lists'
  FROM rules
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = rules.oid
 WHERE d.refclassid <> 'pg_catalog.pg_class'::pg_catalog.regclass
   AND (d.refclassid, d.refobjid) NOT IN (SELECT classid, objid FROM member)
 UNION ALL
SELECT 'it uses ' || pg_catalog.pg_describe_object('pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0)
       || ', which is not immutable'
  FROM functions JOIN pg_catalog.pg_proc p USING (oid)
 WHERE p.provolatile <> 'i'
 UNION ALL
SELECT 'it uses ' || pg_catalog.pg_describe_object('pg_catalog.pg_type'::pg_catalog.regclass, oid, 0)
       || ', which no extension has that the server''s option "extensions" lists'
  FROM types
 WHERE oid >= 16384
   AND ('pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid, oid) NOT IN (SELECT classid, objid FROM member)
 UNION ALL
SELECT 'it uses ' || pg_catalog.pg_describe_object('pg_catalog.pg_type'::pg_catalog.regclass, oid, 0)
       || ', whose values mean nothing in another database'
  FROM types WHERE typname LIKE 'reg%' AND oid < 16384
 UNION ALL
SELECT 'it casts by way of the text to or from ' || pg_catalog.pg_describe_object('pg_catalog.pg_type'::pg_catalog.regclass, t.oid, 0)
       || ', whose text depends on the session'
  FROM cast_types t
 WHERE EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.oid IN (t.typinput, t.typoutput) AND p.provolatile <> 'i')
 UNION ALL
SELECT DISTINCT 'its query holds a ' || f[1] || ', of which it is not known whether it means the same there'
  FROM rules, pg_catalog.regexp_matches(query, '\{([A-Z_]+)', 'g') AS f
 WHERE f[1] NOT IN (
       'QUERY', 'RANGETBLENTRY', 'RTE', 'RTEPERMISSIONINFO', 'PERMISSIONINFO', 'ALIAS', 'FROMEXPR', 'JOINEXPR',
       'RANGETBLREF', 'RANGETBLFUNCTION', 'TARGETENTRY', 'VAR', 'CONST', 'PARAM', 'FUNCEXPR', 'OPEXPR',
       'DISTINCTEXPR', 'NULLIFEXPR', 'SCALARARRAYOPEXPR', 'BOOLEXPR', 'NULLTEST', 'BOOLEANTEST', 'CASE', 'CASEEXPR',
       'WHEN', 'CASEWHEN', 'CASETESTEXPR', 'COALESCE', 'COALESCEEXPR', 'MINMAX', 'MINMAXEXPR', 'ARRAY', 'ARRAYEXPR',
       'SUBSCRIPTINGREF', 'ARRAYCOERCEEXPR', 'RELABELTYPE', 'COERCEVIAIO', 'COLLATE', 'COLLATEEXPR', 'SUBLINK',
       'AGGREF', 'WINDOWFUNC', 'WINDOWCLAUSE', 'SORTGROUPCLAUSE', 'COMMONTABLEEXPR', 'SETOPERATIONSTMT')
 UNION ALL
-- The server writes the schema before a relation that such a WITH query hides, and the schema means nothing there.
SELECT 'it has a WITH query called like a relation that it reads'
  FROM rules, pg_catalog.regexp_matches(query, ':ctename (\S+)', 'g') AS f
 WHERE f[1] LIKE '%\\%' OR f[1] IN (SELECT relname FROM pg_catalog.pg_class WHERE oid = ANY ($3::pg_catalog.oid[]))
 LIMIT 1
