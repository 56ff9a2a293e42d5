-- What the server had counted as written to the relations that went live, by oid: a rollback tells what was written since.
ALTER TABLE cutover.release ADD COLUMN writes jsonb;
