use deadpool_postgres::{
    Manager, ManagerConfig, Pool, PoolConfig, PoolError, RecyclingMethod, Runtime, TimeoutType, Timeouts,
};

use super::settings::ConnectSettings;
use super::{ConnectError, ConnectErrorKind};

impl ConnectSettings {
    /// Makes a pool of at most `max_size` sessions.
    ///
    /// Opens a session first, so that settings that cannot work are refused here and not in the middle of an
    /// import, and keeps all others with the host that this one found: the sessions of a pool never talk to
    /// different servers. A session that comes back is reset (parameters, cursors, advisory locks, temporary
    /// tables) before it is handed out again.
    ///
    /// # Errors
    /// [`ConnectError`]; for what `Pool::get` returns later see [`pool_error`](Self::pool_error).
    pub async fn pool(&self, purpose: &str, max_size: usize) -> Result<Pool, ConnectError> {
        let first = self.connect(purpose).await?;
        let config = self.driver_config(first.target(), first.ssl_mode(), purpose);
        let manager = Manager::from_config(
            config,
            self.tls.clone(),
            ManagerConfig {
                recycling_method: RecyclingMethod::Clean,
            },
        );
        let timeouts = Timeouts {
            wait: None,
            create: self.connect_timeout,
            recycle: self.connect_timeout,
        };
        let pool = Pool::builder(manager)
            .config(PoolConfig {
                timeouts,
                ..PoolConfig::new(max_size)
            })
            .runtime(Runtime::Tokio1)
            .build();
        let pool = pool.map_err(|_no_runtime| {
            ConnectError::new(self, first.target(), purpose, ConnectErrorKind::Other, None)
        })?;
        first.close().await;
        Ok(pool)
    }

    /// Makes what a pool over these settings returns readable: where to, as whom, and the remedy.
    #[must_use]
    pub fn pool_error(&self, purpose: &str, error: PoolError) -> ConnectError {
        // resolve() leaves at least one target.
        let target = &self.targets[0];
        let (kind, source) = match error {
            PoolError::Backend(error) => (ConnectErrorKind::of(&error, target), Some(error)),
            PoolError::Timeout(TimeoutType::Wait) => (ConnectErrorKind::PoolExhausted, None),
            PoolError::Timeout(_) => (
                ConnectErrorKind::TimedOut {
                    after: self.connect_timeout.unwrap_or_default(),
                },
                None,
            ),
            PoolError::Closed => (ConnectErrorKind::PoolClosed, None),
            PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => (ConnectErrorKind::Other, None),
        };
        let mut error = ConnectError::new(self, target, purpose, kind, source);
        // Which of several hosts the pool keeps to is not known here.
        let places: Vec<String> = self.targets.iter().map(ToString::to_string).collect();
        error.place = places.join(" or ").into();
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Environment;

    #[test]
    fn an_error_of_a_pool_names_every_host_it_may_be_with() {
        let settings = ConnectSettings::resolve("host=a,b user=u", &Environment::empty()).unwrap();
        let error = settings.pool_error("importers", PoolError::Closed);
        assert_eq!(&*error.place, "a:5432 or b:5432");
    }
}
