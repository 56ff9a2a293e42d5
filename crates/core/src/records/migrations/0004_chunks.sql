-- Imports are taken up at a chunk. What older versions recorded was a whole importer each.
ALTER TABLE cutover.checkpoint
    ADD COLUMN rejected bigint NOT NULL DEFAULT 0,
    ADD COLUMN done boolean NOT NULL DEFAULT true,
    -- The key of the chunk's last row, as texts: what comes after it is still to be imported.
    ADD COLUMN last_key text[],
    -- Over what decides which rows come in which order: chunks of different digests do not belong together.
    ADD COLUMN plan text;
CREATE INDEX reject_of_importer ON cutover.reject (release, importer);
