-- switched on without a policy; forced without being on
CREATE TABLE closed (a integer);
ALTER TABLE closed ENABLE ROW LEVEL SECURITY;
CREATE TABLE forced (a integer);
ALTER TABLE forced FORCE ROW LEVEL SECURITY;
CREATE TABLE both_ (a integer);
ALTER TABLE both_ ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
-- policies that are not switched on
CREATE TABLE sleeping (a integer);
CREATE POLICY asleep ON sleeping USING (a > 0);
-- every command, permissive and restrictive, of several roles
CREATE TABLE commands (a integer, owner text);
ALTER TABLE commands ENABLE ROW LEVEL SECURITY;
CREATE POLICY p_all ON commands USING (owner = CURRENT_USER);
CREATE POLICY p_select ON commands FOR SELECT TO zoo_reader, "zoo Ada" USING (may_see(a));
CREATE POLICY p_insert ON commands FOR INSERT TO zoo_writer WITH CHECK (a > 0);
CREATE POLICY p_update ON commands AS RESTRICTIVE FOR UPDATE TO zoo_writer USING (a > 0) WITH CHECK (a > 1);
CREATE POLICY p_delete ON commands AS RESTRICTIVE FOR DELETE USING (false);
CREATE POLICY p_roles ON commands FOR ALL TO CURRENT_USER USING (true) WITH CHECK (owner IS NOT NULL);
-- sub-selects on members, on itself, outside
CREATE TABLE members (id integer PRIMARY KEY, team integer, login text);
CREATE TABLE teams (id integer PRIMARY KEY, members integer[]);
CREATE TABLE documents (id integer, team integer, documents text);
ALTER TABLE documents ENABLE ROW LEVEL SECURITY; ALTER TABLE members ENABLE ROW LEVEL SECURITY; ALTER TABLE teams ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_team ON documents USING (EXISTS (SELECT 1 FROM members m WHERE m.team = documents.team AND m.login = CURRENT_USER));
CREATE POLICY of_nested ON documents USING (team IN (SELECT teams.id FROM teams WHERE teams.id = ANY (SELECT members.team FROM members WHERE members.login <> 'members'))) WITH CHECK (team = (SELECT max(t.id) FROM teams t));
CREATE POLICY itself ON members USING (team IN (SELECT m.team FROM members m WHERE m.login = SESSION_USER));
CREATE POLICY outward ON teams USING (EXISTS (SELECT FROM outside.users u, outside.bosses b WHERE u.id = b.id AND u.login = CURRENT_USER AND teams.id > 0));
-- sub-selects with joins, CTEs, set operations, windows, lateral, aliases called like the table
CREATE TABLE deep (id integer, deep integer);
ALTER TABLE deep ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY d1 ON deep USING (id IN (WITH allowed AS (SELECT m.id FROM members m UNION SELECT t.id FROM teams t) SELECT a.id FROM allowed a));
CREATE POLICY d2 ON deep USING ((SELECT count(*) OVER (PARTITION BY m.team) FROM members m LEFT JOIN teams t ON t.id = m.team, LATERAL (SELECT deep.id + 1 AS n) l LIMIT 1) > 0);
CREATE POLICY d3 ON deep USING (EXISTS (SELECT 1 FROM teams AS deep JOIN members AS teams ON teams.team = deep.id));
CREATE POLICY d4 ON deep USING ((deep.deep, deep.id) IN (SELECT m.id, t.id FROM ONLY members m CROSS JOIN teams t));
-- comments and names
CREATE TABLE named (a integer);
CREATE POLICY named ON named USING (a > 0); CREATE POLICY "It's named.ON" ON named TO PUBLIC USING (true);
COMMENT ON POLICY named ON named IS 'named'; COMMENT ON POLICY "It's named.ON" ON named IS 'public''s';
-- a condition that the server prints otherwise when it reads its own print
CREATE TABLE reprinted (status varchar(10));
CREATE POLICY r1 ON reprinted USING (status IN ('a', 'b')) WITH CHECK (status IN ('a', 'c'));
-- with dropped columns, generated columns, a domain
CREATE TABLE shifted (gone integer, a integer, gone2 text, g integer GENERATED ALWAYS AS (a * 2) STORED, c code);
ALTER TABLE shifted DROP gone, DROP gone2;
CREATE POLICY s1 ON shifted USING (g > a AND c <> 'x');
-- settings of a multi-tenant application
CREATE TABLE tenants (tenant_id uuid NOT NULL DEFAULT current_setting('app.tenant')::uuid, a text);
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON tenants USING (tenant_id = current_setting('app.tenant')::uuid);
-- of another owner, with grants
CREATE TABLE owned (id integer PRIMARY KEY, who text DEFAULT CURRENT_USER);
ALTER TABLE owned OWNER TO zoo_owner; ALTER TABLE owned ENABLE ROW LEVEL SECURITY;
GRANT SELECT, INSERT (id) ON owned TO zoo_reader;
CREATE POLICY own_rows ON owned TO zoo_reader USING (who = CURRENT_USER);
-- the whole row in a condition
CREATE TABLE whole_row (a integer, b text);
CREATE POLICY complete ON whole_row USING (whole_row IS NOT NULL AND (whole_row).a > 0);
