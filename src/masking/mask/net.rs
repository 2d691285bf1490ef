//! Addresses of networks: IP, MAC, web addresses, user agents.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::permute::InPlace;
use super::person::Token;
use super::site::{Compiled, Distinct, Site};
use super::text::TextMask;
use crate::masking::prf::{Permutation, Prf, Seed};
use crate::masking::{Shape, Unmaskable};

pub(super) fn ip(site: &Site<'_>) -> Compiled {
    if site.facts.shape == Shape::Inet {
        return InPlace::compile(site, mask_inet, "not an IP address");
    }
    site.on_text(IpText { prf: site.prf()? }, Distinct::All)
}

pub(super) fn mac(site: &Site<'_>) -> Compiled {
    if site.facts.shape == Shape::Mac {
        return InPlace::compile(site, mask_mac, BAD_MAC.reason);
    }
    site.on_text(MacText { prf: site.prf()? }, Distinct::All)
}

pub(super) fn user_agent(site: &Site<'_>) -> Compiled {
    site.on_text(UserAgent, Distinct::Few)
}

pub(super) fn url(site: &Site<'_>, host: &str) -> Compiled {
    let longest = "https:///".len() + host.len() + Token::LENGTH;
    if site
        .facts
        .max_length
        .is_some_and(|max| (max as usize) < longest)
    {
        return Err(site.refuse(
            "needs more characters than its column has",
            "redact, partial",
        ));
    }
    let mask = Url {
        prf: site.prf()?,
        host: host.to_owned(),
    };
    site.on_text(mask, Distinct::Bits(Token::BITS))
}

/// Prefix-preserving: two addresses share as many leading bits masked as raw (Xu, Fan, Ammar and
/// Moon, "Prefix-preserving IP address anonymization", 2002), with two blocks of AES a byte in
/// place of one a bit: the bits of all prefixes inside a byte are read from one string of 256.
/// The last bit is always flipped, so that no address stays.
fn mask_prefix(prf: &Prf, bytes: &mut [u8]) {
    let mut raw = [0_u8; 16];
    let count = bytes.len().min(16);
    raw[..count].copy_from_slice(&bytes[..count]);
    for (i, byte) in bytes.iter_mut().enumerate() {
        // 15 bytes of path and the length of the path, which tells IPv4 from IPv6, too.
        let tag = (i as u8) << 2 | if count == 4 { 0 } else { 2 };
        let tree = [prf.node(tag, &raw[..i]), prf.node(tag | 1, &raw[..i])];
        let mut flips = 0_u8;
        for bit in 0..8 {
            // Nodes of a binary tree: 1 is the root, 2n and 2n + 1 are the children of n.
            let node = 1_usize << bit | usize::from(raw[i]) >> (8 - bit);
            let flip = (tree[node >> 7] >> (node & 127)) as u8 & 1;
            flips = flips << 1 | flip;
        }
        if i + 1 == count {
            flips |= 1;
        }
        *byte ^= flips;
    }
}

/// The binary form: family, bits, whether `cidr`, number of bytes, then the address.
fn mask_inet(prf: &Prf, value: &mut [u8]) -> Option<()> {
    let (head, address) = value.split_at_mut_checked(4)?;
    let mut raw = [0_u8; 16];
    match address.len() {
        count @ (4 | 16) => raw[..count].copy_from_slice(address),
        _ => return None,
    }
    mask_prefix(prf, address);
    if head[2] == 1 {
        mask_network(address, usize::from(head[1]), &raw);
    }
    Some(())
}

/// Bits to the right of a `cidr`'s netmask are zero; the last bit of the network flips, so that no
/// network stays.
fn mask_network(bytes: &mut [u8], bits: usize, raw: &[u8]) {
    for (i, byte) in bytes.iter_mut().enumerate() {
        let kept = bits.saturating_sub(i * 8).min(8);
        let mask = (0xFF00_u16 >> kept) as u8;
        *byte &= mask;
        if kept > 0 && bits <= (i + 1) * 8 {
            let last = 1_u8 << (8 - kept);
            *byte = (*byte & !last) | (!raw[i] & last);
        }
    }
}

#[derive(Debug)]
struct IpText {
    prf: Prf,
}

impl TextMask for IpText {
    fn uses_seed(&self) -> bool {
        false
    }

