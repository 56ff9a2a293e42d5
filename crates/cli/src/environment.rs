//! The one place that reads the environment: everything else is handed what was captured here.

use cutover_core::Environment;

/// The environment variables, the operating system's user and this machine's name, as they were at the start.
#[derive(Debug, Clone)]
pub(crate) struct Captured {
    /// Variables, home directory and user, as connection settings and the release file want them.
    pub(crate) environment: Environment,
    /// This machine's name; empty when it has none.
    pub(crate) host: String,
}

impl Captured {
    /// Reads the environment of the process. Variables that are no UTF-8 count as not set: nothing we know is one.
    pub(crate) fn now() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let mut environment: Environment = variables.collect();
        // Where neither variable is set, as in a cron job: the user database knows.
        if environment.os_user().is_none()
            && let Ok(user) = whoami::username()
        {
            environment = environment.with_os_user(user);
        }
        Self {
            environment,
            host: whoami::hostname().unwrap_or_default(),
        }
    }

    /// The value of a variable; an empty one counts as not set.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name)
    }

    /// The same, for those who look up and keep.
    pub(crate) fn lookup(&self) -> impl Fn(&str) -> Option<String> {
        |name| self.environment.get(name).map(str::to_owned)
    }

    /// Whether colours are unwanted on whatever terminal: see <https://no-color.org>.
    pub(crate) fn no_color(&self) -> bool {
        self.variable("NO_COLOR").is_some() || self.variable("TERM") == Some("dumb")
    }
}
