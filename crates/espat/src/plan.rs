//! From options to what the libraries are started with.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use espat_core::fault::FaultPlan;
use espat_core::profile::PROFILES;
use espat_core::{LogPort, ModuleConfig, Profile, Reports, Terminator, Timing};
use espat_host::{
    Capture, Certificates, KeyLog, LogSink, Module, NetOptions, Policy, PowerPolicy, Store,
};
use espat_script::Directive;
use rustix::io::Errno;

use crate::cli::{ModuleOptions, PowerWhen, ReportsOption, TerminatorOption, TimingOption};
use crate::config::Settings;
use crate::failure::Usage;
use crate::record::Recording;
use crate::value::LogTarget;

/// Serial bytes that may wait for a host that reads slowly, where the UART's pace does not hold them back. So many let a
/// fast host find the next ones there already.
const FAST_CREDIT: usize = 64 * 1024;

/// The module that `settings` ask for.
///
/// # Errors
/// The access point that cannot be one, by its SSID.
fn module_config(settings: &Settings) -> Result<ModuleConfig, Usage> {
    let options = &settings.options.module;
    let mut config = ModuleConfig::new();
    config.profile = profile(options);
    if let Some(timing) = options.firmware.timing {
        config.timing = match timing {
            TimingOption::Realistic => Timing::Realistic,
            TimingOption::Fast => Timing::Fast,
        };
    }
    if config.timing == Timing::Fast {
        config.serial_credit = FAST_CREDIT;
    }
    if let Some(reports) = options.firmware.reports {
        config.reports = match reports {
            ReportsOption::Between => Reports::Between,
            ReportsOption::Anywhere => Reports::Anywhere,
        };
    }
    if let Some(terminator) = options.firmware.terminator {
        config.terminator = match terminator {
            TerminatorOption::Crlf => Terminator::CrLf,
            TerminatorOption::Lenient => Terminator::Lenient,
        };
    }
    config.log_port = match options.firmware.log_port {
        None => LogPort::Off,
        Some(LogTarget::Shared) => LogPort::Shared,
        Some(LogTarget::Stderr | LogTarget::File(_)) => LogPort::Separate,
    };
    config.seed = options.firmware.seed.unwrap_or(config.seed);
    config.addresses.station_ip = options.network.ip.unwrap_or(config.addresses.station_ip);
    config.addresses.station_ip6 = options.network.ip6.unwrap_or(config.addresses.station_ip6);
    config.air.access_points.clone_from(&settings.access_points);
    for ap in &options.air.ap {
        config.air.access_points.push(
            ap.access_point()
                .map_err(|e| Usage::new(format!("--ap: {e}")))?,
        );
    }
    config.upgrade.server = options.network.ota_server.as_ref().map(|url| url.0.clone());
    if let Some(token) = &options.network.ota_token {
        let token = token
            .checked()
            .map_err(|e| Usage::new(format!("--ota-token: {e}")))?;
        config.upgrade.token = Some(token.to_owned());
    }
    config.air.stations = options.air.station.iter().map(|s| s.0).collect();
    Ok(config)
}

/// The firmware line.
pub(crate) fn profile(options: &ModuleOptions) -> &'static Profile {
    options.firmware.profile.map_or(PROFILES[0], |p| p.0)
}

/// The log UART's own file, opened.
///
/// # Errors
/// The file and why it cannot be opened.
fn log_sink(options: &ModuleOptions) -> Result<Option<LogSink>, Usage> {
    Ok(match &options.firmware.log_port {
        None | Some(LogTarget::Shared) => None,
        Some(LogTarget::Stderr) => Some(Box::new(std::io::stderr())),
        Some(LogTarget::File(path)) => {
            let file = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path);
            let shown = path.display();
            Some(Box::new(file.map_err(|e| {
                Usage::new(format!("--log-port {shown}: cannot open the file: {e}"))
            })?))
        }
    })
}

/// The plans that `--fault` names, with the seed of `--seed` where that is given.
///
/// # Errors
/// There is no such plan, or it is none.
pub(crate) fn faults(names: &[String], seed: Option<u64>) -> Result<Vec<FaultPlan>, Usage> {
    let read = |name: &String| {
        let file = espat_script::find_plan(name, None)
            .map_err(|problem| Usage::new(format!("--fault {name}: {problem}")))?;
        let mut plan = file.plan;
        plan.seed = seed.unwrap_or(plan.seed);
        Ok(plan)
    };
    names.iter().map(read).collect()
}

/// What `--record` asks for.
///
/// # Errors
/// The file that cannot be made.
pub(crate) fn recording(options: &ModuleOptions) -> Result<Option<Recording>, Usage> {
    let watch = &options.watch;
    match &watch.record {
        Some(path) => {
            let recording = Recording::create(path, watch.record_payload)?;
            Ok(Some(recording.with(fault_directives(options))))
        }
        None if watch.record_payload => Err(Usage::new(
            "--record-payload: there is no record; name its file by --record FILE",
        )),
        None => Ok(None),
    }
}

