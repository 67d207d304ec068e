//! The audit log grows: a reader of events that seals each as a leaf of its org's transparency log, in the store of blobs.
//! Whatever is read of the log by people is in `core::audit`.

mod compare;
mod cosign;
mod growing;
mod mirror;
mod prune;
mod rebuild;
mod rounds;
mod sealer;
mod verify;
mod witness;

pub use cosign::{Cosigning, WitnessAddress};
pub use mirror::Mirror;
pub use prune::{keep, prune};
pub use rounds::Turn;
pub use sealer::{READER, Sealer, settings};
pub use verify::{Finding, Report, Verification, kept_checkpoint, verify};
pub use witness::{MAX_REQUEST, Refused, Witness};
