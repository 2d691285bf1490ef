//! Values that are a function of a number: what is drawn is any of them, and what is counted is each
//! of them once.

use super::{Make, RowView};
use crate::generate::permutation::Permutation;
use crate::generate::stream::{Stream, StreamKey};
use crate::generate::value::Value;

/// A text for each number.
pub(super) trait Spell: Send + Sync + std::fmt::Debug + 'static {
    /// How many numbers have a text of their own.
    fn size(&self) -> u64;

    /// Appends the text of a number below [`Spell::size`]; those of different numbers are different
    /// values, whatever the case of their letters.
    fn spell(&self, number: u64, out: &mut String);

    /// About how long a text is, in bytes.
    fn length(&self) -> usize {
        32
    }
}

#[derive(Debug)]
struct Numbered<S> {
    spell: S,
    order: Permutation,
}

/// The maker of a spelling; `None` when it has no texts.
pub(super) fn numbered(spell: impl Spell, key: StreamKey) -> Option<Box<dyn Make>> {
    let size = spell.size();
    (size > 0).then(|| {
        Box::new(Numbered {
            order: Permutation::new(key.word(), size),
            spell,
        }) as Box<dyn Make>
    })
}

impl<S: Spell> Numbered<S> {
    fn value(&self, number: u64) -> Value {
        let mut text = String::with_capacity(self.spell.length());
        self.spell.spell(number, &mut text);
        Value::text(text)
    }
}

impl<S: Spell> Make for Numbered<S> {
    fn size(&self) -> Option<u64> {
        Some(self.order.bound())
    }

    fn draw(&self, stream: &mut Stream, _: &dyn RowView) -> Value {
        self.value(stream.below(self.order.bound()))
    }

    fn nth(&self, index: u64, _: &dyn RowView) -> Value {
        self.value(self.order.at(index))
    }
}
