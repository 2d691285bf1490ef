//! Segments of the write-ahead log, and how timelines branch off.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Lsn;

/// Digits of a segment's name: timeline, and the two halves of its number.
const DIGITS: usize = 24;

/// One segment of the write-ahead log: the `number`th of its size, counted from 0, on a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Segment {
    /// The timeline.
    pub timeline: u32,
    /// Its number: its first byte is at `number` times the size of a segment.
    pub number: u64,
}

impl Segment {
    /// The segment that holds the byte at `lsn`.
    #[must_use]
    pub fn holding(lsn: Lsn, timeline: u32, segment_bytes: u32) -> Self {
        Self {
            timeline,
            number: lsn.0 / u64::from(segment_bytes.max(1)),
        }
    }

    /// Its file name, as PostgreSQL calls it: `000000010000000000000003`.
    #[must_use]
    pub fn name(self, segment_bytes: u32) -> String {
        let per_id = per_id(segment_bytes);
        format!(
            "{:08X}{:08X}{:08X}",
            self.timeline,
            self.number / per_id,
            self.number % per_id
        )
    }

    /// Reads a file name; none when it is not one of a segment of this size.
    #[must_use]
    pub fn parse(name: &str, segment_bytes: u32) -> Option<Self> {
        let upper = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
        if name.len() != DIGITS || !name.bytes().all(upper) {
            return None;
        }
        let part = |place: usize| u64::from_str_radix(&name[place..place + 8], 16).ok();
        let (high, low) = (part(8)?, part(16)?);
        let timeline = u32::try_from(part(0)?).ok().filter(|one| *one > 0)?;
        (low < per_id(segment_bytes)).then(|| Self {
            timeline,
            number: high * per_id(segment_bytes) + low,
        })
    }

    /// Where it begins.
    #[must_use]
    pub fn start(self, segment_bytes: u32) -> Lsn {
        Lsn(self.number.saturating_mul(u64::from(segment_bytes)))
    }

    /// Where the next one begins.
    #[must_use]
    pub fn end(self, segment_bytes: u32) -> Lsn {
        self.next().start(segment_bytes)
    }

    /// The one that follows on the same timeline.
    #[must_use]
    pub fn next(self) -> Self {
        Self {
            number: self.number.saturating_add(1),
            ..self
        }
    }
}

/// Segments of one value of the middle eight digits.
fn per_id(segment_bytes: u32) -> u64 {
    (1 << 32) / u64::from(segment_bytes.max(1))
}

/// Where a timeline left its parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// The timeline that was left.
    pub timeline: u32,
    /// Where: the parent is followed up to here.
    pub at: Lsn,
}

/// The ancestors of a timeline, oldest first, as its `.history` file tells them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineHistory {
    /// The timeline.
    pub timeline: u32,
    /// Its ancestors; none for the first timeline.
    pub branches: Vec<Branch>,
}

impl TimelineHistory {
    /// The first timeline of a cluster, which has no file.
    #[must_use]
    pub fn first() -> Self {
        Self {
            timeline: 1,
            branches: Vec::new(),
        }
    }

    /// The name of the file: `00000002.history`.
    #[must_use]
    pub fn name(timeline: u32) -> String {
        format!("{timeline:08X}.history")
    }

    /// The timeline whose history a file of this name holds; none for another file.
    #[must_use]
    pub fn timeline_of(name: &str) -> Option<u32> {
        let digits = name.strip_suffix(".history")?;
        (digits.len() == 8)
            .then(|| u32::from_str_radix(digits, 16).ok())
            .flatten()
    }

