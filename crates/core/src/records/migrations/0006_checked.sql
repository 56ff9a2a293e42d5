-- What checks found in the rows of a chunk while they were imported: an import that is taken up knows of them.
ALTER TABLE cutover.checkpoint ADD COLUMN checked jsonb;
