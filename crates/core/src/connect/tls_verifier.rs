//! What libpq's `sslmode` demands of a server's certificate, as verifiers for rustls.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// How much of the certificate is checked.
#[derive(Debug)]
pub(super) enum Check {
    /// Nothing but that the server owns its key: encrypts, and trusts whoever answers.
    Nothing,
    /// That a trusted authority signed it, for whatever host.
    Chain(Anchors),
    /// That, and that it is for the host we wanted.
    ChainAndName(Anchors),
}

/// The certificates that are trusted.
#[derive(Debug)]
pub(super) struct Anchors {
    pub(super) roots: Arc<RootCertStore>,
    /// The same, whole: a server may show one of them itself.
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) check: Check,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let anchors = match &self.check {
            Check::Nothing => return Ok(ServerCertVerified::assertion()),
            Check::Chain(anchors) | Check::ChainAndName(anchors) => anchors,
        };
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let chain = verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &anchors.roots,
            intermediates,
            now,
            self.algorithms.all,
        );
        match chain {
            // The manual's own recipe for a self-signed certificate gives it the mark of an authority, and hands
            // it to the clients as their root. webpki refuses that role, OpenSSL and so libpq do not. Its dates
            // are good here: webpki looks at them first.
            Err(error)
                if is_ca_as_server(&error) && anchors.certificates.iter().any(|ca| ca == end_entity) => {}
            chain => chain?,
        }
        if matches!(self.check, Check::ChainAndName(_)) {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn is_ca_as_server(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = error else {
        return false;
    };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
    };

    use super::*;

    struct Authority {
        certificate: Certificate,
        issuer: Issuer<'static, KeyPair>,
    }

    fn authority(name: &str, last_year: i32) -> Authority {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_after = date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Authority {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    fn signed_by(authority: &Authority, name: &str) -> Certificate {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params
            .signed_by(&KeyPair::generate().unwrap(), &authority.issuer)
            .unwrap()
    }

    fn trusting(authority: &Authority) -> Anchors {
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate.der().clone()).unwrap();
        Anchors {
            roots: Arc::new(roots),
            certificates: vec![authority.certificate.der().clone()],
        }
    }

    #[track_caller]
    fn check(check: Check, certificate: &Certificate, expected: Result<(), &str>) {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        let verifier = Verifier { check, algorithms };
        let host = ServerName::try_from("db.example.org").unwrap();
        let verdict = verifier.verify_server_cert(certificate.der(), &[], &host, &[], UnixTime::now());
        match (verdict, expected) {
            (Ok(_), Ok(())) => {}
            (Err(error), Err(part)) if error.to_string().contains(part) => {}
            (verdict, expected) => panic!("{verdict:?} is not {expected:?}"),
        }
    }

    #[test]
    fn checks_what_the_mode_asks_for() {
        let ours = authority("authority", 2999);
        let (good, other) = (
            signed_by(&ours, "db.example.org"),
            signed_by(&ours, "other.example.org"),
        );
        check(Check::ChainAndName(trusting(&ours)), &good, Ok(()));
        check(
            Check::ChainAndName(trusting(&ours)),
            &other,
            Err("not valid for name"),
        );
        check(Check::Chain(trusting(&ours)), &other, Ok(()));

        let strange = authority("authority of somebody else", 2999);
        let strange = signed_by(&strange, "db.example.org");
        check(Check::Chain(trusting(&ours)), &strange, Err("UnknownIssuer"));
        check(
            Check::ChainAndName(trusting(&ours)),
            &strange,
            Err("UnknownIssuer"),
        );
        check(Check::Nothing, &strange, Ok(()));
    }

    #[test]
    fn a_trusted_self_signed_certificate_may_be_the_servers_own() {
        let own = authority("db.example.org", 2999);
        check(Check::ChainAndName(trusting(&own)), &own.certificate, Ok(()));

        let same_name = authority("db.example.org", 2999);
        check(
            Check::Chain(trusting(&own)),
            &same_name.certificate,
            Err("CaUsedAsEndEntity"),
        );

        let other_name = authority("other.example.org", 2999);
        check(
            Check::Chain(trusting(&other_name)),
            &other_name.certificate,
            Ok(()),
        );
        check(
            Check::ChainAndName(trusting(&other_name)),
            &other_name.certificate,
            Err("not valid for name"),
        );

        let expired = authority("db.example.org", 2001);
        check(
            Check::Chain(trusting(&expired)),
            &expired.certificate,
            Err("expired"),
        );
    }
}
