//! Bit strings.

use crate::generate::source::numbered::Spell;
use crate::generate::stream::stir;

/// Bits of a string that may be as long as it likes.
const USUAL: u32 = 32;

/// Bit strings of one length.
#[derive(Debug)]
pub(super) struct Bits {
    length: u32,
}

impl Bits {
    /// Of the type's own length.
    pub(super) fn new(room: Option<u32>) -> Self {
        Self {
            length: room.unwrap_or(USUAL),
        }
    }
}

impl Spell for Bits {
    fn size(&self) -> u64 {
        1_u64.checked_shl(self.length).unwrap_or(u64::MAX)
    }

    /// The number is the last 64 bits; what stands before them is filled at random.
    fn spell(&self, number: u64, out: &mut String) {
        for place in (0..self.length).rev() {
            let word = match place / 64 {
                0 => number,
                far => stir(number ^ u64::from(far)),
            };
            out.push(if word >> (place % 64) & 1 == 1 {
                '1'
            } else {
                '0'
            });
        }
    }

    fn length(&self) -> usize {
        self.length as usize
    }
}