/// The directives that stand for `--fault` and its seed. A file is named from the root: the record may lie anywhere.
fn fault_directives(options: &ModuleOptions) -> Vec<Directive> {
    let whole = |name: &String| {
        let file = Path::new(name).canonicalize().ok();
        let file = file.filter(|file| file.is_file());
        file.map_or_else(|| name.clone(), |file| file.display().to_string())
    };
    let names = options.faults.fault.iter();
    let mut directives: Vec<_> = names.map(|name| Directive::Fault(whole(name))).collect();
    if !directives.is_empty() {
        directives.extend(options.firmware.seed.map(Directive::FaultSeed));
    }
    directives
}

/// How the module meets the network.
///
/// # Errors
/// The option whose file or folder cannot be used.
fn net_options(options: &ModuleOptions) -> Result<NetOptions, Usage> {
    let default = NetOptions::default();
    let key_log = options.network.tls_keylog.as_ref().map(|path| {
        KeyLog::open(path).map_err(|e| {
            let shown = path.display();
            Usage::new(format!("--tls-keylog {shown}: cannot open the file: {e}"))
        })
    });
    for publish in &options.network.publish {
        if !is_ours(publish.at) {
            let (port, at) = (publish.port, publish.at);
            return Err(Usage::new(format!(
                "--publish {port}={at}: {} is no address of this computer; use 127.0.0.1, or 0.0.0.0 for all of its addresses",
                at.ip()
            )));
        }
    }
    let stations = [
        ("--ip", options.network.ip.map(IpAddr::from)),
        ("--ip6", options.network.ip6.map(IpAddr::from)),
    ];
    for (option, ip) in stations {
        if let Some(ip) = ip.filter(|ip| !is_ours(SocketAddr::new(*ip, 0))) {
            tracing::warn!(
                "{option} {ip}: this computer has no such address, so servers and UDP links of the module will fail; \
                 give an address of this computer, or lead servers to one with --publish"
            );
        }
    }
    let certificates = certificates(options)?;
    let key_log = key_log.transpose()?;
    // Last, so that no file stays behind where something else is wrong.
    let capture = options.watch.pcap.as_ref().map(|path| {
        Capture::create(path).map_err(|e| {
            let shown = path.display();
            let way_out = if e.kind() == ErrorKind::AlreadyExists {
                "a capture is not written over: choose another name, or remove it"
            } else {
                "name a place that this user can write to"
            };
            Usage::new(format!(
                "--pcap {shown}: cannot make the file: {e}; {way_out}"
            ))
        })
    });
    let capture = capture.transpose()?;
    Ok(NetOptions {
        ip: options.network.ip.unwrap_or(default.ip),
        ip6: options.network.ip6.unwrap_or(default.ip6),
        maps: options.network.map.clone(),
        publish: options.network.publish.clone(),
        policy: Policy {
            offline: options.network.offline,
            allow: options.network.allow.clone(),
            deny: options.network.deny.clone(),
        },
        certificates,
        key_log: key_log.map(|log| log.also_in(capture.clone())),
        capture,
        ..default
    })
}

/// Whether this computer can bind to the address; where it cannot be told, it is taken for one.
fn is_ours(mut at: SocketAddr) -> bool {
    at.set_port(0);
    // A datagram socket needs no port that others may have.
    let error = UdpSocket::bind(at).err();
    let errno = error.as_ref().and_then(Errno::from_io_error);
    !matches!(errno, Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT))
}

/// The certificates of `--certs`, or of the state, where a server's own is kept too.
fn certificates(options: &ModuleOptions) -> Result<Certificates, Usage> {
    let mut state = options
        .firmware
        .state
        .as_ref()
        .map(|folder| folder.join("certs"));
    if let Some(folder) = &state {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        if let Err(e) = made {
            // A state that cannot be written is no reason not to start: what is to be kept answers ERROR.
            let shown = folder.display();
            tracing::warn!("--state: no certificates, as {shown} cannot be made: {e}");
            state = None;
        }
    }
    let folder = options.firmware.certs.as_ref().or(state.as_ref());
    Certificates::open(folder.map(PathBuf::as_path), state.as_deref())
        .map_err(|e| Usage::new(format!("--certs: {e}")))
}

/// When the module powers on, where nobody says otherwise `default`.
fn power_policy(options: &ModuleOptions, default: PowerPolicy) -> PowerPolicy {
    match options.firmware.power {
        None => default,
        Some(PowerWhen::OnOpen) => PowerPolicy::OnOpen,
        Some(PowerWhen::EachOpen) => PowerPolicy::EachOpen,
        Some(PowerWhen::Now) => PowerPolicy::Now,
    }
}

/// The module, ready to be put on a port.
///
/// # Errors
/// The option that cannot be followed.
pub(crate) fn module(settings: &Settings, default_power: PowerPolicy) -> Result<Module, Usage> {
    let options = &settings.options.module;
    let mut module =
        Module::new(module_config(settings)?).power(power_policy(options, default_power));
    if let Some(sink) = log_sink(options)? {
        module = module.log(sink);
    }
    for plan in faults(&options.faults.fault, options.firmware.seed)? {
        module = module.fault(plan);
    }
    if let Some(folder) = &options.firmware.state {
        let wrong = |error| Usage::new(format!("--state: {error}"));
        module = module
            .store(Store::open(folder).map_err(wrong)?)
            .map_err(wrong)?;
    }
    // After the store: two modules that want one state are told so before anything is made in it.
    Ok(module.net(net_options(options)?))
}
