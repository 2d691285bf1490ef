//! The digits of a number.

/// The digits of a number that may be grouped by blanks, dashes, dots or slashes; `None` when
/// anything else stands in it.
pub(super) fn digits(value: &str) -> Option<Vec<u8>> {
    let mut found = Vec::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'0'..=b'9' => found.push(byte - b'0'),
            b' ' | b'-' | b'.' | b'/' => {}
            _ => return None,
        }
    }
    Some(found)
}
