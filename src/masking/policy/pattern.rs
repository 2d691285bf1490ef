//! Names with `*`.

/// A name as it stands in the catalog, or a pattern in which `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::masking) struct Pattern(String);

impl Pattern {
    pub(in crate::masking) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(in crate::masking) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names one thing.
    pub(in crate::masking) fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    /// How much it says: the more letters are fixed, the more it weighs; an exact name outweighs
    /// every pattern.
    pub(in crate::masking) fn weight(&self) -> (bool, usize) {
        let fixed = self.0.chars().filter(|c| *c != '*').count();
        (self.is_exact(), fixed)
    }

    /// Whether it stands for `name`. Greedy with one point of return, so linear in practice and
    /// never worse than the product of both lengths.
    pub(in crate::masking) fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut p, mut n) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while n < name.len() {
            if pattern.get(p) == Some(&b'*') {
                star = Some((p + 1, n));
                p += 1;
            } else if pattern.get(p) == Some(&name[n]) {
                p += 1;
                n += 1;
            } else if let Some((after, from)) = star {
                star = Some((after, from + 1));
                p = after;
                n = from + 1;
            } else {
                return false;
            }
        }
        pattern[p..].iter().all(|byte| *byte == b'*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_characters() {
        for (pattern, name, fits) in [
            ("email", "email", true),
            ("email", "emails", false),
            ("*_email", "billing_email", true),
            ("*_email", "email", false),
            ("*mail*", "e_mail_2", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("*", "", true),
            ("", "", true),
            ("straße*", "straße_nr", true),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches(name),
                fits,
                "{pattern} {name}"
            );
        }
        assert!(Pattern::new("email").weight() > Pattern::new("*_long_name").weight());
        assert!(Pattern::new("*_email").weight() > Pattern::new("*").weight());
    }
}
