//! `sslmode` and the files it needs, as a rustls configuration. No global state: the provider is named.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::keyword::Values;
use super::tls_verifier::{Anchors, Check, Verifier};
use super::{ConnectSettingsError, Environment};

/// How much TLS is asked for ([34.19.3]).
///
/// [34.19.3]: https://www.postgresql.org/docs/18/libpq-ssl.html#LIBPQ-SSL-SSLMODE-STATEMENTS
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// Treated as [`Prefer`](Self::Prefer): where libpq tries without TLS first, TLS is tried first here.
    Allow,
    /// TLS if the server has it, else none.
    #[default]
    Prefer,
    /// TLS; the certificate is checked against the root certificate only if there is one.
    Require,
    /// TLS, with a certificate that a trusted authority signed.
    VerifyCa,
    /// TLS, with a certificate that a trusted authority signed for this very host.
    VerifyFull,
}

impl SslMode {
    pub(super) fn parse(value: &str) -> Option<Self> {
        Some(match value {
            "disable" => Self::Disable,
            "allow" => Self::Allow,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }

    /// The word of libpq for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    /// The ways to try one after the other on a TCP connection. After a failed handshake, or when the server has
    /// no rule for connections with TLS, `prefer` goes on without, as libpq does.
    pub(super) fn attempts(self) -> &'static [tokio_postgres::config::SslMode] {
        use tokio_postgres::config::SslMode as Driver;
        match self {
            Self::Disable => &[Driver::Disable],
            Self::Allow | Self::Prefer => &[Driver::Prefer, Driver::Disable],
            Self::Require | Self::VerifyCa | Self::VerifyFull => &[Driver::Require],
        }
    }
}

impl fmt::Display for SslMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const ROOT: &str = "root certificate file (sslrootcert)";
const CERTIFICATE: &str = "client certificate file (sslcert)";
const KEY: &str = "client key file (sslkey)";

/// Reads mode and files, and builds the connector.
pub(super) fn connector(
    values: &Values,
    environment: &Environment,
) -> Result<(SslMode, MakeRustlsConnect), ConnectSettingsError> {
    let mode = values.parsed(
        "sslmode",
        "one of disable, allow, prefer, require, verify-ca and verify-full",
        SslMode::parse,
    )?;
    let system = values.text("sslrootcert") == Some("system");
    let mode = match mode {
        None if system => SslMode::VerifyFull,
        Some(mode) if system && mode != SslMode::VerifyFull => {
            return Err(ConnectSettingsError::WeakMode { mode: mode.as_str() });
        }
        mode => mode.unwrap_or_default(),
    };

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(ConnectSettingsError::Tls)?;
    if mode == SslMode::Disable {
        let verifier = verifier(Check::Nothing, &provider);
        let config = builder
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        return Ok((mode, MakeRustlsConnect::new(config)));
    }
    let check = match (mode, anchors(values, environment, mode)?) {
        (_, None) => Check::Nothing,
        (SslMode::VerifyFull, Some(anchors)) => Check::ChainAndName(anchors),
        (_, Some(anchors)) => Check::Chain(anchors),
    };
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier(check, &provider));
    let config = match client_certificate(values, environment)? {
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(ConnectSettingsError::Tls)?,
        None => builder.with_no_client_auth(),
    };
    Ok((mode, MakeRustlsConnect::new(config)))
}

fn verifier(check: Check, provider: &CryptoProvider) -> Arc<Verifier> {
    Arc::new(Verifier {
        check,
        algorithms: provider.signature_verification_algorithms,
    })
}

/// The trusted certificates; `None` when there are none and the mode does not need them.
fn anchors(
    values: &Values,
    environment: &Environment,
    mode: SslMode,
) -> Result<Option<Anchors>, ConnectSettingsError> {
    let mut roots = RootCertStore::empty();
    let path = match values.text("sslrootcert") {
        Some("system") => {
            let found = rustls_native_certs::load_native_certs();
            let (usable, _) = roots.add_parsable_certificates(found.certs);
            if usable == 0 {
                let problem = found
                    .errors
                    .first()
                    .map_or_else(|| "none found".to_owned(), ToString::to_string);
                return Err(ConnectSettingsError::SystemRoots { problem });
            }
            // None of them is a database server's own.
            return Ok(Some(Anchors {
                roots: Arc::new(roots),
                certificates: Vec::new(),
            }));
        }
        Some(path) => PathBuf::from(path),
        None => {
            let default_file = default_file(environment, "root.crt");
            match default_file {
                Some(path) if path.exists() => path,
                default_file if matches!(mode, SslMode::VerifyCa | SslMode::VerifyFull) => {
                    return Err(ConnectSettingsError::NoRootCertificate {
                        mode: mode.as_str(),
                        default_file,
                    });
                }
                _ => return Ok(None),
            }
        }
    };
    let certificates = read_certificates(ROOT, &path)?;
    for certificate in &certificates {
        roots
            .add(certificate.clone())
            .map_err(|error| ConnectSettingsError::BadFile {
                what: ROOT,
                path: path.clone(),
                problem: error.to_string(),
            })?;
    }
    Ok(Some(Anchors {
        roots: Arc::new(roots),
        certificates,
    }))
}

/// The certificate to show to the server, with its key.
fn client_certificate(
    values: &Values,
    environment: &Environment,
) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, ConnectSettingsError> {
    let path = match values.text("sslcert") {
        Some(path) => PathBuf::from(path),
        None => match default_file(environment, "postgresql.crt") {
            Some(path) if path.exists() => path,
            _ => return Ok(None),
        },
    };
    let chain = read_certificates(CERTIFICATE, &path)?;
    let key_path = values
        .text("sslkey")
        .map(PathBuf::from)
        .or_else(|| default_file(environment, "postgresql.key"))
        .unwrap_or_else(|| path.with_extension("key"));
    refuse_open_key(&key_path)?;
    let key = PrivateKeyDer::from_pem_file(&key_path).map_err(|error| bad_pem(KEY, &key_path, error))?;
    Ok(Some((chain, key)))
}

/// libpq's rule: nobody but the owner, or root's group for a key that root owns.
fn refuse_open_key(path: &Path) -> Result<(), ConnectSettingsError> {
    let metadata = std::fs::metadata(path).map_err(|source| ConnectSettingsError::ReadFile {
        what: KEY,
        path: path.to_owned(),
        source,
    })?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
        if metadata.mode() & forbidden != 0 {
            return Err(ConnectSettingsError::BadFile {
                what: KEY,
                path: path.to_owned(),
                problem: "its permissions must be 0600 or less, or 0640 or less if root owns it".to_owned(),
            });
        }
    }
    #[cfg(not(unix))]
    let _ = metadata;
    Ok(())
}

fn default_file(environment: &Environment, name: &str) -> Option<PathBuf> {
    environment.home().map(|home| home.join(".postgresql").join(name))
}

fn read_certificates(
    what: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, ConnectSettingsError> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| bad_pem(what, path, error))?;
    if certificates.is_empty() {
        return Err(bad_pem(what, path, pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

fn bad_pem(what: &'static str, path: &Path, error: pem::Error) -> ConnectSettingsError {
    let path = path.to_owned();
    let problem = match error {
        pem::Error::Io(source) => return ConnectSettingsError::ReadFile { what, path, source },
        pem::Error::NoItemsFound => "it holds none in PEM format".to_owned(),
        // Its other texts quote lines of the file.
        _ => "it is not valid PEM".to_owned(),
    };
    ConnectSettingsError::BadFile { what, path, problem }
}
