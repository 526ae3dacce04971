//! The module's supply: the module, and when it is powered on.

/// When the module powers on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PowerPolicy {
    /// When the first host opens the port; later opens find it running.
    #[default]
    OnOpen,
    /// At every first open after the last close, like a board that its USB adapter resets.
    EachOpen,
    /// At start, like a module on a board.
    Now,
}

/// The module before and after its first power-on. It is made for that instant, so until then it is not touched.
#[derive(Debug)]
pub(crate) struct Supply<E> {
    policy: PowerPolicy,
    engine: E,
    is_powered: bool,
}

impl<E> Supply<E> {
    pub(crate) fn new(policy: PowerPolicy, engine: E) -> Self {
        Self {
            policy,
            engine,
            is_powered: false,
        }
    }

    pub(crate) fn power_on(&mut self) {
        self.is_powered = true;
    }

    pub(crate) fn engine_mut(&mut self) -> Option<&mut E> {
        self.is_powered.then_some(&mut self.engine)
    }

    pub(crate) fn engine(&self) -> Option<&E> {
        self.is_powered.then_some(&self.engine)
    }

    /// The engine for what is no input of it, and so may come before it is powered on.
    pub(crate) fn unpowered_too(&mut self) -> &mut E {
        &mut self.engine
    }

    pub(crate) fn is_powered(&self) -> bool {
        self.is_powered
    }

    pub(crate) fn policy(&self) -> PowerPolicy {
        self.policy
    }
}
