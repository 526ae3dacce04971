//! The handle to a running module: counters, a look inside, power, stop.

use std::sync::Arc;

use espat_core::fault::{FaultId, FaultPlan, Faulty};
use espat_core::{Input, Instant, PowerEvent};
use tokio::sync::{mpsc, oneshot};

use crate::counters::{Counters, Counts};
use crate::inject::{INJECTED_MAX, Injection, Way};

/// What a handle asks of its driver.
pub(crate) enum Control<E> {
    Power(PowerEvent),
    Inspect(Box<dyn FnOnce(&E) + Send>),
    Change(Change<E>),
    Inject(Injection),
    Stop,
}

/// What changes an engine, at the module's time.
pub(crate) type Change<E> = Box<dyn FnOnce(&mut E, Instant) + Send>;

/// A handle to a running module. Dropping it lets the module run on.
#[derive(Debug)]
pub struct Handle<E = Faulty> {
    control: mpsc::UnboundedSender<Control<E>>,
    counters: Arc<Counters>,
}

impl<E> Clone for Handle<E> {
    fn clone(&self) -> Self {
        Self {
            control: self.control.clone(),
            counters: Arc::clone(&self.counters),
        }
    }
}

/// Why a handle has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandleError {
    /// The driver's task has ended.
    #[error("the module has stopped; start another one")]
    Stopped,
    /// The module waits for its first power-on.
    #[error("the module was never powered on: open its port, or send `PowerEvent::On`")]
    NeverPowered,
    /// Too many bytes wait for the line.
    #[error("{} KiB wait already, or would; send less, or wait until the line has taken them", INJECTED_MAX / 1024)]
    Full,
}

impl Handle<Faulty> {
    /// Starts a fault plan.
    ///
    /// # Errors
    /// [`HandleError::Stopped`] where the driver has ended.
    pub async fn start_fault(&self, plan: FaultPlan) -> Result<FaultId, HandleError> {
        self.change(move |module, now| {
            let id = module.start(plan);
            module.handle_input(now, Input::Tick);
            id
        })
        .await
    }

    /// Stops a fault plan and what it does; false where it does not run.
    ///
    /// # Errors
    /// [`HandleError::Stopped`] where the driver has ended.
    pub async fn stop_fault(&self, id: FaultId) -> Result<bool, HandleError> {
        self.change(move |module, now| {
            let was_running = module.stop(id);
            module.handle_input(now, Input::Tick);
            was_running
        })
        .await
    }
}

impl<E> Handle<E> {
    pub(crate) fn new(control: mpsc::UnboundedSender<Control<E>>, counters: Arc<Counters>) -> Self {
        Self { control, counters }
    }

    /// What the driver has counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counters.snapshot()
    }

    /// Moves the module's supply and pins.
    ///
    /// # Errors
    /// [`HandleError::Stopped`] where the driver has ended.
    pub fn power(&self, event: PowerEvent) -> Result<(), HandleError> {
        self.control
            .send(Control::Power(event))
            .map_err(|_| HandleError::Stopped)
    }

    /// Looks into the module between two inputs.
    ///
    /// # Errors
    /// [`HandleError`] where there is no module to look into.
    pub async fn inspect<R: Send + 'static>(
        &self,
        look: impl FnOnce(&E) -> R + Send + 'static,
    ) -> Result<R, HandleError> {
        let (answer, answered) = oneshot::channel();
        let look = Box::new(move |module: &E| {
            // Nobody waits for the answer any more: nothing to do.
            let _ = answer.send(look(module));
        });
        self.control
            .send(Control::Inspect(look))
            .map_err(|_| HandleError::Stopped)?;
        answered.await.map_err(|_| {
            if self.control.is_closed() {
                HandleError::Stopped
            } else {
                HandleError::NeverPowered
            }
        })
    }

    /// Changes the engine between two inputs, at the module's time that `change` is given; what comes out by it is taken at once. It
    /// works before the first power-on too, where the time is zero.
    ///
    /// # Errors
    /// [`HandleError::Stopped`] where the driver has ended.
    pub async fn change<R: Send + 'static>(
        &self,
        change: impl FnOnce(&mut E, Instant) -> R + Send + 'static,
    ) -> Result<R, HandleError> {
        let (answer, answered) = oneshot::channel();
        let change = Box::new(move |engine: &mut E, now: Instant| {
            // Nobody waits for the answer any more: nothing to do.
            let _ = answer.send(change(engine, now));
        });
        self.control
            .send(Control::Change(change))
            .map_err(|_| HandleError::Stopped)?;
        answered.await.map_err(|_| HandleError::Stopped)
    }

    /// Gives the module bytes as if its host sent them, before what the host sends next. They wait until the module takes them.
    ///
    /// # Errors
    /// [`HandleError`] where the module was never powered on, has stopped, or has not taken what was given before.
    pub async fn send(&self, bytes: Vec<u8>) -> Result<(), HandleError> {
        self.inject(Way::ToModule, bytes).await
    }

    /// Puts bytes on the line to the host, after what the module has sent so far. The module knows nothing of them.
    ///
    /// # Errors
    /// [`HandleError`] where the module was never powered on, has stopped, or its host has not read what was put there before.
    pub async fn emit(&self, bytes: Vec<u8>) -> Result<(), HandleError> {
        self.inject(Way::ToHost, bytes).await
    }

    async fn inject(&self, way: Way, bytes: Vec<u8>) -> Result<(), HandleError> {
        let (answer, answered) = oneshot::channel();
        let injection = Injection { way, bytes, answer };
        self.control
            .send(Control::Inject(injection))
            .map_err(|_| HandleError::Stopped)?;
        answered.await.unwrap_or(Err(HandleError::Stopped))
    }

    /// Ends the module and waits until its port and sockets are closed.
    pub async fn stop(&self) {
        if self.control.send(Control::Stop).is_ok() {
            self.control.closed().await;
        }
    }

    /// Whether the module has ended.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.control.is_closed()
    }

    /// Waits until the module has ended.
    pub async fn stopped(&self) {
        self.control.closed().await;
    }
}
