//! Which addresses may be called: those of the public internet, and nothing of ours.
//!
//! A name is no guard (it can resolve to anything) and a resolver is none either (a literal address never asks it), so
//! both are checked here: [`check_literal`] before every hop, [`GuardedResolver`] whenever a connection is opened.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// IPv4 ranges that are not the public internet (the IANA special-purpose registry, RFC 6890, and multicast).
const CLOSED_V4: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),        // "this network", reaches loopback on some systems
    (Ipv4Addr::new(10, 0, 0, 0), 8),       // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),    // carrier-grade NAT; some clouds' metadata
    (Ipv4Addr::new(127, 0, 0, 0), 8),      // loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32), // a cloud's host agent, though the address looks public
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local; most clouds' metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),     // IETF protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),   // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),   // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarking
    (Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 3),      // multicast, class E, broadcast
];

/// The only IPv6 range that is ever public. Loopback, link-local, unique local, multicast, IPv4-mapped (`::ffff:0:0/96`)
/// and NAT64 (`64:ff9b::/96`) all lie outside it.
const OPEN_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// IPv6 ranges inside [`OPEN_V6`] that are not the public internet.
const CLOSED_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments: Teredo, ORCHID, benchmarking
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4: holds an IPv4 address
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Whether `address` belongs to the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => !CLOSED_V4.iter().any(|(range, bits)| in_v4(it, *range, *bits)),
        IpAddr::V6(it) => {
            in_v6(it, OPEN_V6.0, OPEN_V6.1) && !CLOSED_V6.iter().any(|(range, bits)| in_v6(it, *range, *bits))
        }
    }
}

fn in_v4(address: Ipv4Addr, range: Ipv4Addr, bits: u8) -> bool {
    (address.to_bits() ^ range.to_bits()) >> (32 - bits) == 0
}

fn in_v6(address: Ipv6Addr, range: Ipv6Addr, bits: u8) -> bool {
    (address.to_bits() ^ range.to_bits()) >> (128 - bits) == 0
}

/// Refuses a URL whose host is an address that may not be called. Names pass: they are checked once resolved.
///
/// `Url` has normalised the odd spellings by then: `127.1`, `0x7f.1`, `2130706433` and `127.0.0.1.` are all `127.0.0.1`.
pub fn check_literal(url: &Url) -> Result<(), Blocked> {
    let address = match url.host() {
        Some(Host::Ipv4(it)) => IpAddr::V4(it),
        Some(Host::Ipv6(it)) => IpAddr::V6(it),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    if is_public(address) { Ok(()) } else { Err(Blocked) }
}

/// An address that is never called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its address is not on the public internet")]
pub struct Blocked;

/// The system's resolver without the addresses that may not be called; a name with no other is refused.
#[derive(Debug, Default)]
pub(crate) struct GuardedResolver {
    /// The outgoing proxy: ops chose it, and it is usually inside.
    pub(crate) proxy: Option<String>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let trusted = self.proxy.as_deref() == Some(name.as_str());
        Box::pin(async move {
            // The connector puts the URL's port in place of 0.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if trusted {
                return Ok(Box::new(found.into_iter()) as Addrs);
            }
            Ok(Box::new(keep_public(found)?.into_iter()) as Addrs)
        })
    }
}

/// Drops what may not be called; an error if that leaves nothing of something.
fn keep_public(mut addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
    }
    addresses.retain(|it| is_public(it.ip()));
    if addresses.is_empty() { Err(Blocked.into()) } else { Ok(addresses) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        #[rustfmt::skip]
        let closed = [
            "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255",
            "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1",
            "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255",
            "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
            "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1", "100::1", "2001::1", "2001:2::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::",
            "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
        ];
        #[rustfmt::skip]
        let open = [
            "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
            "128.0.0.1", "168.63.129.17", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.1", "192.167.255.255",
            "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
            "2001:200::1", "2001:4860:4860::8888", "2003::1", "2606:4700:4700::1111", "2a00:1450:4009::200e",
        ];
        for (list, expected) in [(&closed[..], false), (&open[..], true)] {
            for text in list {
                assert_eq!(is_public(text.parse().unwrap()), expected, "{text}");
            }
        }
    }

    #[test]
    fn every_spelling_of_a_closed_address_is_refused() {
        #[rustfmt::skip]
        let spellings = [
            "127.0.0.1", "127.1", "127.0.1", "0x7f.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1",
            "127.0.0.1.", "127.1.", "%31%32%37.0.0.1", "１２７.0.0.1", "127。0。0。1", "0", "0.", "[::1]", "[::]",
            "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]",
            "169.254.169.254", "0xa9fea9fe", "2852039166", "[fd00:ec2::254]", "[fe80::1]", "10.0.0.1:8443", "user:pw@10.0.0.1",
        ];
        for host in spellings {
            let url = Url::parse(&format!("https://{host}/")).unwrap();
            assert_eq!(check_literal(&url), Err(Blocked), "{host} became {:?}", url.host());
        }
    }

    #[test]
    fn public_addresses_and_names_pass_as_literals() {
        for host in ["8.8.8.8", "[2606:4700:4700::1111]", "api.example.com", "localhost"] {
            assert_eq!(check_literal(&Url::parse(&format!("https://{host}/")).unwrap()), Ok(()), "{host}");
        }
    }

    #[test]
    fn resolved_addresses_are_filtered_and_none_left_is_refused() {
        let of = |list: &[&str]| list.iter().map(|it| SocketAddr::new(it.parse().unwrap(), 0)).collect::<Vec<_>>();
        assert_eq!(keep_public(of(&["10.0.0.1", "8.8.8.8", "::1"])).unwrap(), of(&["8.8.8.8"]));
        assert!(keep_public(of(&["10.0.0.1", "fe80::1"])).unwrap_err().is::<Blocked>());
        assert!(!keep_public(vec![]).unwrap_err().is::<Blocked>());
    }

    #[tokio::test]
    async fn a_name_of_ours_does_not_resolve_unless_it_is_the_proxy() {
        let name = || "localhost".parse::<Name>().unwrap();
        let refused = GuardedResolver::default().resolve(name()).await.err().unwrap();
        assert!(refused.is::<Blocked>());
        let proxy = GuardedResolver { proxy: Some("localhost".to_owned()) };
        assert!(proxy.resolve(name()).await.unwrap().all(|it| it.ip().is_loopback()));
    }
}
