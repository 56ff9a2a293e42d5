-- What lookups have added to tables outside the set, each value in the transaction that added it. Neither abort nor rollback takes it
-- back, so neither do they take it from here: by this it is found.
CREATE TABLE cutover.added_value (
    release       bigint NOT NULL REFERENCES cutover.release,
    importer      text NOT NULL,
    lookup_schema text NOT NULL,
    lookup_table  text NOT NULL,
    lookup_column text NOT NULL,
    -- As PostgreSQL prints it.
    value         text NOT NULL,
    at            timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE cutover.added_value IS 'Values that lookups have added to tables outside the release set';
CREATE INDEX added_value_of_release ON cutover.added_value (release);
