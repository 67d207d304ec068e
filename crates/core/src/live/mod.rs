//! Live events: each process reads the events of an org once for all who watch it, and finds those who want one without
//! a look at the others. Whoever is slower than the events reads on from the database by themselves, so that nobody holds up anybody
//! and nothing is left out.

mod audience;
mod hub;
mod watch;

pub(crate) use hub::Hub;
pub use hub::follow_live;
pub use watch::{Frame, Start, Watch, watch_events};
