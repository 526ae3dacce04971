//! Certificates and keys of the tests' own, as the module's slots and as peers want them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use espat_host::{Certificates, NetOptions};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use tokio_rustls::rustls;

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: X509,
    pub(crate) key: PKey<Private>,
}

/// What a certificate says.
pub(crate) struct Says<'a> {
    pub(crate) common_name: &'a str,
    pub(crate) alternative: Option<&'a str>,
    /// Seconds since 1970.
    pub(crate) valid: (i64, i64),
}

pub(crate) const NOW: i64 = 1_780_000_000;
const ALWAYS: (i64, i64) = (1_000_000_000, 4_000_000_000);

impl<'a> Says<'a> {
    pub(crate) fn name(common_name: &'a str) -> Self {
        Self {
            common_name,
            alternative: None,
            valid: ALWAYS,
        }
    }

    pub(crate) fn with_alternative(common_name: &'a str, alternative: &'a str) -> Self {
        Self {
            alternative: Some(alternative),
            ..Self::name(common_name)
        }
    }
}

impl Pair {
    pub(crate) fn authority(name: &str) -> Self {
        Self::make(&Says::name(name), None)
    }

    pub(crate) fn issue(&self, says: &Says<'_>) -> Self {
        Self::make(says, Some(self))
    }

    fn make(says: &Says<'_>, issuer: Option<&Self>) -> Self {
        static SERIAL: AtomicU32 = AtomicU32::new(1);
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_nid(Nid::COMMONNAME, says.common_name)
            .unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        let serial = BigNum::from_u32(SERIAL.fetch_add(1, Ordering::Relaxed)).unwrap();
        builder
            .set_serial_number(&serial.to_asn1_integer().unwrap())
            .unwrap();
        builder.set_subject_name(&name).unwrap();
        match issuer {
            Some(issuer) => builder
                .set_issuer_name(issuer.certificate.subject_name())
                .unwrap(),
            None => builder.set_issuer_name(&name).unwrap(),
        }
        let (from, to) = says.valid;
        builder
            .set_not_before(&Asn1Time::from_unix(from).unwrap())
            .unwrap();
        builder
            .set_not_after(&Asn1Time::from_unix(to).unwrap())
            .unwrap();
        builder.set_pubkey(&key).unwrap();
        if issuer.is_none() {
            let ca = BasicConstraints::new().critical().ca().build().unwrap();
            builder.append_extension(ca).unwrap();
        }
        if let Some(alternative) = says.alternative {
            let names = SubjectAlternativeName::new()
                .dns(alternative)
                .build(&builder.x509v3_context(None, None))
                .unwrap();
            builder.append_extension(names).unwrap();
        }
        let signer = issuer.map_or(&key, |issuer| &issuer.key);
        builder.sign(signer, MessageDigest::sha256()).unwrap();
        Self {
            certificate: builder.build(),
            key,
        }
    }

    pub(crate) fn certificate_pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    pub(crate) fn key_pem(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }

    pub(crate) fn rustls(
        &self,
    ) -> (
        Vec<rustls::pki_types::CertificateDer<'static>>,
        rustls::pki_types::PrivateKeyDer<'static>,
    ) {
        let key = self.key.private_key_to_pkcs8().unwrap();
        (
            vec![self.certificate.to_der().unwrap().into()],
            rustls::pki_types::PrivateKeyDer::Pkcs8(key.into()),
        )
    }

    pub(crate) fn roots(&self) -> Arc<rustls::RootCertStore> {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(self.certificate.to_der().unwrap().into())
            .unwrap();
        Arc::new(roots)
    }
}

/// A folder that goes when the test does.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("espat-tls-{}-{n}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file that is whole when it has its name.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let (path, temporary) = (self.0.join(name), self.0.join("new"));
        std::fs::write(&temporary, bytes).unwrap();
        std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(temporary, &path).unwrap();
        path
    }

    pub(crate) fn put_pair(&self, cert: &str, key: &str, pair: &Pair) -> (PathBuf, PathBuf) {
        (
            self.put(cert, &pair.certificate_pem()),
            self.put(key, &pair.key_pem()),
        )
    }

    /// Where a file of that name lies, as an argument of a command.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn certificates(&self) -> Certificates {
        Certificates::open(Some(&self.0), None).unwrap()
    }

    /// A network whose module has this folder's certificates.
    pub(crate) fn net(&self) -> NetOptions {
        NetOptions {
            certificates: self.certificates(),
            ..NetOptions::default()
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Two authorities, and of each the CA and a client certificate: ours in the module's slots 0, theirs in its slots 1.
pub(crate) struct Authorities {
    pub(crate) folder: Folder,
    pub(crate) ours: Pair,
}

impl Authorities {
    pub(crate) fn new() -> Self {
        let (ours, theirs) = (Pair::authority("ours"), Pair::authority("theirs"));
        let folder = Folder::new();
        folder.put("client_ca.0.pem", &ours.certificate_pem());
        folder.put("client_ca.1.pem", &theirs.certificate_pem());
        let (me, stranger) = (
            ours.issue(&Says::name("me")),
            theirs.issue(&Says::name("stranger")),
        );
        folder.put_pair("client_cert.0.pem", "client_key.0.pem", &me);
        folder.put_pair("client_cert.1.pem", "client_key.1.pem", &stranger);
        Self { folder, ours }
    }
}
