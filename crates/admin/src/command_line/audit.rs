//! `admin audit` and `admin verify`, as clap reads them.

use std::path::PathBuf;

use admin_backends::blob::Address;
use admin_types::{EventId, OrgId};
use clap::{Args, Subcommand};

use super::{Server, parse_org};

pub(crate) const AUDIT_EXAMPLES: &str = "\
Examples:
  admin audit key > log.key                     keep this where whoever runs Admin cannot change it
  admin audit receipt evt_01jh8x… -o one.receipt
  admin verify one.receipt --key log.key        on any machine, without a server
  admin audit verify                            on the server: the database and the log against each other
  admin audit verify --from s3://mirror/admin --kept one.receipt
  admin audit witness --log log.key --data ./witness        on a machine of somebody else";

/// Verify a receipt.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The receipt
    #[arg(value_name = "FILE")]
    pub(crate) receipt: PathBuf,
    /// The event that it is for, as JSON [default: the one in the receipt]
    #[arg(long, value_name = "FILE")]
    pub(crate) event: Option<PathBuf>,
    /// A key of the log, or a file that has one a line; may be given several times
    #[arg(long, value_name = "KEY", required = true)]
    pub(crate) key: Vec<String>,
    /// A key of a witness that must have cosigned, or a file that has one a line; may be given several times
    #[arg(long, value_name = "KEY")]
    pub(crate) witness: Vec<String>,
    /// How many of the witnesses must have cosigned [default: all]
    #[arg(long, value_name = "COUNT", requires = "witness")]
    pub(crate) witnesses: Option<usize>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum AuditCommand {
    /// Print the key that verifies the log of the org
    Key {
        #[command(flatten)]
        server: Server,
    },
    /// Print the receipt of an event, with the event in it
    Receipt {
        /// The event's id
        #[arg(value_parser = parse_event)]
        event: EventId,
        /// Where to write [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        server: Server,
    },
    /// Derive everything anew, from the database and from the store of blobs, and say what was altered, deleted, inserted, reordered or
    /// rolled back
    Verify {
        /// The org [default: all]
        #[arg(long, value_name = "ID", value_parser = parse_org)]
        org: Option<OrgId>,
        /// Another store that holds the log, such as a mirror: folder:DIR or s3://BUCKET/PREFIX [default: the setting `blob`]
        #[arg(long, value_name = "ADDRESS")]
        from: Option<Address>,
        /// A receipt or checkpoint that was kept elsewhere, which the log must still agree with; may be given several times
        #[arg(long, value_name = "FILE")]
        kept: Vec<PathBuf>,
        /// Print what is found as JSON, a line for each log
        #[arg(long)]
        json: bool,
    },
    /// Cosign the checkpoints of another's logs, each only if it follows from the one before: an HTTP server
    /// (c2sp.org/tlog-witness). Prints its key first. Without --listen it listens on 127.0.0.1:7070
    Witness {
        /// The key of a log, as `admin audit key` prints it, or a file that has one a line; may be given several times
        #[arg(long, value_name = "KEY", required = true)]
        log: Vec<String>,
        /// The folder in which it remembers what it cosigned; its key is made there at the first start
        #[arg(long, value_name = "FOLDER")]
        data: PathBuf,
        /// The name of its key, such as witness.example.org, at the first start [default: witness/ and 8 random digits]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
}

fn parse_event(text: &str) -> Result<EventId, String> {
    EventId::parse(text).ok_or_else(|| "not the id of an event, such as evt_01jh8x5n9bfqv8xk3c6m7t2d4e".to_owned())
}
