//! Webhooks: events are sent to other programs, signed as [Standard Webhooks](https://www.standardwebhooks.com) says, and sent
//! again until they have arrived. A webhook is a resource; what it is to be sent is a row for each event, so that nothing is
//! lost however the process ends.

mod attempt;
mod circuit;
mod dispatch;
mod lane;
mod matching;
mod message;
mod record;
mod schedule;

use std::sync::Arc;

use admin_backends::outbound::Outbound;
use admin_core::Core;

pub use dispatch::deliver;
pub use matching::{Matching, READER};
pub use message::signed;
pub use schedule::Schedule;

/// What all of it needs.
#[derive(Clone)]
pub struct Webhooks {
    inner: Arc<Inner>,
}

/// The parts of [`Webhooks`].
pub struct Inner {
    pub(crate) core: Core,
    pub(crate) outbound: Outbound,
    pub(crate) schedule: Schedule,
    pub(crate) base: String,
}

impl std::ops::Deref for Webhooks {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl Webhooks {
    /// `base`: where this Admin is reached, which messages name as their source.
    #[must_use]
    pub fn new(core: &Core, outbound: Outbound, schedule: Schedule, base: &str) -> Webhooks {
        let (core, base) = (core.clone(), base.to_owned());
        Webhooks { inner: Arc::new(Inner { core, outbound, schedule, base }) }
    }
}