    /// Reads the text of a `.history` file: lines of parent, position and reason; `#` begins a
    /// remark (PostgreSQL, `src/backend/access/transam/timeline.c`).
    ///
    /// # Errors
    /// A sentence that names the line, when timelines do not grow.
    pub fn parse(timeline: u32, text: &str) -> Result<Self, String> {
        let mut branches: Vec<Branch> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |what: &str| {
                let name = Self::name(timeline);
                format!("line {} of {name}: {what}", number + 1)
            };
            let mut words = line.split_whitespace();
            let parent = words.next().and_then(|word| word.parse::<u32>().ok());
            let at = words.next().and_then(|word| word.parse::<Lsn>().ok());
            let (Some(parent), Some(at)) = (parent, at) else {
                return Err(wrong("no timeline and position"));
            };
            let grows = branches.last().is_none_or(|last| last.timeline < parent);
            if !grows || parent >= timeline {
                return Err(wrong("timelines must grow"));
            }
            // A recovery that ended in front of a fork had followed the timeline behind it by name, and
            // took nothing of it: what comes later ends what came before.
            for branch in &mut branches {
                branch.at = branch.at.min(at);
            }
            branches.push(Branch {
                timeline: parent,
                at,
            });
        }
        Ok(Self { timeline, branches })
    }

    /// The timeline on which this one's past lies at `lsn`.
    #[must_use]
    pub fn timeline_at(&self, lsn: Lsn) -> u32 {
        let ancestor = self.branches.iter().find(|branch| lsn < branch.at);
        ancestor.map_or(self.timeline, |branch| branch.timeline)
    }
}

/// Those of `timelines` after the first that have no history here, and that no other's tells of.
pub fn untold(
    timelines: impl IntoIterator<Item = u32>,
    histories: &BTreeMap<u32, TimelineHistory>,
) -> BTreeSet<u32> {
    let told = |timeline: &u32| {
        histories.values().any(|history| {
            let mut line = history.branches.iter().map(|branch| branch.timeline);
            history.timeline == *timeline || line.any(|one| one == *timeline)
        })
    };
    let all = timelines.into_iter();
    all.filter(|timeline| *timeline > 1 && !told(timeline))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MB: u32 = 1 << 20;

    #[test]
    fn names_are_postgresqls() {
        let lsn: Lsn = "1/3000028".parse().unwrap();
        let segment = Segment::holding(lsn, 2, 16 * MB);
        assert_eq!(segment.name(16 * MB), "000000020000000100000003");
        assert_eq!(segment.start(16 * MB).to_string(), "1/3000000");
        assert_eq!(segment.end(16 * MB).to_string(), "1/4000000");
        let big = Segment::holding(lsn, 2, 1024 * MB);
        assert_eq!(big.name(1024 * MB), "000000020000000100000000");
        for wrong in [
            "",
            "00000001000000000000000",
            "00000001000000000000000a",
            "000000010000000000000100",
            "000000000000000000000001",
            "00000002.history",
            "000000010000000000000003.partial",
        ] {
            assert_eq!(Segment::parse(wrong, 16 * MB), None, "{wrong}");
        }
    }

    #[test]
    fn a_history_tells_where_the_past_lies() {
        let text = "1\t0/3000000\tno recovery target specified\n\n# remark\n2 0/5000000 before x\n";
        let history = TimelineHistory::parse(3, text).unwrap();
        let at = |text: &str| history.timeline_at(text.parse().unwrap());
        assert_eq!([at("0/0"), at("0/2FFFFFF"), at("0/3000000")], [1, 1, 2]);
        assert_eq!([at("0/4FFFFFF"), at("0/5000000")], [2, 3]);
        // Recovered along timeline 2 to a moment before it began.
        let early = TimelineHistory::parse(3, "1 0/6000000\n2 0/5000000").unwrap();
        let at = |text: &str| early.timeline_at(text.parse().unwrap());
        assert_eq!(
            [at("0/4FFFFFF"), at("0/5000000"), at("0/6000000")],
            [1, 3, 3]
        );
        assert_eq!(TimelineHistory::name(26), "0000001A.history");
        assert_eq!(TimelineHistory::timeline_of("0000001A.history"), Some(26));
        assert_eq!(TimelineHistory::timeline_of("1A.history"), None);
        for wrong in ["1", "x 0/1", "3 0/1", "2 0/5\n1 0/6"] {
            assert!(TimelineHistory::parse(3, wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn names_come_back_and_sort_like_positions(
            timeline in 1_u32..,
            (a, b) in (0_u64..1 << 48, 0_u64..1 << 48),
            power in 0_u32..=10,
        ) {
            let size = MB << power;
            let [a, b] = [a, b].map(|lsn| Segment::holding(Lsn(lsn), timeline, size));
            prop_assert_eq!(Segment::parse(&a.name(size), size), Some(a));
            prop_assert_eq!(a.name(size).cmp(&b.name(size)), a.cmp(&b));
            prop_assert_eq!(Segment::holding(a.start(size), timeline, size), a);
            prop_assert_eq!(Segment::holding(Lsn(a.end(size).0 - 1), timeline, size), a);
        }
    }
}
