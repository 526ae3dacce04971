//! The options of `espat ota-server`.

use std::path::PathBuf;

use clap::Args;

use crate::value::{ListenAddr, OtaToken};

/// Options of `ota-server`.
#[derive(Args, Debug)]
pub(crate) struct OtaServerOptions {
    /// The folder to serve: a folder for each version, a file for each partition in it
    ///
    /// DIR/VERSION/PARTITION.bin: ota.bin is the firmware, client_ca.bin, client_cert.bin, client_key.bin, server_ca.bin,
    /// server_cert.bin, server_key.bin, mqtt_ca.bin and so on are what AT+CIUPDATE=0,"","client_ca" asks for. Names are made of letters,
    /// digits and . _ + -, up to 64 of them. DIR is looked at for every request; nothing outside it is served, by links
    /// neither.
    ///
    /// Example: espat ota-server roms, with the file roms/v2.4.0.0/ota.bin
    pub(crate) dir: PathBuf,

    /// Where modules connect to; port 0 takes a free one [default: 127.0.0.1:8070]
    ///
    /// Example: --listen 192.168.1.20:80
    #[arg(
        long,
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:8070",
        hide_default_value = true
    )]
    pub(crate) listen: ListenAddr,

    /// The version that modules are told to be the newest [default: the highest by its numbers]
    ///
    /// It is also what a module gets that asks for the empty version, as AT+CIUPDATE=0,"","ota",1 of some releases does.
    ///
    /// Example: --latest v2.3.0.0
    #[arg(long, value_name = "VERSION")]
    pub(crate) latest: Option<String>,

    /// Answer those only who send `Authorization: token TOKEN`; others get 401
    ///
    /// Other users can read a command line: use a token that is no secret elsewhere.
    ///
    /// Example: --token 0123456789012345678901234567890123456789
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    pub(crate) token: Option<OtaToken>,

    /// Speak HTTPS, for AT+CIUPDATE=1; without --cert the certificate is self-signed and made at each start
    ///
    /// Example: --tls --listen 127.0.0.1:8443
    #[arg(long)]
    pub(crate) tls: bool,

    /// The certificate for --tls as a PEM file, with its chain after it
    ///
    /// Example: --tls --cert server.pem --key server.key
    #[arg(long, value_name = "FILE", requires = "key", requires = "tls")]
    pub(crate) cert: Option<PathBuf>,

    /// The private key of --cert as a PEM file without a passphrase
    ///
    /// Example: --tls --cert server.pem --key server.key
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// Break downloads: send BYTES of the file, then nothing more, and keep the connection open
    ///
    /// The module waits until its own time-out of 3 minutes. 0 sends the head alone, without the first byte that the module
    /// checks.
    ///
    /// Example: --stall-at 65536
    #[arg(long, value_name = "BYTES", group = "fault")]
    pub(crate) stall_at: Option<u64>,

    /// Break downloads: send BYTES of the file, then reset the connection
    ///
    /// Example: --cut-at 65536
    #[arg(long, value_name = "BYTES", group = "fault")]
    pub(crate) cut_at: Option<u64>,

    /// Break downloads: promise one byte more than the file has, send the file, and close
    ///
    /// Example: --wrong-length
    #[arg(long, group = "fault")]
    pub(crate) wrong_length: bool,
}
