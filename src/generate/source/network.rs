//! Addresses and networks of a range.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Make;
use super::numbered::{Spell, numbered};
use crate::generate::pg_type::PgType;
use crate::generate::stream::StreamKey;

/// Characters of the longest text: a network of version 6.
const LONGEST: u32 = 43;

#[derive(Debug)]
struct Network {
    first: u128,
    /// Networks of the range, at least 1.
    count: u64,
    six: bool,
    /// Bits of an address that a network is named by.
    prefix: u8,
}

/// Bits of an address.
pub(in crate::generate) const fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The addresses that vary in a network of `prefix`: all bits but those.
fn hosts(address: IpAddr, prefix: u8) -> u128 {
    let width = u32::from(bits(address).saturating_sub(prefix));
    match width {
        128 => u128::MAX,
        width => (1 << width) - 1,
    }
}

/// The first and the last address of `10.0.0.0/8`, and its bits; `None` when it is no network, or bits
/// behind its prefix are set.
pub(in crate::generate) fn block(text: &str) -> Option<(IpAddr, IpAddr, u8)> {
    let (address, prefix) = text.trim().split_once('/')?;
    let (first, prefix): (IpAddr, u8) = (address.parse().ok()?, prefix.parse().ok()?);
    if prefix > bits(first) || number(first) & hosts(first, prefix) != 0 {
        return None;
    }
    let last = number(first) | hosts(first, prefix);
    let last = match first {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(last as u32)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(last)),
    };
    Some((first, last, prefix))
}

/// Networks of `prefix` bits from that of `first` to that of `last`, both included.
pub(super) fn network(
    (first, last): (IpAddr, IpAddr),
    prefix: u8,
    key: StreamKey,
    kind: &PgType,
) -> Option<Box<dyn Make>> {
    let fits = match kind {
        PgType::Inet(_) => true,
        PgType::Text(room) => room.is_none_or(|room| room >= LONGEST),
        _ => false,
    };
    let alike = bits(first) == bits(last) && prefix <= bits(first);
    if !fits || !alike || number(first) > number(last) {
        return None;
    }
    let width = u32::from(bits(first) - prefix);
    let place = |address| number(address).checked_shr(width).unwrap_or_default();
    let more = place(last) - place(first);
    numbered(
        Network {
            first: place(first).checked_shl(width).unwrap_or_default(),
            count: u64::try_from(more).unwrap_or(u64::MAX).saturating_add(1),
            six: first.is_ipv6(),
            prefix,
        },
        key,
    )
}

impl Spell for Network {
    fn size(&self) -> u64 {
        self.count
    }

    fn spell(&self, number: u64, out: &mut String) {
        let all = if self.six { 128 } else { 32 };
        let width = u32::from(all - self.prefix);
        let address = self.first + u128::from(number).checked_shl(width).unwrap_or_default();
        let _ = if self.six {
            write!(out, "{}", Ipv6Addr::from_bits(address))
        } else {
            write!(out, "{}", Ipv4Addr::from_bits(address as u32))
        };
        if self.prefix < all {
            let _ = write!(out, "/{}", self.prefix);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::generate::source::tests_support::Nothing;
    use crate::generate::value::Value;

    fn made(range: &str, prefix: u8) -> Box<dyn Make> {
        let (first, last, _) = block(range).unwrap();
        let key = StreamKey::new(1, "t", "c");
        network((first, last), prefix, key, &PgType::Inet(false)).unwrap()
    }

    fn all(make: &dyn Make) -> BTreeSet<String> {
        let nth = |index| match make.nth(index, &Nothing) {
            Value::Text(text) => text.into_owned(),
            other => panic!("{other:?}"),
        };
        (0..make.size().unwrap()).map(nth).collect()
    }

    #[test]
    fn networks_lie_in_their_range_and_differ() {
        let four = all(&*made("192.0.2.0/29", 32));
        assert_eq!(four.len(), 8);
        assert!(
            four.contains("192.0.2.0") && four.contains("192.0.2.7"),
            "{four:?}"
        );
        let nets = all(&*made("10.4.0.0/14", 16));
        assert_eq!(
            nets.iter().map(String::as_str).collect::<Vec<_>>(),
            ["10.4.0.0/16", "10.5.0.0/16", "10.6.0.0/16", "10.7.0.0/16"]
        );
        let six = all(&*made("2001:db8::/46", 48));
        assert_eq!(
            six.iter().map(String::as_str).collect::<Vec<_>>(),
            [
                "2001:db8:1::/48",
                "2001:db8:2::/48",
                "2001:db8:3::/48",
                "2001:db8::/48"
            ]
        );
        assert_eq!(made("2001:db8::/32", 128).size(), Some(u64::MAX));
        assert_eq!(made("0.0.0.0/0", 0).size(), Some(1));
        assert_eq!(made("::/0", 128).size(), Some(u64::MAX));
    }

    #[test]
    fn what_is_no_network_is_none() {
        for text in [
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0",
            "x/8",
            "2001:db8::1/32",
        ] {
            assert_eq!(block(text), None, "{text}");
        }
    }
}
