//! Contexts: one for every distinct configuration, shared by its sessions. A context holds the parsed certificates, which is
//! most of what a session would cost otherwise.

use std::sync::{Arc, Mutex, PoisonError};

use espat_core::{Psk, SlotKind, TlsClient, TlsRules, TlsServer, TlsVersion};
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    Ssl, SslCipherRef, SslContext, SslContextBuilder, SslMethod, SslMode, SslOptions,
    SslSessionCacheMode, SslVerifyMode, SslVersion,
};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;

use super::{Tls, TlsError};

/// Configurations that are remembered; the one made first is forgotten first.
const CONTEXTS_MAX: usize = 32;

/// What makes two configurations different. Names, protocols and times belong to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Client {
        rules: TlsRules,
        certificate: Option<u8>,
        ca: Option<u8>,
        ciphers: Vec<u16>,
        psk: Option<Psk>,
    },
    Server {
        rules: TlsRules,
        verify_clients: bool,
    },
}

/// The contexts that were made from one set of certificates.
#[derive(Default)]
pub(super) struct Contexts(Mutex<Vec<Made>>);

struct Made {
    key: Key,
    /// The key log it writes to.
    key_log: Option<usize>,
    context: SslContext,
}

impl Contexts {
    /// Certificates have changed.
    pub(super) fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

impl std::fmt::Debug for Contexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contexts").finish_non_exhaustive()
    }
}

impl Tls {
    pub(super) fn client_context(&self, client: &TlsClient) -> Result<SslContext, TlsError> {
        let key = Key::Client {
            rules: client.rules,
            certificate: client.certificate,
            ca: client.verify.as_ref().map(|verify| verify.ca),
            ciphers: client.ciphers.clone(),
            psk: client.psk.clone(),
        };
        self.context(key, |builder| {
            if !client.ciphers.is_empty() {
                offer(builder, client)?;
            }
            if let Some(number) = client.certificate {
                let chain = self.certificates.chain(SlotKind::ClientCert, number)?;
                let key = self.certificates.key(SlotKind::ClientKey, number)?;
                show(builder, &chain, &key)?;
            }
            match &client.verify {
                Some(verify) => {
                    let cas = self.certificates.chain(SlotKind::ClientCa, verify.ca)?;
                    trust(builder, &cas)?;
                    builder.set_verify(SslVerifyMode::PEER);
                }
                // Who asks for a key is not content with a certificate: without a CA none of them passes, as in esp_tls.
                None if client.psk.is_some() => builder.set_verify(SslVerifyMode::PEER),
                None => builder.set_verify(SslVerifyMode::NONE),
            }
            if let Some(psk) = client.psk.clone() {
                set_psk(builder, psk);
            }
            Ok(())
        })
    }

    pub(super) fn server_context(&self, server: &TlsServer) -> Result<SslContext, TlsError> {
        let key = Key::Server {
            rules: server.rules,
            verify_clients: server.verify.is_some(),
        };
        self.context(key, |builder| {
            let (chain, key) = self.certificates.server_identity()?;
            show(builder, &chain, &key)?;
            if server.verify.is_some() {
                let cas = self.certificates.chain(SlotKind::ServerCa, 0)?;
                trust(builder, &cas)?;
                let mut names = openssl::stack::Stack::new()?;
                for ca in cas.iter() {
                    names.push(ca.subject_name().to_owned()?)?;
                }
                builder.set_client_ca_list(names);
                builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
            }
            Ok(())
        })
    }

    fn context(
        &self,
        key: Key,
        fill: impl FnOnce(&mut SslContextBuilder) -> Result<(), TlsError>,
    ) -> Result<SslContext, TlsError> {
        let key_log = self.key_log.as_ref().map(super::KeyLog::id);
        let contexts = self.certificates.contexts();
        let contexts = &contexts.0;
        let known = |made: &&Made| made.key == key && made.key_log == key_log;
        let mut all = contexts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = all.iter().find(known) {
            return Ok(made.context.clone());
        }
        let rules = match key {
            Key::Client { rules, .. } | Key::Server { rules, .. } => rules,
        };
        let mut builder = base(rules)?;
        fill(&mut builder)?;
        if let Some(key_log) = self.key_log.clone() {
            builder.set_keylog_callback(move |_, line| key_log.write(line));
        }
        let context = builder.build();
        if all.len() == CONTEXTS_MAX {
            all.remove(0);
        }
        all.push(Made {
            key,
            key_log,
            context: context.clone(),
        });
        Ok(context)
    }
}

