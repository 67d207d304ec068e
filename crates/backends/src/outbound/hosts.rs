//! The hosts that the operator lets requests go to although they are private: the setting `private_hosts`.

use std::net::IpAddr;

use super::Network;

/// Hosts that requests may go to although their addresses are private, and without TLS.
#[derive(Clone, Default, Debug)]
pub struct PrivateHosts(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    what: What,
    /// Every port, if there is none.
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum What {
    Name(String),
    Network(Network),
}

impl PrivateHosts {
    /// Reads names, addresses and networks (`10.1.0.0/16`) with commas between. A name or an address may carry a port
    /// (`hooks.internal:8443`, `[fd00::1]:443`), and then no other is meant.
    ///
    /// # Errors
    /// What cannot be read, with the reason.
    pub fn read(text: &str) -> Result<PrivateHosts, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries
            .map(|entry| Entry::read(entry).map_err(|why| format!("`{entry}`: {why}")))
            .collect::<Result<_, _>>()
            .map(PrivateHosts)
    }

    /// Whether the host was named by the operator as it stands in a URL: by its name, or as an address.
    pub(super) fn names(&self, host: &str, port: u16) -> bool {
        let address = host.parse::<IpAddr>().ok();
        self.0.iter().any(|entry| {
            entry.port.is_none_or(|only| only == port)
                && match (&entry.what, address) {
                    (What::Name(name), _) => name == host,
                    (What::Network(network), Some(address)) => network.has(address),
                    (What::Network(..), None) => false,
                }
        })
    }

    /// Whether there are addresses among them, so that a name of a private network may lead to one of these.
    pub(super) fn has_networks(&self) -> bool {
        self.0.iter().any(|entry| matches!(entry.what, What::Network(..)))
    }

    /// Whether an address may be connected to, whatever name led to it.
    pub(super) fn has(&self, address: IpAddr, port: u16) -> bool {
        self.0.iter().any(|entry| {
            entry.port.is_none_or(|only| only == port)
                && matches!(entry.what, What::Network(network) if network.has(address))
        })
    }
}

impl Entry {
    fn read(entry: &str) -> Result<Entry, String> {
        let bare = |text: &str| {
            let inside = text.strip_prefix('[').map_or(Some(text), |rest| rest.strip_suffix(']'));
            inside.and_then(|address| address.parse::<IpAddr>().ok())
        };
        let whole = |address| What::Network(Network::from(address));
        if entry.contains('/') {
            return Ok(Entry { what: What::Network(entry.parse()?), port: None });
        }
        if let Some(address) = bare(entry) {
            return Ok(Entry { what: whole(address), port: None });
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| "after `:` stands a port".to_owned())?)),
            None => (entry, None),
        };
        if let Some(address) = bare(host) {
            return Ok(Entry { what: whole(address), port });
        }
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        if name.is_empty() || name.contains(|letter: char| !(letter.is_ascii_alphanumeric() || "-._".contains(letter)))
        {
            return Err("neither a name nor an address nor a network".to_owned());
        }
        Ok(Entry { what: What::Name(name), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_addresses_networks_and_ports_are_read() {
        let hosts = PrivateHosts::read(
            " App.internal, 127.0.0.1, 10.1.0.0/16, fd00::/8, [fd12::1]:443, hooks.lan:8443, 192.168.0.9:80,",
        )
        .unwrap();
        for (host, port) in [
            ("app.internal", 1),
            ("127.0.0.1", 80),
            ("10.1.255.255", 80),
            ("fd77::1", 9),
            ("hooks.lan", 8443),
            ("::ffff:10.1.2.3", 7),
            ("192.168.0.9", 80),
        ] {
            assert!(hosts.names(host, port), "{host}:{port}");
        }
        for (host, port) in [
            ("", 80),
            ("internal", 80),
            ("x.app.internal", 80),
            ("127.0.0.2", 80),
            ("10.2.0.0", 80),
            ("hooks.lan", 443),
            ("192.168.0.9", 81),
            ("fe80::1", 1),
        ] {
            assert!(!hosts.names(host, port), "{host}:{port}");
        }
        assert!(hosts.has("10.1.2.3".parse().unwrap(), 80) && !hosts.has("10.2.2.3".parse().unwrap(), 80));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for wrong in [
            "10.0.0.0/33",
            "app/8",
            "app.internal:none",
            "https://app.internal",
            "a b",
            ":80",
            "fd00::/129",
            "*.internal",
            "[::1",
            "::1]",
            "[::1:80",
        ] {
            let error = PrivateHosts::read(wrong).unwrap_err();
            assert!(error.starts_with(&format!("`{wrong}`: ")), "{error}");
        }
    }
}
