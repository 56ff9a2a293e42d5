-- The record store. Relations go live in the transaction that writes here, so the two never disagree.
CREATE TABLE cutover.release (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL,
    label           text NOT NULL,
    kind            text NOT NULL DEFAULT 'release' CHECK (kind IN ('release', 'rollback')),
    state           text NOT NULL CHECK (state IN ('running', 'stopped', 'completed', 'failed', 'aborted', 'abandoned')),
    phase           text,
    -- Set in the swap's own transaction, with the relations: exactly one release of a set is current.
    current         boolean NOT NULL DEFAULT false,
    swapped_at      timestamptz,
    -- The backup set that holds what was live before this one.
    backup_stamp    text,
    -- For a rollback: the backup set that it put live again.
    restored_stamp  text,
    config_digest   text,
    staged          jsonb,
    manifest        jsonb,
    -- Foreign keys from outside that the swap adds NOT VALID, named before it runs.
    keys_to_validate jsonb NOT NULL DEFAULT '[]',
    error           text,
    host            text,
    client_pid      integer,
    backend_pid     integer,
    abort_requested timestamptz,
    started_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at     timestamptz
);
COMMENT ON TABLE cutover.release IS 'One row a release or rollback, running or ended';
CREATE UNIQUE INDEX release_one_current ON cutover.release (name) WHERE current;

CREATE TABLE cutover.event (
    release bigint NOT NULL REFERENCES cutover.release ON DELETE CASCADE,
    seq     bigint NOT NULL,
    at      timestamptz NOT NULL,
    phase   text,
    kind    text NOT NULL,
    payload jsonb NOT NULL,
    PRIMARY KEY (release, seq)
);
COMMENT ON TABLE cutover.event IS 'What happened during a release, in order';

CREATE TABLE cutover.checkpoint (
    release  bigint NOT NULL REFERENCES cutover.release ON DELETE CASCADE,
    importer text NOT NULL,
    chunk    bigint NOT NULL,
    rows     bigint NOT NULL,
    bytes    bigint NOT NULL,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (release, importer, chunk)
);
COMMENT ON TABLE cutover.checkpoint IS 'Chunks of an import that are committed, each together with its rows';

CREATE TABLE cutover.reject (
    release  bigint NOT NULL REFERENCES cutover.release ON DELETE CASCADE,
    importer text NOT NULL,
    key      jsonb,
    reason   text NOT NULL,
    sqlstate text,
    "row"    jsonb,
    at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE cutover.reject IS 'Rows set aside during an import';

CREATE TABLE cutover.backup_object (
    name          text NOT NULL,
    stamp         text NOT NULL,
    kind          text NOT NULL,
    live_schema   text NOT NULL,
    live_name     text NOT NULL,
    backup_schema text NOT NULL,
    backup_name   text NOT NULL,
    oid           oid NOT NULL,
    -- The relation that an index, sequence or statistics object belongs to, under its live name.
    of_relation   text,
    PRIMARY KEY (name, stamp, backup_schema, backup_name, kind)
);
COMMENT ON TABLE cutover.backup_object IS 'What every relation, index, sequence and statistics object of a backup set was called while live';

CREATE TABLE cutover.backup_set (
    name       text NOT NULL,
    stamp      text NOT NULL,
    -- The release whose data the set holds; unknown for what was live before the first release.
    release    bigint REFERENCES cutover.release ON DELETE SET NULL,
    label      text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (name, stamp)
);
COMMENT ON TABLE cutover.backup_set IS 'One row a backup set that exists';
ALTER TABLE cutover.backup_object ADD FOREIGN KEY (name, stamp) REFERENCES cutover.backup_set ON DELETE CASCADE;
