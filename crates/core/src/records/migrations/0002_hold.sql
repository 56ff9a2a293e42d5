-- A release that is ready to go live waits here until somebody says go, or until its time has come.
CREATE TABLE cutover.hold (
    release      bigint PRIMARY KEY REFERENCES cutover.release ON DELETE CASCADE,
    held_since   timestamptz NOT NULL DEFAULT clock_timestamp(),
    waits_for_go boolean NOT NULL,
    not_before   timestamptz,
    go_at        timestamptz,
    -- The role and the machine of whoever said go.
    go_by        text,
    go_host      text,
    ended_at     timestamptz,
    CHECK (waits_for_go OR not_before IS NOT NULL)
);
COMMENT ON TABLE cutover.hold IS 'The last hold of a release before its swap';
