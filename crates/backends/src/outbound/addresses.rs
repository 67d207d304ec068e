//! Which addresses belong to hosts on the internet, and which do not: those of this machine, of a network of one's own, of a
//! cloud's metadata, or of no host at all. From IANA's registries of special-purpose addresses (RFC 6890 and its updates).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses that look like those of hosts on the internet, but lead to a cloud's metadata.
const METADATA: &[Ipv4Addr] = &[Ipv4Addr::new(168, 63, 129, 16)];

/// Whether an address is of no host on the internet.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let benchmarks = a == 198 && (18..20).contains(&b);
    // For protocols (RFC 6890), and the relays of 6to4, which are no more (RFC 7526).
    let protocols = (a, b, c) == (192, 0, 0) || (a, b, c) == (192, 88, 99);
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || shared
        || benchmarks
        || protocols
        || a == 0
        // Multicast, reserved, broadcast.
        || a >= 224
        || METADATA.contains(&address)
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| is_private_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match segments {
        // Addresses of version 4 in those of version 6: mapped, translated (RFC 6052), 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            embedded(high, low)
        }
        // For protocols, Teredo among them (RFC 4380), which carries an address of version 4 that a relay would call.
        [0x2001, second, ..] if second < 0x200 => true,
        // For documentation (RFC 3849, RFC 9637).
        [0x2001, 0xdb8, ..] => true,
        [0x3fff, second, ..] if second < 0x1000 => true,
        // Of the rest, the one block that is given to hosts on the internet; in it, those that ISATAP (RFC 5214) would carry
        // to an address of version 4 are as that address.
        [first, .., marker, 0x5efe, high, low] if first & 0xe000 == 0x2000 && marker & 0xfdff == 0 => {
            embedded(high, low)
        }
        [first, ..] => first & 0xe000 != 0x2000,
    }
}