    fn write(&self, input: &str, _: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        const BAD: Unmaskable = Unmaskable {
            reason: "not an IP address",
        };
        let (address, bits) = match input.split_once('/') {
            Some((address, bits)) if bits.parse::<u8>().is_ok() => (address, Some(bits)),
            Some(_) => return Err(BAD),
            None => (input, None),
        };
        let masked: IpAddr = match address.trim().parse().map_err(|_| BAD)? {
            IpAddr::V4(four) => {
                let mut bytes = four.octets();
                mask_prefix(&self.prf, &mut bytes);
                Ipv4Addr::from(bytes).into()
            }
            IpAddr::V6(six) => {
                let mut bytes = six.octets();
                mask_prefix(&self.prf, &mut bytes);
                Ipv6Addr::from(bytes).into()
            }
        };
        use std::io::Write;
        write!(out, "{masked}").map_err(|_| BAD)?;
        if let Some(bits) = bits {
            out.push(b'/');
            out.extend_from_slice(bits.as_bytes());
        }
        Ok(())
    }
}

/// 48 bits: all but the two that say "group" and "locally administered" are permuted; in
/// `macaddr8` the rest is permuted under them.
fn mask_mac(prf: &Prf, bytes: &mut [u8]) -> Option<()> {
    const HALVES: Permutation = Permutation::new(1 << 22, 1 << 24);
    if ![6, 8].contains(&bytes.len()) {
        return None;
    }
    let left = u64::from(bytes[0] >> 2) << 16 | u64::from(bytes[1]) << 8 | u64::from(bytes[2]);
    let n = bytes.len();
    let tail = &bytes[n - 3..];
    let right = u64::from(tail[0]) << 16 | u64::from(tail[1]) << 8 | u64::from(tail[2]);
    let middle = bytes[3..n - 3]
        .iter()
        .fold(1, |sum, byte| sum << 8 | u64::from(*byte));
    let tweak = middle << 2 | u64::from(bytes[0] & 3);
    let (l, r) = HALVES.apply(prf, tweak, (left, right));
    bytes[0] = (l >> 16 << 2) as u8 | (bytes[0] & 3);
    bytes[1] = (l >> 8) as u8;
    bytes[2] = l as u8;
    bytes[n - 3..].copy_from_slice(&r.to_be_bytes()[5..]);
    Some(())
}

const BAD_MAC: Unmaskable = Unmaskable {
    reason: "not a MAC address",
};

#[derive(Debug)]
struct MacText {
    prf: Prf,
}

impl TextMask for MacText {
    fn uses_seed(&self) -> bool {
        false
    }

    fn write(&self, input: &str, _: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let mut bytes = [0_u8; 8];
        let mut digits = 0;
        for character in input.chars() {
            if let Some(digit) = character.to_digit(16) {
                let byte = bytes.get_mut(digits / 2).ok_or(BAD_MAC)?;
                *byte = *byte << 4 | digit as u8;
                digits += 1;
            } else if !":-. ".contains(character) {
                return Err(BAD_MAC);
            }
        }
        if ![12, 16].contains(&digits) {
            return Err(BAD_MAC);
        }
        mask_mac(&self.prf, &mut bytes[..digits / 2]).ok_or(BAD_MAC)?;
        let upper = input.bytes().any(|byte| byte.is_ascii_uppercase());
        let mut at = 0;
        for byte in input.bytes() {
            if byte.is_ascii_hexdigit() {
                let digit = bytes[at / 2] >> (4 * (1 - at % 2)) & 15;
                let shown = b"0123456789abcdef"[usize::from(digit)];
                out.push(if upper {
                    shown.to_ascii_uppercase()
                } else {
                    shown
                });
                at += 1;
            } else {
                out.push(byte);
            }
        }
        Ok(())
    }
}

/// A host that does not exist, and a token for everything else.
#[derive(Debug)]
struct Url {
    prf: Prf,
    host: String,
}

impl TextMask for Url {
    fn uses_seed(&self) -> bool {
        false
    }

    fn write(&self, input: &str, _: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let scheme = if input.starts_with("http://") {
            "http://"
        } else {
            "https://"
        };
        out.extend_from_slice(scheme.as_bytes());
        out.extend_from_slice(self.host.as_bytes());
        out.push(b'/');
        Token::of(self.prf.seed(input.as_bytes())).write(out);
        Ok(())
    }
}

