-- Ranges of one importer that are loaded side by side: each has chunks of its own, counted from 0.
CREATE TABLE cutover.import_ranges (
    release  bigint NOT NULL REFERENCES cutover.release ON DELETE CASCADE,
    importer text NOT NULL,
    -- Where one range of the key's first column ends, and belongs to it, and the next begins: as texts, in their order. NULLs
    -- belong to the last range.
    bounds   text[] NOT NULL,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (release, importer)
);
COMMENT ON TABLE cutover.import_ranges IS 'Where the ranges begin and end that an importer is loaded by, when by more than one';
ALTER TABLE cutover.checkpoint
    ADD COLUMN range integer NOT NULL DEFAULT 0,
    DROP CONSTRAINT checkpoint_pkey,
    ADD PRIMARY KEY (release, importer, range, chunk);
