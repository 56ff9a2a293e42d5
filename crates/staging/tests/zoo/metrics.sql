-- Time series, as pg_partman and friends keep them: trees with templates, defaults, sub-partitions, many months.
CREATE TABLE sensors (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE NOT NULL, location geography(Point, 4326), meta jsonb DEFAULT '{}');
CREATE INDEX ON sensors USING gist (location);
-- a month a table, made in a loop, with keys, foreign keys, indexes, statistics
CREATE TABLE readings (sensor_id integer NOT NULL REFERENCES sensors, at timestamptz NOT NULL, value double precision, quality smallint DEFAULT 0 CHECK (quality BETWEEN 0 AND 9), PRIMARY KEY (sensor_id, at)) PARTITION BY RANGE (at);
CREATE INDEX readings_at ON readings USING brin (at) WITH (pages_per_range = 32); CREATE INDEX readings_bad ON readings (at DESC) WHERE quality IN (7, 8, 9);
DO $$BEGIN FOR m IN 1..12 LOOP EXECUTE format('CREATE TABLE readings_p2024_%s PARTITION OF readings FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)', lpad(m::text, 2, '0'), make_date(2024, m, 1), make_date(2024, m, 1) + interval '1 month', 60 + m); END LOOP; END$$;
CREATE TABLE readings_default PARTITION OF readings DEFAULT;
CREATE TRIGGER new_reading AFTER INSERT ON readings FOR EACH ROW WHEN (NEW.value > 1000) EXECUTE FUNCTION note('alarm');
ALTER TABLE readings_p2024_01 SET (autovacuum_enabled = off); ALTER TABLE readings_p2024_01 CLUSTER ON readings_p2024_01_pkey; GRANT SELECT ON readings TO zoo_reader; GRANT SELECT ON readings_p2024_12 TO zoo_reader;
-- the template table
CREATE TABLE template_readings (LIKE readings INCLUDING DEFAULTS); ALTER TABLE template_readings ADD UNIQUE (value); ALTER TABLE template_readings REPLICA IDENTITY FULL;
-- by tenant, then by hash, policies everywhere
CREATE TABLE events (tenant integer NOT NULL, id uuid DEFAULT gen_random_uuid() NOT NULL, at timestamptz DEFAULT now() NOT NULL, payload jsonb, PRIMARY KEY (tenant, id)) PARTITION BY LIST (tenant);
DO $$BEGIN FOR t IN 1..3 LOOP EXECUTE format('CREATE TABLE events_t%s PARTITION OF events FOR VALUES IN (%s) PARTITION BY HASH (id)', t, t);
    FOR h IN 0..1 LOOP EXECUTE format('CREATE TABLE events_t%s_h%s PARTITION OF events_t%s FOR VALUES WITH (MODULUS 2, REMAINDER %s)', t, h, t, h); END LOOP; END LOOP; END$$;
CREATE INDEX ON events USING gin (payload); CREATE INDEX ON events ((payload ->> 'kind'), at DESC) WHERE payload ? 'kind'; ALTER TABLE events ENABLE ROW LEVEL SECURITY; CREATE POLICY tenant ON events USING (tenant = current_setting('app.tenant_id')::integer);
ALTER TABLE events_t1 ENABLE ROW LEVEL SECURITY; CREATE POLICY tenant ON events_t1 USING (tenant IN (SELECT s.id FROM sensors s));
-- a ledger: double entry with constraint trigger, no updates
CREATE TABLE ledger (id bigserial, booked date NOT NULL, account text NOT NULL, amount numeric(18, 4) NOT NULL, reverses bigint, reverses_on date, PRIMARY KEY (id, booked), FOREIGN KEY (reverses, reverses_on) REFERENCES ledger (id, booked) DEFERRABLE) PARTITION BY RANGE (booked);
CREATE TABLE ledger_2024 PARTITION OF ledger FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY RANGE (booked);
CREATE TABLE ledger_2024h1 PARTITION OF ledger_2024 FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
CREATE TABLE ledger_2024h2 PARTITION OF ledger_2024 FOR VALUES FROM ('2024-07-01') TO ('2025-01-01');
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON ledger DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note(); CREATE RULE immutable_ledger AS ON UPDATE TO ledger DO INSTEAD NOTHING;
-- queue table: SKIP LOCKED style, partial indexes, fillfactor
CREATE TABLE jobs (id bigserial PRIMARY KEY, queue text DEFAULT 'default' NOT NULL, args jsonb DEFAULT '[]' NOT NULL, run_at timestamptz DEFAULT now() NOT NULL, locked_by text, attempts smallint DEFAULT 0 NOT NULL, state text DEFAULT 'available' NOT NULL CONSTRAINT valid_state CHECK (state IN ('available', 'executing', 'retryable', 'completed', 'discarded')), unique_key bytea) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX jobs_fetch ON jobs (queue, run_at, id) WHERE state IN ('available', 'retryable') AND locked_by IS NULL; CREATE UNIQUE INDEX jobs_unique ON jobs (unique_key) WHERE unique_key IS NOT NULL AND state <> 'discarded';
CREATE FUNCTION notify_job() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_notify('jobs', NEW.queue); RETURN NULL; END$$; CREATE TRIGGER notify_job AFTER INSERT ON jobs FOR EACH ROW WHEN (NEW.state = 'available') EXECUTE FUNCTION notify_job();
