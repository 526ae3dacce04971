//! Starting a module: in this process, with a serial stream and a handle, or on a port of the machine.

use std::sync::Arc;

use espat_core::fault::{FaultPlan, Faulty};
use espat_core::{ConfigError, Instant, LogPort, ModuleConfig, Timing, UartConfig};
use tokio::sync::mpsc;

use crate::counters::Counters;
use crate::driver::{ChunkState, Driver, HostState, LogSink, PortSide};
use crate::engine::Engine;
use crate::handle::Handle;
use crate::inject::Injected;
use crate::net::{Net, NetOptions, holds_slots};
use crate::port::{DuplexPort, Port, SerialStream, Transmitter};
use crate::power::{PowerPolicy, Supply};
use crate::store::{Keeper, StateError, Store};

/// A module to be started.
///
/// ```
/// use espat_core::{ModuleConfig, Timing};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = ModuleConfig { timing: Timing::Fast, ..ModuleConfig::new() };
/// let (mut serial, handle) = espat_host::Module::spawn(config)?;
/// let mut said = String::new();
/// while !said.contains("ready\r\n") {
///     said.push(serial.read_u8().await?.into());
/// }
/// serial.write_all(b"AT\r\n").await?;
/// while !said.ends_with("OK\r\n") {
///     said.push(serial.read_u8().await?.into());
/// }
/// handle.stop().await;
/// # Ok(())
/// # }
/// ```
pub struct Module {
    config: ModuleConfig,
    net: NetOptions,
    power: PowerPolicy,
    log: Option<LogSink>,
    uart: UartConfig,
    store: Option<Store>,
    faults: Vec<FaultPlan>,
}

impl Module {
    /// A module with the network's defaults: servers on loopback, clients anywhere.
    #[must_use]
    pub fn new(config: ModuleConfig) -> Self {
        Self {
            uart: config.profile.factory.uart,
            config,
            net: NetOptions::default(),
            power: PowerPolicy::default(),
            log: None,
            store: None,
            faults: Vec::new(),
        }
    }

    /// A fault plan that is played from power-on on. [`Handle::start_fault`] starts one later.
    #[must_use]
    pub fn fault(mut self, plan: FaultPlan) -> Self {
        self.faults.push(plan);
        self
    }

    /// How it meets the network.
    #[must_use]
    pub fn net(mut self, net: NetOptions) -> Self {
        self.net = net;
        self.settle_slots();
        self
    }

    /// The module's configuration, with the settings and certificates that were found.
    #[must_use]
    pub fn config(&self) -> &ModuleConfig {
        &self.config
    }

    /// When it powers on. Ports that do not see hosts open them (`sees_opens`) power on at start whatever is said here.
    #[must_use]
    pub fn power(mut self, power: PowerPolicy) -> Self {
        self.power = power;
        self
    }

    /// Where the log UART's texts go, with [`LogPort::Separate`].
    #[must_use]
    pub fn log(mut self, log: LogSink) -> Self {
        self.log = Some(log);
        self
    }

    /// Where it keeps its settings: it starts with those that are there, and a setting is valid when it is durable.
    ///
    /// # Errors
    /// [`StateError`] where a module cannot have the settings that are there.
    pub fn store(mut self, store: Store) -> Result<Self, StateError> {
        self.config = store.configure(self.config)?;
        self.store = Some(store);
        self.settle_slots();
        Ok(self)
    }

    /// Partitions that were kept win over files, for this module.
    fn settle_slots(&mut self) {
        let certificates = self.net.certificates.for_one_module();
        for (name, bytes) in &self.config.partitions {
            if holds_slots(name) {
                certificates.set_partition(name, bytes.clone());
            }
        }
        self.config.slots = certificates.slots();
        self.net.certificates = certificates;
    }

    /// Starts a module inside this process, powered on, in a task of its own on the current tokio runtime.
    ///
    /// The stream is the host's end of the serial port. The module ends by [`Handle::stop`], or when stream and handle are
    /// both gone.
    ///
    /// # Errors
    /// [`ConfigError`] where the configuration cannot be a module's.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time.
    pub fn spawn(config: ModuleConfig) -> Result<(SerialStream, Handle), ConfigError> {
        Self::new(config).in_process()
    }

