//! Sharing the digits of one counter among overlapping constraints.
//!
//! Rows are numbered by a counter of `k` digits. Each unit (a column, or a pick) takes one of the
//! digits or none, and several may take the same. A constraint is met when all digits are among its
//! units, because then its combination gives the row's number back. The search finds the shares with
//! the greatest room; it is exhaustive, so a constraint is refused only when no such sharing exists.

/// Units that the search looks at; the largest of a component.
const UNITS: usize = 8;
/// Digits at most. The search is exponential in it: (digits + 1) ^ units.
const DIGITS: usize = 3;

/// Which digit each unit takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shares {
    /// For each digit its units, as indexes into what was searched.
    pub(super) digits: Vec<Vec<usize>>,
    /// Combinations: the product of the least sizes of the digits' units.
    pub(super) room: u64,
}

/// A set of constraints that share units.
pub(super) struct Component<'c> {
    /// How many values each unit has.
    pub(super) sizes: &'c [u64],
    /// The units of each constraint.
    pub(super) sets: &'c [Vec<usize>],
    /// Units that stand for rows of other tables: as the only digit they make it one to one, which is
    /// the last resort.
    pub(super) picks: &'c [bool],
    /// Units whose digit no other may take.
    pub(super) alone: &'c [bool],
}

struct Search<'c, 's> {
    component: &'s Component<'c>,
    units: Vec<usize>,
    digits: usize,
    /// Digit of each of `units`, from 1; 0 is none.
    taken: Vec<usize>,
    best: Option<(Score, Vec<usize>)>,
    total: u64,
}

/// Greater is better: room for all rows, then how natural the data looks, then room.
type Score = (bool, usize, usize, u64);

impl Component<'_> {
    /// The best shares for `total` rows; `None` when a constraint has no units.
    pub(super) fn search(&self, total: u64) -> Option<Shares> {
        let mut units: Vec<usize> = self.sets.iter().flatten().copied().collect();
        units.sort_by_key(|unit| (u64::MAX - self.sizes[*unit], *unit));
        units.dedup();
        units.truncate(UNITS);
        let mut best: Option<(Score, Vec<usize>)> = None;
        for digits in 1..=DIGITS.min(units.len()) {
            let mut search = Search {
                component: self,
                units: units.clone(),
                digits,
                taken: vec![0; units.len()],
                best: best.take(),
                total,
            };
            search.assign(0);
            best = search.best;
        }
        let (_, taken) = best?;
        let digits = taken.iter().copied().max().unwrap_or_default();
        let of = |digit: usize| -> Vec<usize> {
            let units = units.iter().zip(&taken);
            units
                .filter(|(_, d)| **d == digit)
                .map(|(u, _)| *u)
                .collect()
        };
        let digits: Vec<Vec<usize>> = (1..=digits).map(of).collect();
        let room = room(self.sizes, &digits);
        let found = Shares { digits, room };
        let each = self.each();
        Some(
            each.filter(|each| room < total && each.room > room)
                .unwrap_or(found),
        )
    }

    /// A digit for each unit, when there is but one constraint.
    fn each(&self) -> Option<Shares> {
        let [set] = self.sets else {
            return None;
        };
        let digits: Vec<Vec<usize>> = set.iter().map(|unit| vec![*unit]).collect();
        let room = room(self.sizes, &digits);
        Some(Shares { digits, room })
    }
}

fn room(sizes: &[u64], digits: &[Vec<usize>]) -> u64 {
    let least = |units: &Vec<usize>| units.iter().map(|unit| sizes[*unit]).min().unwrap_or(1);
    digits.iter().map(least).fold(1, u64::saturating_mul)
}

impl Search<'_, '_> {
    fn assign(&mut self, at: usize) {
        if at == self.units.len() {
            self.judge();
            return;
        }
        for digit in 0..=self.digits {
            self.taken[at] = digit;
            self.assign(at + 1);
        }
        self.taken[at] = 0;
    }

    fn digit_of(&self, unit: usize) -> usize {
        let place = self.units.iter().position(|found| *found == unit);
        place.map_or(0, |place| self.taken[place])
    }

    fn judge(&mut self) {
        let met = self.component.sets.iter().all(|set| {
            (1..=self.digits).all(|digit| set.iter().any(|unit| self.digit_of(*unit) == digit))
        });
        if !met {
            return;
        }
        let digits: Vec<Vec<usize>> = (1..=self.digits)
            .map(|digit| {
                let units = self.units.iter();
                units
                    .copied()
                    .filter(|unit| self.digit_of(*unit) == digit)
                    .collect()
            })
            .collect();
        let lonely = |units: &Vec<usize>| {
            units.len() == 1 || !units.iter().any(|unit| self.component.alone[*unit])
        };
        if !digits.iter().all(lonely) {
            return;
        }
        let room = room(self.component.sizes, &digits);
        let one_to_one = self.digits == 1 && digits[0].iter().any(|u| self.component.picks[*u]);
        let natural = if one_to_one { 0 } else { self.digits };
        let free = self.taken.iter().filter(|digit| **digit == 0).count();
        let score = (room >= self.total, natural, free, room);
        // Without room for all rows only the room counts.
        let score = if score.0 { score } else { (false, 0, 0, room) };
        if self.best.as_ref().is_none_or(|(best, _)| score > *best) {
            self.best = Some((score, self.taken.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(sizes: &[u64], sets: &[&[usize]], total: u64) -> Shares {
        let sets: Vec<Vec<usize>> = sets.iter().map(|set| set.to_vec()).collect();
        let component = Component {
            sizes,
            sets: &sets,
            picks: &vec![true; sizes.len()],
            alone: &vec![false; sizes.len()],
        };
        component.search(total).unwrap()
    }

    #[test]
    fn pairs_take_two_digits() {
        let shares = search(&[100, 50], &[&[0, 1]], 1000);
        assert_eq!(shares.room, 5000);
        assert_eq!(shares.digits.len(), 2);
    }

    #[test]
    fn many_small_units_take_a_digit_each() {
        let shares = search(&[3; 6], &[&[0, 1, 2, 3, 4, 5]], 700);
        assert_eq!((shares.room, shares.digits.len()), (729, 6));
    }

    #[test]
    fn overlapping_pairs_share_a_digit() {
        // unique (a, b) and unique (b, c): a and c take the same digit.
        let shares = search(&[10, 20, 30], &[&[0, 1], &[1, 2]], 150);
        assert_eq!(shares.room, 200);
        let with_b = shares
            .digits
            .iter()
            .find(|units| units.contains(&1))
            .unwrap();
        assert_eq!(with_b, &vec![1]);
    }

    #[test]
    fn a_triangle_falls_back_to_one_digit() {
        let shares = search(&[9, 9, 9], &[&[0, 1], &[1, 2], &[0, 2]], 5);
        assert_eq!(shares.digits.len(), 1);
        assert_eq!(shares.room, 9);
    }
}