fn base(rules: TlsRules) -> Result<SslContextBuilder, ErrorStack> {
    let mut builder = SslContextBuilder::new(SslMethod::tls())?;
    builder.set_mode(
        SslMode::RELEASE_BUFFERS
            | SslMode::ENABLE_PARTIAL_WRITE
            | SslMode::ACCEPT_MOVING_WRITE_BUFFER,
    );
    // Every handshake is a full one, as the firmware's; without tickets a session keeps less.
    builder.set_options(SslOptions::NO_RENEGOTIATION | SslOptions::NO_TICKET);
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_num_tickets(0)?;
    builder.set_security_level(u32::from(rules.security_level));
    builder.set_cipher_list(&format!("DEFAULT:@SECLEVEL={}", rules.security_level))?;
    builder.set_min_proto_version(Some(version(rules.version_min)))?;
    builder.set_max_proto_version(Some(version(rules.version_max)))?;
    Ok(builder)
}

/// Offers these suites only, in their order. Those that this OpenSSL does not have are left out.
fn offer(builder: &mut SslContextBuilder, client: &TlsClient) -> Result<(), TlsError> {
    let numbers: Vec<u8> = client
        .ciphers
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect();
    let any = Ssl::new(&SslContextBuilder::new(SslMethod::tls())?.build())?;
    let known = any.bytes_to_cipher_list(&numbers, false)?.suites;
    let (newest, older): (Vec<_>, Vec<_>) =
        known.iter().partition(|suite| suite.version() == "TLSv1.3");
    let names = |suites: &[&SslCipherRef]| {
        let names: Vec<_> = suites.iter().map(|suite| suite.name()).collect();
        names.join(":")
    };
    let rules = client.rules;
    match (newest.is_empty(), older.is_empty()) {
        (true, true) => return Err(TlsError::NoCipher),
        (false, true) => builder.set_min_proto_version(Some(SslVersion::TLS1_3))?,
        (true, false) if rules.version_max == TlsVersion::Tls1_3 => {
            builder.set_max_proto_version(Some(SslVersion::TLS1_2))?;
        }
        (true, false) | (false, false) => {}
    }
    if !older.is_empty() {
        builder.set_cipher_list(&format!(
            "{}:@SECLEVEL={}",
            names(&older),
            rules.security_level
        ))?;
    }
    if !newest.is_empty() {
        builder.set_ciphersuites(&names(&newest))?;
    }
    Ok(())
}

fn version(version: TlsVersion) -> SslVersion {
    match version {
        TlsVersion::Tls1_0 => SslVersion::TLS1,
        TlsVersion::Tls1_1 => SslVersion::TLS1_1,
        TlsVersion::Tls1_2 => SslVersion::TLS1_2,
        TlsVersion::Tls1_3 => SslVersion::TLS1_3,
    }
}

fn show(
    builder: &mut SslContextBuilder,
    chain: &[X509],
    key: &PKey<Private>,
) -> Result<(), ErrorStack> {
    let mut chain = chain.iter();
    if let Some(own) = chain.next() {
        builder.set_certificate(own)?;
    }
    for issuer in chain {
        builder.add_extra_chain_cert(issuer.clone())?;
    }
    builder.set_private_key(key)?;
    builder.check_private_key()
}

/// Every certificate of the slot is an anchor, an intermediate one too, as in the firmware's TLS library.
fn trust(builder: &mut SslContextBuilder, cas: &[X509]) -> Result<(), ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    for ca in cas {
        store.add_cert(ca.clone())?;
    }
    store.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    builder.set_cert_store(store.build());
    Ok(())
}

/// In TLS 1.3 OpenSSL offers the same key with SHA-256.
fn set_psk(builder: &mut SslContextBuilder, psk: Psk) {
    let psk = Arc::new(psk);
    builder.set_psk_client_callback(move |_, _hint, identity, key| {
        let Psk {
            key: k,
            identity: i,
        } = &*psk;
        // OpenSSL's identity ends with a NUL; 0 bytes of key end the handshake.
        if i.len() >= identity.len() || k.len() > key.len() {
            return Ok(0);
        }
        identity[..i.len()].copy_from_slice(i);
        identity[i.len()] = 0;
        key[..k.len()].copy_from_slice(k);
        Ok(k.len())
    });
}
