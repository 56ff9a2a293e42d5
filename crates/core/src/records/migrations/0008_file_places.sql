-- An import of a file is taken up where its last chunk ends, if the file is the same up to there.
ALTER TABLE cutover.checkpoint
    -- Bytes before that place, the line that begins there, and the SHA-256 of those bytes: `head -c N file | sha256sum`.
    ADD COLUMN file_byte bigint,
    ADD COLUMN file_line bigint,
    ADD COLUMN file_digest text,
    ADD CONSTRAINT checkpoint_file_place CHECK (num_nulls(file_byte, file_line, file_digest) IN (0, 3));
