//! The setting `trusted_proxies`: through whom requests come, and where they come from before that. What a client is counted,
//! limited and recorded by is its address, so a header that names one is believed of those proxies alone, from right to left.

use std::net::{IpAddr, SocketAddr};

use admin_backends::outbound::Network;
use http::{HeaderMap, HeaderValue, header};

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// Proxies whose word about addresses is taken.
#[derive(Clone, Default, Debug)]
pub(crate) struct Proxies(Vec<Network>);

impl Proxies {
    /// Reads addresses and networks with commas between; says what cannot be read.
    pub(crate) fn read(text: &str) -> Result<Proxies, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let networks = entries.map(|entry| entry.parse().map_err(|why| format!("`{entry}`: {why}")));
        networks.collect::<Result<_, _>>().map(Proxies)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.has(address))
    }

    /// Where a request comes from that `peer` has sent: the right-most address that is no proxy of ours. A proxy sets one of
    /// the two headers and may let the other one pass as the client wrote it: if both are there and differ, neither counts.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let plain = self.first_untrusted(peer, headers, X_FORWARDED_FOR, address);
        let standard = self.first_untrusted(peer, headers, header::FORWARDED.as_str(), forwarded_for);
        match (plain, standard) {
            (Some(client), None) | (None, Some(client)) => client,
            (Some(client), Some(same)) if client == same => client,
            _ => peer,
        }
    }

    /// From right to left, as each proxy adds what it has seen at the end. What cannot be read ends the way at the proxy that
    /// wrote it.
    fn first_untrusted(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        name: &str,
        read: impl Fn(&str) -> Option<IpAddr>,
    ) -> Option<IpAddr> {
        let lines: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
        let mut hop = None;
        for line in lines.into_iter().rev() {
            for entry in line.to_str().unwrap_or_default().rsplit(',') {
                let Some(address) = read(entry.trim()) else { return Some(hop.unwrap_or(peer)) };
                if !self.trusts(address) {
                    return Some(address);
                }
                hop = Some(address);
            }
        }
        hop
    }
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

/// The `for` of an element (RFC 7239, section 4). A quoted text with a comma in it is none that an address has.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    address(node.strip_prefix('"').and_then(|node| node.strip_suffix('"')).unwrap_or(node))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let proxies = Proxies::read("10.0.0.0/8, 2001:db8::1").expect("networks");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a value"));
        }
        proxies.client(peer.parse().expect("an address"), &map).to_string()
    }

    #[test]
    fn the_right_most_address_that_is_no_proxy_counts() {
        let plain = |peer, value| client(peer, &[(X_FORWARDED_FOR, value)]);
        assert_eq!(plain("192.0.2.9", "198.51.100.1"), "192.0.2.9", "nobody but a proxy is believed");
        assert_eq!(plain("10.0.0.1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(plain("::ffff:10.0.0.1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(
            plain("10.0.0.1", "203.0.113.5, 198.51.100.1, 10.0.0.2"),
            "198.51.100.1",
            "the client wrote the first"
        );
        assert_eq!(plain("10.0.0.1", "10.0.0.3, 10.0.0.2"), "10.0.0.3", "a client among the proxies");
        assert_eq!(plain("10.0.0.1", "203.0.113.5, unknown, 10.0.0.2"), "10.0.0.2");
        assert_eq!(plain("10.0.0.1", ""), "10.0.0.1");
        assert_eq!(plain("2001:db8::1", "[2001:db8::7]:443"), "2001:db8::7");
        assert_eq!(plain("10.0.0.1", "198.51.100.1:4711"), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        let lines = [(X_FORWARDED_FOR, "203.0.113.5"), (X_FORWARDED_FOR, "198.51.100.1")];
        assert_eq!(client("10.0.0.1", &lines), "198.51.100.1", "lines of the header count in their order");
    }

    #[test]
    fn the_header_of_rfc_7239_is_read_too_and_must_not_contradict() {
        let standard = |value| client("10.0.0.1", &[("forwarded", value)]);
        assert_eq!(standard("for=203.0.113.5, For=\"[2001:db8::7]:80\";proto=https, for=10.0.0.2"), "2001:db8::7");
        assert_eq!(standard("proto=https"), "10.0.0.1");
        assert_eq!(standard("for=_hidden"), "10.0.0.1");
        let both = |other| client("10.0.0.1", &[("forwarded", "for=198.51.100.1"), (X_FORWARDED_FOR, other)]);
        assert_eq!(both("203.0.113.5, 198.51.100.1"), "198.51.100.1");
        assert_eq!(both("203.0.113.5"), "10.0.0.1", "one of them is the client's own");
    }

    #[test]
    fn what_is_no_network_is_named() {
        for wrong in ["proxy", "10.0.0.0/33", "10.0.0.1:80"] {
            assert!(Proxies::read(wrong).expect_err(wrong).starts_with(&format!("`{wrong}`: ")));
        }
    }
}