#[derive(Debug)]
struct UserAgent;

/// Versions are drawn, so that the list stays short.
const AGENTS: &[(&str, &str)] = &[
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
        ".0.0.0 Safari/537.36",
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
        ".0.0.0 Safari/537.36",
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
        ".0.0.0 Safari/537.36",
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
        ".0.0.0 Mobile Safari/537.36",
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:109.0) Gecko/20100101 Firefox/",
        ".0",
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/",
        ".0",
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/",
        ".0.0.0",
    ),
];

impl TextMask for UserAgent {
    fn write(&self, _: &str, seed: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let mut draws = seed.draws();
        let (head, tail) = AGENTS[draws.below(AGENTS.len() as u64) as usize];
        let version = 100 + draws.below(30);
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(super::permute::decimal(version, &mut [0; 20]));
        out.extend_from_slice(tail.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::super::tests_support::{facts, mask, masked, masked_in, refusal, text};
    use super::*;

    fn common_bits(a: u32, b: u32) -> u32 {
        (a ^ b).leading_zeros()
    }

    proptest! {
        #[test]
        fn prefixes_of_addresses_stay_common(a: u32, b: u32, near in 0_u32..32) {
            let mask = mask("\"ip\"", "inet");
            let image = |n: u32| {
                let mut value = vec![2, 32, 0, 4];
                value.extend(n.to_be_bytes());
                u32::from_be_bytes(masked(&mask, &value)[4..].try_into().unwrap())
            };
            for b in [b, a ^ (1 << near)] {
                prop_assert_eq!(common_bits(image(a), image(b)), common_bits(a, b));
            }
            prop_assert_ne!(image(a), a);
            let shown = text(&super::super::tests_support::mask("\"ip\"", "text"), &Ipv4Addr::from(a).to_string());
            prop_assert_eq!(shown, Ipv4Addr::from(image(a)).to_string());
        }

        #[test]
        fn networks_have_no_host_bits(a: u32, bits in 1_u8..=32) {
            let mask = mask("\"ip\"", "cidr");
            let network = a & (u32::MAX << (32 - bits));
            let mut value = vec![2, bits, 1, 4];
            value.extend(network.to_be_bytes());
            let out = masked(&mask, &value);
            let image = u32::from_be_bytes(out[4..].try_into().unwrap());
            prop_assert_eq!(image & !(u32::MAX << (32 - bits)), 0);
            prop_assert_ne!(image, network);
        }

        #[test]
        fn macs_are_one_to_one(a: [u8; 6], b: [u8; 6]) {
            let mask = mask("\"mac\"", "macaddr");
            let (x, y) = (masked(&mask, &a), masked(&mask, &b));
            prop_assert_eq!(x == y, a == b);
            prop_assert!(x != a && x[0] & 3 == a[0] & 3);
        }
    }

    #[test]
    fn texts_keep_their_form() {
        let mac = text(&mask("\"mac\"", "text"), "08:00:2B:01:02:AF");
        assert!(mac.len() == 17 && mac.as_bytes()[2] == b':' && mac != "08:00:2B:01:02:AF");
        let url = text(
            &mask("\"url\"", "text"),
            "http://blog.example.org/~anna?id=3",
        );
        assert!(url.starts_with("http://example.com/") && !url.contains("anna"));
        let agents: HashSet<_> = (0..99)
            .map(|i| text(&mask("\"user_agent\"", "text"), &format!("agent {i}")))
            .collect();
        assert!(agents.len() > 30);
        let six = text(&mask("\"ip\"", "text"), "2001:db8::1/64");
        assert!(six.ends_with("/64") && six.contains(':'));
    }

    #[test]
    fn bad_addresses_are_refused() {
        for (rule, bad) in [
            ("\"ip\"", "localhost"),
            ("\"ip\"", "1.2.3.4/x"),
            ("\"mac\"", "08:00"),
            ("\"mac\"", "é"),
        ] {
            assert!(
                masked_in(&mask(rule, "text"), 1, bad.as_bytes()).is_err(),
                "{bad}"
            );
        }
        assert!(masked_in(&mask("\"ip\"", "inet"), 1, &[2, 32, 0, 4]).is_err());
        assert!(refusal("\"url\"", &facts("character varying(20)")).contains("more characters"));
    }
}
