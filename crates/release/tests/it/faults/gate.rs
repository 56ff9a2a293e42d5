//! Places in a swap at which a test can stop it, from inside the server.

use crate::parks::Parks;

/// Where the session that works at a swap, or at what follows it, waits until the gate is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// The swap's transaction has begun; nobody waits for it.
    BeforeTheLocks,
    /// Every lock is held, and half of the switch is done.
    UnderTheLocks,
    /// The server works on `COMMIT`.
    Commit,
    /// Committed; a foreign key from outside is being validated.
    PostSwap,
    /// Long before: rows are being imported.
    Import,
    /// An index of what was loaded is about to be built.
    IndexBuild,
}

impl Gate {
    /// Those of a swap, in order.
    pub(super) const OF_A_SWAP: [Self; 4] = [
        Self::BeforeTheLocks,
        Self::UnderTheLocks,
        Self::Commit,
        Self::PostSwap,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::BeforeTheLocks => "before the locks",
            Self::UnderTheLocks => "under the locks",
            Self::Commit => "commit",
            Self::PostSwap => "post_swap",
            Self::Import => "import",
            Self::IndexBuild => "index build",
        }
    }
}

const GATES: &str = "
    CREATE TABLE public.closed (gate text);
    CREATE FUNCTION public.pass(asked text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
        WHILE EXISTS (SELECT FROM public.closed WHERE gate = asked) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$;
    CREATE FUNCTION public.before_the_locks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM public.pass('before the locks'); RETURN NEW; END $$;
    CREATE TRIGGER stop BEFORE INSERT ON cutover.backup_set FOR EACH ROW EXECUTE FUNCTION public.before_the_locks();
    CREATE FUNCTION public.at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM public.pass('commit'); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER stop AFTER UPDATE ON cutover.release DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (NEW.current AND NOT OLD.current) EXECUTE FUNCTION public.at_commit();
    CREATE FUNCTION public.at_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        IF tg_tag = 'CREATE VIEW' THEN PERFORM public.pass('under the locks');
        ELSIF tg_tag = 'CREATE INDEX' THEN PERFORM public.pass('index build');
        ELSIF current_query() LIKE '%VALIDATE CONSTRAINT%' THEN PERFORM public.pass('post_swap'); END IF; END $$;
    CREATE EVENT TRIGGER stop ON ddl_command_start WHEN TAG IN ('CREATE VIEW', 'CREATE INDEX', 'ALTER TABLE')
        EXECUTE FUNCTION public.at_ddl();
    CREATE OR REPLACE FUNCTION public.at_import() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
        PERFORM public.pass('import'); RETURN true; END $$;
";

/// Our session that waits at a gate.
const WAITING: &str = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep' \
                       AND application_name LIKE 'cutover: %'";

impl Parks {
    pub(super) async fn with_gates(self) -> Self {
        self.database.execute(GATES).await.unwrap();
        self
    }

    pub(super) async fn close(&self, gate: Gate) {
        let close = format!(
            "TRUNCATE public.closed; INSERT INTO public.closed VALUES ('{}')",
            gate.name()
        );
        self.database.execute(&close).await.unwrap();
    }

    /// Lets whoever waits at a gate go on.
    pub(super) async fn open(&self) {
        self.database.execute("DELETE FROM public.closed").await.unwrap();
    }

    /// Waits until somebody waits at the gate, and returns its process. One statement asks for both: a session at a gate
    /// looks up every 10 ms whether it is still closed, and does not wait just then.
    pub(super) async fn stopped_at_gate(&self) -> i32 {
        self.until_found(WAITING).await
    }
}
