//! The command line, as clap reads it.

mod audit;
mod webhooks;

use std::path::PathBuf;

use admin_types::{OrgId, ResourceId};
use clap::{Args, Parser, Subcommand};

pub(crate) use audit::{AUDIT_EXAMPLES, AuditCommand, Verify};
pub(crate) use webhooks::{Replayed, WebhooksCommand};

/// A self-hosted control plane: describe resource types, get a governed API.
#[derive(Parser, Debug)]
#[command(name = "admin", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Settings that win over the environment (ADMIN_*) and the file (admin.toml).
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Settings")]
pub(crate) struct Settings {
    /// The configuration file [default: admin.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The data folder [default: ./admin-data]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data_dir: Option<String>,
    /// sqlite:PATH or postgres://… [default: a SQLite file in the data folder]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// The address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Where clients reach the server, such as https://admin.example.org [default: the address that it listens on]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// pretty or json [default: pretty]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// off, error, warn, info, debug or trace, or such as admin_core=debug,info [default: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Start the server
    Serve {
        /// Print a new one-time sign-in link, not only on the first start
        #[arg(long)]
        sign_in_link: bool,
    },
    /// Bring the database's schema up to date, and stop
    Migrate,
    /// Sign in at a server by a browser; the other commands then act as you
    Login {
        /// Where the server is, such as https://admin.example.org [default: the server that runs on the data folder]
        url: Option<String>,
        #[command(flatten)]
        profiled: Profiled,
    },
    /// Say as whom you are signed in, in which org, and where
    Whoami {
        #[command(flatten)]
        profiled: Profiled,
    },
    /// Sign out, here and at the server
    Logout {
        #[command(flatten)]
        profiled: Profiled,
    },
    /// The orgs that you are in; `switch` makes another one the one in which you act
    Orgs {
        #[command(subcommand)]
        command: Option<OrgsCommand>,
        #[command(flatten)]
        profiled: Profiled,
    },
    /// Print a one-time sign-in link for the owner
    SignIn {
        /// The org [default: the first]
        #[arg(long, value_name = "ID", value_parser = parse_org)]
        org: Option<OrgId>,
    },
    /// Orgs
    #[command(subcommand)]
    Org(OrgCommand),
    /// People
    #[command(subcommand)]
    User(UserCommand),
    /// Bearer tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Who may do what, and why: asked of a running server
    #[command(subcommand, after_help = ACCESS_EXAMPLES)]
    Access(AccessCommand),
    /// The keys that sign tokens
    #[command(subcommand)]
    Keys(KeysCommand),
    /// API keys, by which programs show who they are
    #[command(subcommand, after_help = API_KEY_EXAMPLES)]
    ApiKey(ApiKeyCommand),
    /// The audit log, which proves itself
    #[command(subcommand, after_help = AUDIT_EXAMPLES)]
    Audit(AuditCommand),
    /// Verify a receipt of the audit log, without a server
    Verify(Verify),
    /// The configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Load resources from NDJSON files into a running server
    Import {
        /// NDJSON files, one resource a line; `-` is standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Try every line, and do nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        server: Server,
    },
    /// What happens in a running server
    #[command(subcommand)]
    Events(EventsCommand),
    /// What webhooks sent, and sending it once more
    #[command(subcommand, after_help = webhooks::EXAMPLES)]
    Webhooks(WebhooksCommand),
    /// Send events to a program on this machine, as a webhook would
    Listen {
        /// Where to, such as http://localhost:3000/hook
        #[arg(long, value_name = "URL")]
        forward_to: String,
        /// What messages are signed with, whsec_… [default: a new one, which is printed]
        #[arg(long, value_name = "SECRET")]
        secret: Option<String>,
        #[command(flatten)]
        wanted: Wanted,
        #[command(flatten)]
        server: Server,
    },
    /// Have a webhook send the newest event of a kind, and print what came back
    Trigger {
        /// Such as workspace.created; webhook.test is a message about nothing
        kind: String,
        /// The webhook's id
        #[arg(long, value_name = "ID", value_parser = webhooks::parse_webhook)]
        webhook: ResourceId,
        #[command(flatten)]
        server: Server,
    },
    /// Write resources of a running server as NDJSON
    Export {
        /// Types, separated by commas [default: all of the org's own]
        #[arg(long = "type", value_name = "TYPES")]
        types: Option<String>,
        /// Only what meets this filter
        #[arg(long)]
        filter: Option<String>,
        /// Where to write [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        server: Server,
    },
}

