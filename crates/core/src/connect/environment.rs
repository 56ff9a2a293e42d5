use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The environment variables, home directory and operating system user that a program passes in.
///
/// Libraries of Cutover read no environment: the same settings then mean the same in a test, in a service with
/// several databases, and on the command line.
///
/// ```
/// use cutover_core::Environment;
///
/// let environment = Environment::from_iter([("PGHOST", "db.example.org"), ("HOME", "/home/ann")]);
/// assert_eq!(environment.get("PGHOST"), Some("db.example.org"));
/// ```
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    home: Option<PathBuf>,
    os_user: Option<String>,
}

impl Environment {
    /// No variable, no home directory, no user: only the connection string counts.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Sets the home directory, in which `.pgpass`, `.pg_service.conf` and `.postgresql/` are looked for.
    ///
    /// `$HOME` unless set.
    #[must_use]
    pub fn with_home(mut self, home: impl Into<PathBuf>) -> Self {
        self.home = Some(home.into());
        self
    }

    /// Sets the operating system's name for the user, the default of `user`.
    ///
    /// `$USER`, then `$LOGNAME`, unless set.
    #[must_use]
    pub fn with_os_user(mut self, user: impl Into<String>) -> Self {
        self.os_user = Some(user.into());
        self
    }

    /// The variable's value; an empty one counts as not set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Every variable that is set, by name: for a program that is started with the same ones.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The home directory.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref().or_else(|| self.get("HOME").map(Path::new))
    }

    /// The operating system's name for the user.
    #[must_use]
    pub fn os_user(&self) -> Option<&str> {
        self.os_user
            .as_deref()
            .or_else(|| self.get("USER"))
            .or_else(|| self.get("LOGNAME"))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let variables = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self {
            variables,
            home: None,
            os_user: None,
        }
    }
}

/// Names only: any variable may hold a secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_by_hand_wins() {
        let environment = Environment::from_iter([("HOME", "/home/a"), ("USER", "a"), ("LOGNAME", "b")]);
        assert_eq!(environment.home(), Some(Path::new("/home/a")));
        assert_eq!(environment.os_user(), Some("a"));
        let environment = environment.with_home("/srv").with_os_user("c");
        assert_eq!(environment.home(), Some(Path::new("/srv")));
        assert_eq!(environment.os_user(), Some("c"));
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let environment = Environment::from_iter([("PGHOST", ""), ("USER", ""), ("LOGNAME", "b")]);
        assert_eq!(environment.get("PGHOST"), None);
        assert_eq!(environment.os_user(), Some("b"));
    }

    #[test]
    fn debug_shows_no_value() {
        let environment = Environment::from_iter([("PGPASSWORD", "hunter2")]);
        assert_eq!(format!("{environment:?}"), r#"{"PGPASSWORD"}"#);
    }
}
