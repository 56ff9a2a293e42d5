use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::{ChannelBinding, SslMode as DriverSslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::keyword::Values;
use super::passfile::Passfile;
use super::target::{Host, Target, targets};
use super::{
    ConnectSettingsError, Environment, Origin, PassfileWarning, Password, SslMode, TargetSession, conninfo,
    service_file, tls,
};

/// Everything needed to connect, resolved once.
///
/// Printing it shows where it leads and never the password.
///
/// ```
/// use cutover_core::{ConnectSettings, Environment};
///
/// let environment = Environment::from_iter([("PGPASSWORD", "hunter2"), ("PGSSLMODE", "require")]);
/// let settings = ConnectSettings::resolve("postgresql://ann@db.example.org/wdpa", &environment)?;
/// assert_eq!(settings.to_string(), "host=db.example.org port=5432 user=ann dbname=wdpa sslmode=require");
/// # Ok::<(), cutover_core::ConnectSettingsError>(())
/// ```
#[derive(Clone)]
pub struct ConnectSettings {
    pub(super) targets: Vec<Target>,
    pub(super) user: String,
    pub(super) dbname: String,
    pub(super) ssl_mode: SslMode,
    pub(super) tls: MakeRustlsConnect,
    pub(super) target_session: TargetSession,
    pub(super) connect_timeout: Option<Duration>,
    application_name: Option<String>,
    fallback_application_name: Option<String>,
    options: Option<String>,
    channel_binding: ChannelBinding,
    keepalive: Option<Keepalive>,
    tcp_user_timeout: Option<Duration>,
    warnings: Vec<PassfileWarning>,
}

/// When a silent connection is probed, and given up.
#[derive(Clone, Copy)]
struct Keepalive {
    idle: Duration,
    interval: Duration,
    probes: u32,
}

/// A release keeps an idle session for hours: probing after a minute keeps firewalls from forgetting it, and
/// notices a dead server within two. (The kernel's own default is two hours.)
const KEEPALIVE: Keepalive = Keepalive {
    idle: Duration::from_mins(1),
    interval: Duration::from_secs(10),
    probes: 6,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const APPLICATION_NAME: &str = "cutover";

impl ConnectSettings {
    /// Resolves a connection string: a `postgresql://` URL, key/value pairs, or nothing at all.
    ///
    /// What it leaves open comes from the service file, then from the environment, then from the defaults of
    /// libpq. Reads the service file, the password file and the certificate files, and nothing else; opens no
    /// connection. The connect timeout is 10 seconds for each host unless set; 0 switches it off.
    ///
    /// # Errors
    /// [`ConnectSettingsError`] names what is wrong and where it was set, and holds no value that was given.
    pub fn resolve(conninfo: &str, environment: &Environment) -> Result<Self, ConnectSettingsError> {
        let mut values = Values::default();
        for (keyword, value) in conninfo::parse(conninfo)? {
            values.replace(keyword, value, Origin::ConnectionString);
        }
        service_file::apply(&mut values, environment)?;
        values.fill_from(environment);
        values.refuse_unsupported()?;

        let Some(user) = values
            .text("user")
            .or_else(|| environment.os_user())
            .map(str::to_owned)
        else {
            return Err(ConnectSettingsError::NoUser);
        };
        let dbname = values.text("dbname").map_or_else(|| user.clone(), str::to_owned);
        let (ssl_mode, tls) = tls::connector(&values, environment)?;
        let mut targets = targets(&values)?;
        let warnings = find_passwords(&mut targets, &values, environment, &dbname, &user);
        let text = |name| values.text(name).map(str::to_owned);
        Ok(Self {
            targets,
            user,
            dbname,
            ssl_mode,
            tls,
            target_session: values
                .parsed(
                    "target_session_attrs",
                    "one of any, read-write, read-only, primary, standby and prefer-standby",
                    TargetSession::parse,
                )?
                .unwrap_or_default(),
            connect_timeout: match seconds(&values, "connect_timeout")? {
                None => Some(CONNECT_TIMEOUT),
                Some(timeout) => timeout,
            },
            application_name: text("application_name"),
            fallback_application_name: text("fallback_application_name"),
            options: text("options"),
            channel_binding: values
                .parsed("channel_binding", "one of disable, prefer and require", |value| {
                    Some(match value {
                        "disable" => ChannelBinding::Disable,
                        "prefer" => ChannelBinding::Prefer,
                        "require" => ChannelBinding::Require,
                        _ => return None,
                    })
                })?
                .unwrap_or(ChannelBinding::Prefer),
            keepalive: keepalive(&values)?,
            tcp_user_timeout: whole_number(&values, "tcp_user_timeout")?
                .filter(|millis| *millis > 0)
                .map(Duration::from_millis),
            warnings,
        })
    }

    /// The passwords of the hosts, wherever each came from: for whoever masks them in what others print.
    pub fn passwords(&self) -> impl Iterator<Item = &Password> {
        self.targets
            .iter()
            .filter_map(|target| Some(&target.password.as_ref()?.0))
    }

    /// The user to connect as.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The database to connect to.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.dbname
    }

    /// How much TLS is asked for.
    #[must_use]
    pub fn ssl_mode(&self) -> SslMode {
        self.ssl_mode
    }

    /// What was set aside while resolving, for the program to show.
    #[must_use]
    pub fn warnings(&self) -> &[PassfileWarning] {
        &self.warnings
    }

    /// The driver's settings for one host.
    pub(super) fn driver_config(
        &self,
        target: &Target,
        ssl_mode: DriverSslMode,
        purpose: &str,
    ) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config
            .user(&self.user)
            .dbname(&self.dbname)
            .port(target.port)
            .ssl_mode(ssl_mode);
        config
            .application_name(self.application_name_for(purpose))
            .channel_binding(self.channel_binding);
        match &target.host {
            Host::Name(name) => config.host(name),
            #[cfg(unix)]
            Host::Directory(path) => config.host_path(path),
            #[cfg(not(unix))]
            Host::Directory(path) => config.host(path.display().to_string()),
        };
        if let Some(address) = target.address {
            config.hostaddr(address);
        }
        if let Some((password, _)) = &target.password {
            config.password(password.expose());
        }
        if let Some(options) = &self.options {
            config.options(options);
        }
        if let Some(timeout) = self.connect_timeout {
            config.connect_timeout(timeout);
        }
        if let Some(timeout) = self.tcp_user_timeout {
            config.tcp_user_timeout(timeout);
        }
        match self.keepalive {
            None => config.keepalives(false),
            Some(keepalive) => config
                .keepalives_idle(keepalive.idle)
                .keepalives_interval(keepalive.interval)
                .keepalives_retries(keepalive.probes),
        };
        config
    }

    /// What `pg_stat_activity` shows: a name that was set, else ours with what the session is for.
    fn application_name_for(&self, purpose: &str) -> String {
        if let Some(name) = &self.application_name {
            return name.clone();
        }
        let name = self
            .fallback_application_name
            .as_deref()
            .unwrap_or(APPLICATION_NAME);
        if purpose.is_empty() {
            name.to_owned()
        } else {
            format!("{name}: {purpose}")
        }
    }
}