    /// [`spawn`](Self::spawn) with the options given.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    ///
    /// # Panics
    /// As [`spawn`](Self::spawn).
    pub fn in_process(self) -> Result<(SerialStream, Handle), ConfigError> {
        self.layered_in_process(|module| module)
    }

    /// [`in_process`](Self::in_process) with a layer around the module.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    ///
    /// # Panics
    /// As [`spawn`](Self::spawn).
    pub fn layered_in_process<E: Engine>(
        self,
        layer: impl FnOnce(Faulty) -> E,
    ) -> Result<(SerialStream, Handle<E>), ConfigError> {
        let module = self.power_on()?;
        Ok(self.at_rate_of(&module).drive_in_process(layer(module)))
    }

    /// [`in_process`](Self::in_process) with another engine, as in [`drive`](Self::drive).
    ///
    /// # Panics
    /// As [`spawn`](Self::spawn).
    pub fn drive_in_process<E: Engine>(self, engine: E) -> (SerialStream, Handle<E>) {
        let (stream, port) = DuplexPort::pair();
        let (driver, handle) = self.drive(port, engine);
        tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::error!("{error}");
            }
        });
        (stream, handle)
    }

    /// Puts the module on a port. The driver does nothing until it is polled.
    ///
    /// # Errors
    /// [`ConfigError`] where the configuration cannot be a module's.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time.
    pub fn on(self, port: impl Port) -> Result<(Driver, Handle), ConfigError> {
        self.layered(port, |module| module)
    }

    /// [`on`](Self::on) with a layer around the module.
    ///
    /// # Errors
    /// As [`on`](Self::on).
    ///
    /// # Panics
    /// As [`on`](Self::on).
    pub fn layered<E: Engine>(
        self,
        port: impl Port,
        layer: impl FnOnce(Faulty) -> E,
    ) -> Result<(Driver<E>, Handle<E>), ConfigError> {
        // Made here even where power comes later: a mistake is to show at start, not when a host opens the port.
        let module = self.power_on()?;
        Ok(self.at_rate_of(&module).drive(port, layer(module)))
    }

    fn power_on(&self) -> Result<Faulty, ConfigError> {
        let mut module = Faulty::power_on(self.config.clone(), Instant::ZERO)?;
        for plan in &self.faults {
            module.start(plan.clone());
        }
        Ok(module)
    }

    /// Kept settings may have the line start at another rate than the factory's.
    fn at_rate_of(mut self, module: &Faulty) -> Self {
        self.uart = module.inspect().uart();
        self
    }

    /// Puts another engine in the module's place on a port: a layer around a [`Faulty`], or a stand-in for it.
    /// It has been made for [`Instant::ZERO`], which is when it is powered on.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time.
    pub fn drive<E: Engine>(self, port: impl Port, engine: E) -> (Driver<E>, Handle<E>) {
        let factory = self.config.profile.factory.uart;
        let mut transmitter = Transmitter::new(factory, self.config.timing == Timing::Realistic);
        if self.uart != factory {
            transmitter.change(self.uart);
        }
        let counters = Arc::new(Counters::default());
        let (control, requests) = mpsc::unbounded_channel();
        let policy = if port.sees_opens() {
            self.power
        } else {
            PowerPolicy::Now
        };
        let port = PortSide {
            port: Box::new(port),
            transmitter,
            log: self.log,
            log_apart: self.config.log_port != LogPort::Shared,
            state: HostState::NeverOpened,
            chunk: ChunkState::Between,
            injected: Injected::default(),
        };
        let mut options = self.net;
        options.certificates = options.certificates.for_one_module();
        // A kernel takes megabytes for a peer that reads nothing, and a send would seem done that on the chip is not.
        let is_realistic = self.config.timing == Timing::Realistic;
        let send_buffer = is_realistic.then_some(self.config.profile.limits.send_buffer);
        let net = Net::new(Arc::new(options), send_buffer, Arc::clone(&counters));
        let driver = Driver::new(
            Supply::new(policy, engine),
            port,
            net,
            Keeper::new(self.store),
            requests,
            Arc::clone(&counters),
        );
        (driver, Handle::new(control, counters))
    }
}
