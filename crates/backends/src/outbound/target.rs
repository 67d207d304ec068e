//! Where a URL leads, as far as its text alone can say.

use std::net::IpAddr;

use url::{Host, Position, Url};

use super::addresses::is_private;
use super::{Failure, Kind, PrivateHosts};

/// The longest URL, in bytes.
pub const MAX_URL: usize = 2_048;

/// Names that are this machine's or its network's wherever one stands (RFC 6761, RFC 6762, RFC 8375, RFC 9476, ICANN's
/// `internal`). What they resolve to would be refused as well; to say so when somebody saves such an address is kinder.
const PRIVATE_NAMES: &[&str] = &[
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "home.arpa",
    "test",
    "invalid",
    "onion",
];

/// Where a request goes.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) tls: bool,
    /// Without the brackets of IPv6, without a last dot, in small letters, in Punycode.
    pub(super) host: String,
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
    /// The operator allows the host, whatever its addresses are.
    pub(super) trusted: bool,
    /// What `Host` says.
    pub(super) authority: String,
    /// The path with its query.
    pub(super) path: String,
}

fn blocked(detail: impl Into<String>) -> Failure {
    Failure::new(Kind::Blocked, detail)
}

impl Target {
    pub(super) fn read(text: &str, hosts: &PrivateHosts) -> Result<Target, Failure> {
        if text.len() > MAX_URL {
            return Err(blocked(format!("the address has more than {MAX_URL} bytes")));
        }
        if text.contains(|letter: char| letter.is_ascii_control() || letter.is_whitespace() || letter == '\\') {
            return Err(blocked("the address has a space, a control character or a backslash in it"));
        }
        let url = Url::parse(text).map_err(|error| blocked(format!("the address cannot be read: {error}")))?;
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(blocked(format!("only https, not {other}"))),
        };
        let after_scheme = text.split_once("://").map(|(_, rest)| rest).ok_or_else(|| blocked("`://` is missing"))?;
        let written = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
        if written.contains('@') {
            return Err(blocked("no name and password in the address; send a header instead"));
        }
        let port =
            url.port_or_known_default().filter(|port| *port != 0).ok_or_else(|| blocked("the port cannot be 0"))?;
        let (host, address) = host(&url, written)?;
        let trusted = hosts.names(&host, port);
        let target = Target {
            tls,
            address,
            port,
            trusted,
            authority: url[Position::BeforeHost..Position::AfterPort].to_owned(),
            path: url[Position::BeforePath..Position::AfterQuery].to_owned(),
            host,
        };
        target.check(hosts)?;
        Ok(target)
    }

    fn check(&self, hosts: &PrivateHosts) -> Result<(), Failure> {
        if self.trusted {
            return Ok(());
        }
        if !self.tls {
            return Err(blocked("only https, but for `private_hosts`"));
        }
        match self.address {
            Some(address) => self.admits(address, hosts),
            None if is_private_name(&self.host) && !hosts.has_networks() => Err(blocked(format!(
                "{} is a name of a private network; add it to `private_hosts` if that is meant",
                self.host
            ))),
            None => Ok(()),
        }
    }

    /// Whether this address, which the host was found to have, may be connected to.
    pub(super) fn admits(&self, address: IpAddr, hosts: &PrivateHosts) -> Result<(), Failure> {
        if self.trusted || hosts.has(address, self.port) || !is_private(address) {
            Ok(())
        } else {
            Err(private(address))
        }
    }
}

fn private(address: IpAddr) -> Failure {
    blocked(format!("{address} is a private address; add the host to `private_hosts` if that is meant"))
}

/// The host, and the address if it is one. Numbers are taken as addresses only in the one form that everybody reads alike.
fn host(url: &Url, written: &str) -> Result<(String, Option<IpAddr>), Failure> {
    let literal = |address: IpAddr, shown: String| {
        let same = written == shown || written.strip_prefix(&shown).is_some_and(|rest| rest.starts_with(':'));
        if address.is_ipv4() && !same {
            return Err(blocked(format!("the host is an address in disguise: write {address}")));
        }
        Ok((address.to_string(), Some(address)))
    };
    match url.host() {
        Some(Host::Ipv4(address)) => literal(address.into(), address.to_string()),
        Some(Host::Ipv6(address)) => literal(address.into(), format!("[{address}]")),
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            if name.is_empty() || name.len() > 253 || name.split('.').any(|label| label.is_empty() || label.len() > 63)
            {
                return Err(blocked("the host is not a name that can be looked up"));
            }
            if name.contains(|letter: char| !(letter.is_ascii_alphanumeric() || "-._".contains(letter))) {
                return Err(blocked("the host has characters in it that names cannot have"));
            }
            Ok((name.to_owned(), None))
        }
        None => Err(blocked("the address has no host")),
    }
}

/// A name of one word is looked up in the domains of this machine's network.
fn is_private_name(name: &str) -> bool {
    let ends_with =
        |suffix: &&str| name.strip_suffix(*suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !name.contains('.') || PRIVATE_NAMES.iter().any(ends_with)
}
