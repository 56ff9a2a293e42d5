-- simple checks, named and not
CREATE TABLE simple (a integer CHECK (a > 0), b text CONSTRAINT "b is short" CHECK (length(b) < 10), CHECK (a::text <> b));
-- checks that the server prints otherwise when it reads its own print
CREATE TABLE reprinted (status varchar(10) CHECK (status IN ('a', 'b')), n numeric CHECK (n BETWEEN 1 AND 2 OR n IN (5, 7)), CHECK (status = ANY ('{a,b}'::text[])));
-- NOT VALID, with the same shape
CREATE TABLE unvalidated (status varchar(10), a integer);
ALTER TABLE unvalidated ADD CONSTRAINT late CHECK (status IN ('a', 'c')) NOT VALID, ADD CONSTRAINT later CHECK (a > 0) NOT VALID, ADD CHECK (a < 9);
COMMENT ON CONSTRAINT late ON unvalidated IS 'not yet';
-- NO INHERIT, and NO INHERIT NOT VALID
CREATE TABLE own (a integer, CONSTRAINT own_only CHECK (a > 0) NO INHERIT);
ALTER TABLE own ADD CONSTRAINT own_late CHECK (a < 9) NO INHERIT NOT VALID;
-- checks that call functions, with arguments by name
CREATE TABLE calling (a text CHECK (outside.fold(a) = a), b numeric CHECK (weigh(b, 2) > 0), c integer CHECK (may_see(c)), CHECK (a ~ '^[a-z]+$' AND a !~~ 'calling%'));
-- a check over the whole row
CREATE TABLE whole_row (a integer, b text, CONSTRAINT no_nulls CHECK (whole_row IS NOT NULL));
-- a function of the row type, in a check
CREATE TABLE sized (a integer, b text);
CREATE FUNCTION size_of(sized) RETURNS integer IMMUTABLE LANGUAGE sql AS $$SELECT length($1.b)$$;
ALTER TABLE sized ADD CONSTRAINT is_small CHECK (size_of(sized) < 100);
-- the row type as text, and a field of it
CREATE TABLE as_text (a integer, b text, CHECK (length(as_text::text) < 1000), CHECK ((as_text).a > 0));
-- checks on arrays, JSON, ranges, composites
CREATE TABLE deep (tags text[] CHECK ('deep' <> ALL (tags)), doc jsonb CHECK (doc ? 'id' AND jsonb_typeof(doc -> 'id') = 'number'), span tstzrange CHECK (NOT isempty(span)),
    home address CHECK ((home).street IS NOT NULL), moods mood[] CHECK (moods <@ ARRAY['sad', 'ok']::mood[]));
-- CASE, COALESCE, nested conditions, casts, operators of extensions
CREATE TABLE complex (a integer, b integer, c hstore, CHECK (CASE WHEN a IS NULL THEN b ELSE coalesce(a, 0) END > 0 AND NOT (a IS DISTINCT FROM b)), CHECK (c -> 'a' <> '' AND c OPERATOR(public.?) 'b'),
    CHECK (num_nonnulls(a, b) = 1), CHECK (a IS NULL = (b IS NOT NULL)));
-- many checks: order of names is not order of making
CREATE TABLE many (a integer, CONSTRAINT z CHECK (a > 1), CONSTRAINT y CHECK (a > 2), CONSTRAINT x CHECK (a > 3), CONSTRAINT "Y" CHECK (a > 4));
-- a check on a generated column and on a dropped column's neighbour
CREATE TABLE shifted (gone integer, a integer, g integer GENERATED ALWAYS AS (a * 2) STORED CHECK (g > 0), CHECK (a < g));
ALTER TABLE shifted DROP gone;
-- checks that mention the table's name in strings and columns
CREATE TABLE mention (mention text CHECK (mention <> 'mention'), CONSTRAINT mention CHECK (mention.mention <> 'checks.mention'));
-- a check with collation and with a non-default operator
CREATE TABLE ordered (a text, b integer, CHECK (a COLLATE "C" < 'zz'), CHECK (b OPERATOR(outside.<#) 10));
