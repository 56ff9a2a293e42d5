//! A certificate authority of its own for a cluster that is to speak TLS.

use std::path::Path;

use anyhow::{Context as _, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// What `ssl_cert_file`, `ssl_key_file` and a client's `sslrootcert` want, in PEM.
pub(super) struct ServerCertificate {
    authority: String,
    certificate: String,
    key: String,
}

impl ServerCertificate {
    /// A fresh authority, and a certificate of it for `localhost` and `127.0.0.1`.
    pub(super) fn generate() -> Result<Self> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        authority
            .distinguished_name
            .push(DnType::CommonName, "Throwaway authority");
        let authority_key = KeyPair::generate()?;
        let authority_certificate = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);

        let mut server = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &issuer)?;
        Ok(Self {
            authority: authority_certificate.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// Writes `ca.crt`, `server.crt` and `server.key` by way of `write(path, contents)`.
    pub(super) fn write(&self, root: &Path, write: impl Fn(&Path, &str) -> Result<()>) -> Result<()> {
        for (name, contents) in [
            ("ca.crt", &self.authority),
            ("server.crt", &self.certificate),
            ("server.key", &self.key),
        ] {
            write(&root.join(name), contents).with_context(|| format!("could not write {name}"))?;
        }
        Ok(())
    }
}
