//! Addresses of networks, of ranges that reach nobody.

use std::fmt::Write as _;

use super::Form;

/// Addresses of the private network 10.0.0.0/8 (RFC 1918).
pub(super) const ADDRESS: Form = Form {
    size: 1 << 24,
    write: |number, out| {
        let _ = write!(out, "10.{}", octets(number));
    },
};

/// Networks of four addresses in 10.0.0.0/8.
pub(super) const NETWORK: Form = Form {
    size: 1 << 22,
    write: |number, out| {
        let _ = write!(out, "10.{}/30", octets(number << 2));
    },
};

/// Locally administered addresses (IEEE 802, second bit of the first byte).
pub(super) const MAC: Form = Form {
    size: 1 << 40,
    write: |number, out| {
        out.push_str("02");
        bytes(number, 5, out);
    },
};

/// The same with 8 bytes.
pub(super) const MAC8: Form = Form {
    size: 1 << 56,
    write: |number, out| {
        out.push_str("02");
        bytes(number, 7, out);
    },
};

fn octets(number: u64) -> String {
    let [.., a, b, c] = number.to_be_bytes();
    format!("{a}.{b}.{c}")
}

fn bytes(number: u64, count: usize, out: &mut String) {
    for byte in &number.to_be_bytes()[8 - count..] {
        let _ = write!(out, ":{byte:02x}");
    }
}