/// Finds each host's password; as in libpq, the password file is only asked when no other source has one.
fn find_passwords(
    targets: &mut [Target],
    values: &Values,
    environment: &Environment,
    dbname: &str,
    user: &str,
) -> Vec<PassfileWarning> {
    if let Some((password, origin)) = values.get("password") {
        for target in targets {
            target.password = Some((Password::new(password), origin.clone()));
        }
        return Vec::new();
    }
    let path = values
        .text("passfile")
        .map(PathBuf::from)
        .or_else(|| environment.home().map(|home| home.join(".pgpass")));
    match path.map_or(Ok(None), |path| Passfile::read(&path)) {
        Ok(None) => Vec::new(),
        Ok(Some(passfile)) => {
            for target in targets {
                target.password = passfile.find(&target.host.passfile_name(), target.port, dbname, user);
            }
            Vec::new()
        }
        Err(warning) => vec![warning],
    }
}

fn whole_number(values: &Values, name: &'static str) -> Result<Option<u64>, ConnectSettingsError> {
    // libpq takes negative numbers for 0.
    values.parsed(name, "a whole number", |value| {
        value
            .trim_ascii()
            .parse::<i32>()
            .ok()
            .map(|number| u64::try_from(number).unwrap_or(0))
    })
}

/// A time in seconds; the inner `None` is 0, which means none at all.
#[expect(
    clippy::option_option,
    reason = "not set, and switched off, are different things"
)]
fn seconds(values: &Values, name: &'static str) -> Result<Option<Option<Duration>>, ConnectSettingsError> {
    let seconds = whole_number(values, name)?;
    Ok(seconds.map(|seconds| (seconds > 0).then(|| Duration::from_secs(seconds))))
}

fn keepalive(values: &Values) -> Result<Option<Keepalive>, ConnectSettingsError> {
    let idle = seconds(values, "keepalives_idle")?
        .flatten()
        .unwrap_or(KEEPALIVE.idle);
    let interval = seconds(values, "keepalives_interval")?
        .flatten()
        .unwrap_or(KEEPALIVE.interval);
    let probes = whole_number(values, "keepalives_count")?
        .and_then(|count| u32::try_from(count).ok())
        .filter(|count| *count > 0)
        .unwrap_or(KEEPALIVE.probes);
    let wanted = whole_number(values, "keepalives")? != Some(0);
    Ok(wanted.then_some(Keepalive {
        idle,
        interval,
        probes,
    }))
}

impl fmt::Display for ConnectSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join =
            |part: &dyn Fn(&Target) -> String| self.targets.iter().map(part).collect::<Vec<_>>().join(",");
        let hosts = join(&|target| match &target.host {
            Host::Name(name) => name.clone(),
            Host::Directory(path) => path.display().to_string(),
        });
        let ports = join(&|target| target.port.to_string());
        let Self {
            user,
            dbname,
            ssl_mode,
            ..
        } = self;
        write!(
            f,
            "host={hosts} port={ports} user={user} dbname={dbname} sslmode={ssl_mode}"
        )
    }
}

/// The same as [`Display`](fmt::Display): a derived form would grow whatever field is added later.
impl fmt::Debug for ConnectSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectSettings({self})")
    }
}
