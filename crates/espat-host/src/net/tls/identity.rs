//! A server's certificate where the user gave none: self-signed, made at first use, kept in the state.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};

use super::TlsError;

/// Key and certificate, in one file: one without the other is no use.
const FILE: &str = "self_signed_server.pem";
const TEMPORARY: &str = "self_signed_server.pem.new";
const NAME: &str = "espat";
const DAYS: u32 = 3650;

/// A server's own certificate and key.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) certificate: X509,
    pub(super) key: PKey<Private>,
}

/// The one of the state, or a new one, which is kept there.
pub(super) fn kept_or_made(state: Option<&Path>) -> Result<Identity, TlsError> {
    let identity = match state.and_then(read) {
        Some(identity) => identity,
        None => {
            let identity = make()?;
            if let Some(state) = state {
                let pem = pem(&identity)?;
                write(state, &pem).map_err(|source| TlsError::Keep {
                    path: PathBuf::from(state),
                    source,
                })?;
            }
            identity
        }
    };
    let fingerprint = identity.certificate.digest(MessageDigest::sha256())?;
    let shown: Vec<String> = fingerprint.iter().map(|b| format!("{b:02X}")).collect();
    tracing::info!(
        "the SSL server shows a self-signed certificate, SHA-256 {}",
        shown.join(":")
    );
    Ok(identity)
}

/// `None`, with a word in the log unless there is none, where nothing usable is kept.
fn read(state: &Path) -> Option<Identity> {
    let path = state.join(FILE);
    let usable = match std::fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(_) => None,
        Ok(pem) => parse(&pem),
    };
    if let Ok(metadata) = std::fs::metadata(&path) {
        super::slot::warn_of_others(&path, metadata.mode());
    }
    if usable.is_none() {
        tracing::warn!(
            "{}: no certificate with its key; another one takes its place",
            path.display()
        );
    }
    usable
}

fn parse(pem: &[u8]) -> Option<Identity> {
    let certificate = X509::from_pem(pem).ok()?;
    let key = PKey::private_key_from_pem_callback(pem, |_| Err(ErrorStack::get())).ok()?;
    let is_pair = certificate.public_key().ok()?.public_eq(&key);
    is_pair.then_some(Identity { certificate, key })
}

pub(super) fn make() -> Result<Identity, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, NAME)?;
    let name = name.build();
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    // From the beginning of modules' time: a client without a clock believes it to be 1970.
    builder.set_not_before(&*Asn1Time::from_unix(0)?)?;
    builder.set_not_after(&*Asn1Time::days_from_now(DAYS)?)?;
    builder.set_pubkey(&key)?;
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    let names = SubjectAlternativeName::new()
        .dns(NAME)
        .build(&builder.x509v3_context(None, None))?;
    builder.append_extension(names)?;
    builder.sign(&key, MessageDigest::sha256())?;
    let certificate = builder.build();
    Ok(Identity { certificate, key })
}

pub(super) fn pem(identity: &Identity) -> Result<Vec<u8>, ErrorStack> {
    let mut pem = identity.key.private_key_to_pem_pkcs8()?;
    pem.extend(identity.certificate.to_pem()?);
    Ok(pem)
}

/// Writes the file whole, for its owner alone.
fn write(state: &Path, pem: &[u8]) -> io::Result<()> {
    let temporary = state.join(TEMPORARY);
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(pem)?;
    file.sync_all()?;
    std::fs::rename(&temporary, state.join(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_read_again() {
        let made = make().unwrap();
        let pem = pem(&made).unwrap();
        let name = format!("espat-identity-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        write(&folder, &pem).unwrap();
        let kept = read(&folder).unwrap();
        assert!(kept.key.public_eq(&made.key));
        let mode = std::fs::metadata(folder.join(FILE)).unwrap().mode();
        // What was damaged is no identity, and is made anew.
        std::fs::write(folder.join(FILE), &pem[..pem.len() / 2]).unwrap();
        assert!(read(&folder).is_none());
        let again = kept_or_made(Some(&folder)).unwrap();
        assert!(read(&folder).unwrap().key.public_eq(&again.key));
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(mode & 0o777, 0o600);
    }
}