/// Which events.
#[derive(Args, Debug)]
pub(crate) struct Wanted {
    /// Kinds, separated by commas, such as workspace.created or workspace.* [default: all]
    #[arg(long = "type", value_name = "KINDS")]
    pub(crate) types: Option<String>,
    /// Only events whose resource meets this filter
    #[arg(long)]
    pub(crate) filter: Option<String>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum EventsCommand {
    /// Show events as they happen
    Tail {
        #[command(flatten)]
        wanted: Wanted,
        /// Print each event as JSON, a line each
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Show how far the readers of events are, and what they left behind
    Lag {
        #[command(flatten)]
        answer: Answer,
    },
    /// Have a reader handle the events once more that it left behind
    Retry {
        /// The reader, as `admin events lag` names it
        reader: String,
        #[command(flatten)]
        answer: Answer,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum OrgsCommand {
    /// Act in another org
    Switch {
        /// Its name or id
        org: String,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum TokenCommand {
    /// Print a bearer token
    Create {
        #[command(flatten)]
        speaker: Speaker,
        /// The org [default: the first]
        #[arg(long, value_name = "ID", value_parser = parse_org)]
        org: Option<OrgId>,
        /// How long it is good for, in seconds
        #[arg(long, value_name = "SECONDS", default_value_t = admin_identity::TOKEN_SECONDS, value_parser = clap::value_parser!(i64).range(1..=31_536_000))]
        ttl: i64,
    },
}

/// Whom a token speaks for.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Speaker {
    /// The first owner, acting with this role alone: owner, admin, editor, viewer, auditor, or one of the org's own
    #[arg(long)]
    pub(crate) role: Option<String>,
    /// A user, with the roles that it has
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    pub(crate) user: Option<ResourceId>,
    /// A client, with the roles that it has
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    pub(crate) client: Option<ResourceId>,
}

fn parse_id(text: &str) -> Result<ResourceId, String> {
    ResourceId::parse(text).ok_or_else(|| "not an id, such as usr_01jh8x5n9bfqv8xk3c6m7t2d4e".to_owned())
}

fn parse_org(text: &str) -> Result<OrgId, String> {
    OrgId::parse(text).ok_or_else(|| "not an id, such as org_01jh8x5n9bfqv8xk3c6m7t2d4e".to_owned())
}

#[derive(Subcommand, Debug)]
pub(crate) enum OrgCommand {
    /// Make an org, and print a one-time link by which its owner sets up an account
    Create {
        /// Its name, for people
        name: String,
    },
    /// Print all orgs: id, when they were made, name
    List,
}

#[derive(Subcommand, Debug)]
pub(crate) enum UserCommand {
    /// Print a link, good for 30 minutes and once, by which a person sets a new password
    ResetLink {
        /// The address of their account, or the id of a user that it acts as
        person: String,
    },
    /// Remove the passkeys, the authenticator app and the recovery codes of a person who has lost them; the password stays
    ResetFactors {
        /// The address of their account, or the id of a user that it acts as
        person: String,
    },
}

const ACCESS_EXAMPLES: &str = "\
Examples:
  admin access explain --principal usr_01jh8x5n9bfqv8xk3c6m7t2d4e update res_01jh8x5n9bfqv8xk3c6m7t2d4f
  admin access simulate policies/*.cedar
  admin access matrix
  admin access decisions --limit 20 --json";

#[derive(Subcommand, Debug)]
pub(crate) enum AccessCommand {
    /// Say whether a principal may do something to a resource, what decided, and the nearest change that would turn it
    Explain {
        /// `TYPE.VERB`, such as workspace.update, or the verb alone
        action: String,
        /// The resource's id
        #[arg(value_parser = parse_id)]
        resource: ResourceId,
        /// A user or client [default: whom the token speaks for]
        #[arg(long, value_name = "ID", value_parser = parse_id)]
        principal: Option<ResourceId>,
        #[command(flatten)]
        answer: Answer,
    },
    /// Show what each role may do by itself: all, some, or none (-) of each type's resources
    Matrix {
        #[command(flatten)]
        answer: Answer,
    },
    /// Try policies without writing anything: who would gain, who would lose
    Simulate {
        /// Policies in Cedar, each named by its file without the ending; one takes the place of the policy of its name
        #[arg(required_unless_present = "without", value_name = "FILE.cedar")]
        files: Vec<PathBuf>,
        /// A policy to try without; may be given several times
        #[arg(long, value_name = "ID", value_parser = parse_id)]
        without: Vec<ResourceId>,
        /// Try them on the last N recorded decisions, instead of on all resources
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        recorded: Option<u32>,
        #[command(flatten)]
        answer: Answer,
    },
    /// Show recorded decisions, the newest first: refusals, and reads as far as they are recorded
    Decisions {
        /// How many, at most 200
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        #[command(flatten)]
        answer: Answer,
    },
}

/// Who answers, and how it is shown.
#[derive(Args, Debug)]
pub(crate) struct Answer {
    /// Print the answer as JSON, as the API gives it
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: Server,
}

#[derive(Subcommand, Debug)]
pub(crate) enum KeysCommand {
    /// Make the next key of each algorithm; tokens that are out stay good
    Rotate {
        /// Use them in three seconds, not after others had ten minutes to read them: when a key may be known to somebody
        #[arg(long)]
        now: bool,
    },
}

const API_KEY_EXAMPLES: &str = "\
Examples:
  admin api-key create nightly --principal cli_01jh8x5n9bfqv8xk3c6m7t2d4e --action workspace.read --days 30
  admin api-key list
  admin api-key rotate key_01jh8x5n9bfqv8xk3c6m7t2d4e --overlap 3600";

#[derive(Subcommand, Debug)]
pub(crate) enum ApiKeyCommand {
    /// Make a key, and print it: this once
    Create {
        /// What people call it
        name: String,
        /// An action that it is limited to, such as workspace.read, or resource.read for all types; may be given several times
        #[arg(long = "action", value_name = "ACTION")]
        actions: Vec<String>,
        /// How long it is good for; 0 for no end
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(i64).range(0..=36_500))]
        days: i64,
        #[command(flatten)]
        whose: Whose,
    },
    /// List keys, with their last use
    List {
        #[command(flatten)]
        whose: Whose,
    },
    /// Make the key that takes another's place, and print it
    Rotate {
        /// The key's id
        id: String,
        /// How long the old one stays good, in seconds
        #[arg(long, value_name = "SECONDS", default_value_t = admin_identity::OVERLAP_SECONDS, value_parser = clap::value_parser!(i64).range(0..=2_592_000))]
        overlap: i64,
        #[command(flatten)]
        whose: Whose,
    },
    /// Take a key out of force
    Delete {
        /// The key's id
        id: String,
        #[command(flatten)]
        whose: Whose,
    },
}

/// Whose keys.
#[derive(Args, Debug)]
pub(crate) struct Whose {
    /// A user or client [default: whom the token speaks for]
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    pub(crate) principal: Option<ResourceId>,
    #[command(flatten)]
    pub(crate) server: Server,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Check every value, and that the database answers
    Check,
    /// Print what differs from the defaults, and where it comes from
    Show,
}

/// Who is meant, of those who are signed in.
#[derive(Args, Debug)]
pub(crate) struct Profiled {
    /// The profile's name [default: default]
    #[arg(long, env = "ADMIN_PROFILE", value_name = "NAME", value_parser = parse_profile, global = true)]
    pub(crate) profile: Option<String>,
}

fn parse_profile(text: &str) -> Result<String, String> {
    let sane = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match (1..=64).contains(&text.len()) && text.chars().all(sane) {
        true => Ok(text.to_owned()),
        false => Err("a name is 1 to 64 letters, digits, `-`, `_` and `.`".to_owned()),
    }
}

/// Which server to speak to, and as whom.
#[derive(Args, Debug)]
pub(crate) struct Server {
    /// A profile that `admin login` made [default: `default`, unless a server runs on the data folder]
    #[arg(long, env = "ADMIN_PROFILE", value_name = "NAME", value_parser = parse_profile, conflicts_with_all = ["url", "token"])]
    pub(crate) profile: Option<String>,
    /// Its address [default: the server that runs on the data folder]
    #[arg(long, env = "ADMIN_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// A bearer token [default: an owner's, made with the keys of the data folder]
    #[arg(long, env = "ADMIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
}
