//! Networks, as the settings name them.

use std::net::IpAddr;
use std::str::FromStr;

/// The addresses that agree with one in so many leading bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl From<IpAddr> for Network {
    /// The address alone.
    fn from(address: IpAddr) -> Network {
        Network { address, bits: if address.is_ipv4() { 32 } else { 128 } }
    }
}

impl FromStr for Network {
    type Err = String;

    /// Reads an address (`10.1.2.3`), or a network (`10.1.0.0/16`, `fd00::/8`).
    fn from_str(text: &str) -> Result<Network, String> {
        let Some((address, bits)) = text.split_once('/') else {
            let address: IpAddr = text.parse().map_err(|_| "neither an address nor a network".to_owned())?;
            return Ok(Network::from(address));
        };
        let address: IpAddr = address.parse().map_err(|_| "the part before `/` is no address".to_owned())?;
        let most = Network::from(address).bits;
        let bits = bits.parse().ok().filter(|bits| *bits <= most);
        let bits = bits.ok_or_else(|| format!("after `/` stands a number of bits, at most {most}"))?;
        Ok(Network { address, bits })
    }
}

impl Network {
    /// Whether an address is of it. One of version 4 that is written as one of version 6 counts as the former.
    pub fn has(&self, address: IpAddr) -> bool {
        match (address.to_canonical(), self.address.to_canonical()) {
            (IpAddr::V4(address), IpAddr::V4(network)) => {
                let bits = if self.address.is_ipv6() { self.bits.saturating_sub(96) } else { self.bits };
                u32::MAX.checked_shl(32 - bits).unwrap_or(0) & (address.to_bits() ^ network.to_bits()) == 0
            }
            (IpAddr::V6(address), IpAddr::V6(network)) => {
                u128::MAX.checked_shl(128 - self.bits).unwrap_or(0) & (address.to_bits() ^ network.to_bits()) == 0
            }
            _ => false,
        }
    }
}
