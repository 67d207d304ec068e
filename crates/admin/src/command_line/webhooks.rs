//! `admin webhooks`, as clap reads it.

use admin_types::{EventId, ResourceId};
use clap::{Args, Subcommand};

use super::Answer;

pub(crate) const EXAMPLES: &str = "\
Examples:
  admin webhooks deliveries whk_01jh8x5n9bfqv8xk3c6m7t2d4e --state failed
  admin webhooks deliveries whk_01jh8x5n9bfqv8xk3c6m7t2d4e evt_01jh8x5n9bfqv8xk3c0000001a
  admin webhooks replay whk_01jh8x5n9bfqv8xk3c6m7t2d4e --failed --dry-run
  admin webhooks replay whk_01jh8x5n9bfqv8xk3c6m7t2d4e --since 2026-11-23T00:00:00Z";

#[derive(Subcommand, Debug)]
pub(crate) enum WebhooksCommand {
    /// Show what was sent and how that went, the newest first; of one event, each try
    Deliveries {
        /// The webhook's id
        #[arg(value_parser = parse_webhook)]
        webhook: ResourceId,
        /// An event's id
        #[arg(value_parser = parse_event, conflicts_with_all = ["state", "limit"])]
        event: Option<EventId>,
        /// Only these
        #[arg(long, value_name = "STATE", value_parser = ["waiting", "delivered", "failed", "skipped"])]
        state: Option<String>,
        /// How many, at most 200
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        #[command(flatten)]
        answer: Answer,
    },
    /// Send events once more
    Replay {
        /// The webhook's id
        #[arg(value_parser = parse_webhook)]
        webhook: ResourceId,
        #[command(flatten)]
        what: Replayed,
        /// Count them, and send nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        answer: Answer,
    },
}

/// What is sent once more.
#[derive(Args, Debug)]
pub(crate) struct Replayed {
    /// Ids of events, at most 500
    #[arg(value_parser = parse_event, conflicts_with_all = ["failed", "since"])]
    pub(crate) events: Vec<EventId>,
    /// All that failed for good
    #[arg(long, conflicts_with = "since")]
    pub(crate) failed: bool,
    /// What happened from this time on, such as 2030-01-01T00:00:00Z, whether it was sent before or not
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// And before this time
    #[arg(long, value_name = "TIME", requires = "since")]
    pub(crate) until: Option<String>,
}

/// Reads the id of a webhook.
pub(super) fn parse_webhook(text: &str) -> Result<ResourceId, String> {
    let id = ResourceId::parse(text).filter(|_| text.starts_with("whk_"));
    id.ok_or_else(|| "not a webhook's id, such as whk_01jh8x5n9bfqv8xk3c6m7t2d4e".to_owned())
}

fn parse_event(text: &str) -> Result<EventId, String> {
    EventId::parse(text).ok_or_else(|| "not an event's id, such as evt_01jh8x5n9bfqv8xk3c0000001a".to_owned())
}
