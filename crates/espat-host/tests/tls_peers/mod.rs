//! What the TLS tests have on the other side: certificates of their own, the `openssl` command, and rustls.
#![allow(dead_code, reason = "every test file uses another part of it")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use espat_core::{ModuleConfig, Profile};
use espat_host::{Certificates, Module, NetOptions};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tokio_rustls::rustls;

use crate::host::{DEADLINE, Host, fast};

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

    pub(crate) fn certificates(&self) -> Certificates {
        Certificates::open(Some(&self.0), None).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

impl Host {
    pub(crate) async fn on(net: NetOptions) -> Self {
        Self::of_profile(fast().profile, net).await
    }

    pub(crate) async fn of_profile(profile: &'static Profile, net: NetOptions) -> Self {
        let config = ModuleConfig { profile, ..fast() };
        Self::joined(Module::new(config).net(net)).await
    }

    /// Opens the only link; whether it came up.
    pub(crate) async fn connects(&mut self, to: SocketAddr) -> bool {
        let (ip, port) = (to.ip(), to.port());
        let said = self
            .command(&format!("AT+CIPSTART=\"SSL\",\"{ip}\",{port}"))
            .await;
        let is_up = said.ends_with("CONNECT\r\n\r\nOK\r\n");
        if !is_up {
            assert_eq!(said, "\r\nERROR\r\n");
            self.wait("CLOSED\r\n").await;
        }
        is_up
    }

    /// Sets the module's clock to a time at which the tests' certificates are valid.
    pub(crate) async fn set_clock(&mut self) {
        self.ok(&format!("AT+SYSTIMESTAMP={NOW}")).await;
    }

    pub(crate) async fn close(&mut self) {
        let said = self.command("AT+CIPCLOSE").await;
        assert!(said.contains("CLOSED"), "{said:?}");
    }

    pub(crate) async fn says(&mut self, text: &str) {
        self.send(format!("AT+CIPSEND={}\r\n", text.len()).as_bytes())
            .await;
        self.wait(">").await;
        self.send(text.as_bytes()).await;
        self.wait("SEND OK\r\n").await;
    }
}

/// The `openssl` command at work as a server or a client.
pub(crate) struct Openssl {
    child: Child,
    pub(crate) input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Openssl {
    /// `None`, with a word on standard output, where this computer has no `openssl`.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        let child = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        match child {
            Ok(mut child) => Some(Self {
                input: child.stdin.take().unwrap(),
                output: BufReader::new(child.stdout.take().unwrap()),
                child,
            }),
            Err(error) => {
                println!("skipped: `openssl` cannot be started: {error}");
                None
            }
        }
    }

    /// `openssl s_server` on a free port.
    pub(crate) async fn server(arguments: &[&str]) -> Option<(Self, SocketAddr)> {
        let mut all = vec!["s_server", "-accept", "127.0.0.1:0"];
        all.extend(arguments);
        let mut server = Self::start(&all)?;
        let said = server.until("ACCEPT 127.0.0.1:").await;
        let port = said.rsplit(':').next().unwrap().trim().parse().unwrap();
        Some((server, SocketAddr::from(([127, 0, 0, 1], port))))
    }

    /// Reads lines up to one that has `text` in it; that line.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        self.all_until(text).await.pop().unwrap()
    }

    /// Reads lines up to one that has `text` in it; all of them.
    pub(crate) async fn all_until(&mut self, text: &str) -> Vec<String> {
        let mut said = Vec::new();
        loop {
            let mut line = String::new();
            let n = timeout(DEADLINE, self.output.read_line(&mut line)).await;
            match n {
                Ok(Ok(n)) if n > 0 => {}
                other => panic!("{other:?}: {text:?} is not in {said:?}"),
            }
            // Names are written `CN = me` up to OpenSSL 3.1 and `CN=me` from 3.2 on.
            let plain = |text: &str| text.replace(" = ", "=");
            let is_last = plain(&line).contains(&plain(text));
            said.push(line);
            if is_last {
                return said;
            }
        }
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.input.write_all(text.as_bytes()).await.unwrap();
    }

    pub(crate) fn into_pipes(self) -> (Child, ChildStdin, BufReader<ChildStdout>) {
        (self.child, self.input, self.output)
    }

    pub(crate) async fn stop(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// What a rustls server saw of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) sni: Option<String>,
    pub(crate) alpn: Option<Vec<u8>>,
    pub(crate) version: rustls::ProtocolVersion,
    pub(crate) has_certificate: bool,
}

pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A rustls server's configuration; with `clients`, it asks for certificates of that authority.
pub(crate) fn server_config(own: &Pair, clients: Option<&Pair>) -> rustls::ServerConfig {
    let builder = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
                authority.roots(),
                provider(),
            );
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let (chain, key) = own.rustls();
    builder.with_single_cert(chain, key).unwrap()
}

/// A rustls server that sends back what it gets, and says whom it has seen; `None` stands for a failed handshake.
pub(crate) async fn echo_server(
    config: rustls::ServerConfig,
) -> (
    SocketAddr,
    tokio::sync::mpsc::UnboundedReceiver<Option<Seen>>,
) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (tell, seen) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, tell) = (acceptor.clone(), tell.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    let _ = tell.send(None);
                    return;
                };
                let (_, session) = stream.get_ref();
                let _ = tell.send(Some(Seen {
                    sni: session.server_name().map(str::to_owned),
                    alpn: session.alpn_protocol().map(<[u8]>::to_vec),
                    version: session.protocol_version().unwrap(),
                    has_certificate: session.peer_certificates().is_some(),
                }));
                let mut buffer = vec![0; 4096];
                while let Ok(n) = stream.read(&mut buffer).await {
                    if n == 0 || stream.write_all(&buffer[..n]).await.is_err() {
                        break;
                    }
                }
                let _ = stream.shutdown().await;
            });
        }
    });
    (at, seen)
}
