//! Paths into documents: `$.phone`, `$.prefs.*`, `$.items[*].email`, `$['odd key']`.

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A key.
    Key(String),
    /// Any key.
    AnyKey,
    /// Any element of an array.
    AnyElement,
}

impl Step {
    /// The steps of a path.
    pub(super) fn parse(path: &str) -> Result<Vec<Self>, String> {
        let mut rest = path
            .strip_prefix('$')
            .ok_or("which does not begin with $")?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(tail) = rest.strip_prefix("[*]") {
                steps.push(Self::AnyElement);
                rest = tail;
            } else if let Some(tail) = rest.strip_prefix("['") {
                let (key, tail) = tail
                    .split_once("']")
                    .ok_or("in which ['...'] is not closed")?;
                steps.push(Self::Key(key.to_owned()));
                rest = tail;
            } else if let Some(tail) = rest.strip_prefix(".*") {
                steps.push(Self::AnyKey);
                rest = tail;
            } else if let Some(tail) = rest.strip_prefix('.') {
                let end = tail.find(['.', '[']).unwrap_or(tail.len());
                if end == 0 {
                    return Err("in which a key is empty".to_owned());
                }
                steps.push(Self::Key(tail[..end].to_owned()));
                rest = &tail[end..];
            } else {
                return Err(format!("in which \"{rest}\" is not a step"));
            }
        }
        Ok(steps)
    }

    const fn is_wild(&self) -> bool {
        !matches!(self, Self::Key(_))
    }
}

/// All paths of a rule, followed side by side: each path takes one step a level, so that the paths
/// still possible at a place are a set of bits.
#[derive(Debug)]
pub(super) struct Paths {
    paths: Vec<Vec<Step>>,
}

/// A place in a document: the paths that lead to it and the rule that holds there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    active: u64,
    depth: usize,
    /// Number of the rule; `None`: the rule of everything else.
    pub(super) rule: Option<usize>,
}

impl Paths {
    /// `None` when there are more than 64.
    pub(super) fn new(paths: Vec<Vec<Step>>) -> Option<Self> {
        (paths.len() <= 64).then_some(Self { paths })
    }

    /// The root.
    pub(super) fn root(&self) -> Spot {
        let all = u64::MAX
            .checked_shr(64 - self.paths.len() as u32)
            .unwrap_or(0);
        self.settle(Spot {
            active: all,
            depth: 0,
            rule: None,
        })
    }

    /// The value of a key.
    pub(super) fn key(&self, spot: Spot, key: &str) -> Spot {
        self.step(spot, |step| match step {
            Step::Key(name) => name == key,
            Step::AnyKey => true,
            Step::AnyElement => false,
        })
    }

    /// An element of an array. Elements of a list under `$.list` follow `$.list`.
    pub(super) fn element(&self, spot: Spot) -> Spot {
        self.step(spot, |step| *step == Step::AnyElement)
    }

    fn step(&self, spot: Spot, matches: impl Fn(&Step) -> bool) -> Spot {
        let mut active = 0;
        let mut bits = spot.active;
        while bits != 0 {
            let path = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            if self.paths[path].get(spot.depth).is_some_and(&matches) {
                active |= 1 << path;
            }
        }
        self.settle(Spot {
            active,
            depth: spot.depth + 1,
            rule: spot.rule,
        })
    }

    /// The rule of the path that ends here; of several the one with the fewest wildcards.
    fn settle(&self, spot: Spot) -> Spot {
        let mut bits = spot.active;
        let mut best: Option<(usize, usize)> = None;
        while bits != 0 {
            let path = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            if self.paths[path].len() == spot.depth {
                let wild = self.paths[path]
                    .iter()
                    .filter(|step| step.is_wild())
                    .count();
                if best.is_none_or(|(fewest, _)| wild < fewest) {
                    best = Some((wild, path));
                }
            }
        }
        Spot {
            rule: best.map_or(spot.rule, |(_, path)| Some(path)),
            ..spot
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_path_wins_over_the_wildcard() {
        let parse = |path| Step::parse(path).unwrap();
        let paths = vec![
            parse("$.*"),
            parse("$.a"),
            parse("$.a.b"),
            parse("$.l[*].x"),
        ];
        let paths = Paths::new(paths).unwrap();
        let a = paths.key(paths.root(), "a");
        assert_eq!(paths.root().rule, None);
        assert_eq!(a.rule, Some(1));
        assert_eq!(paths.key(paths.root(), "z").rule, Some(0));
        assert_eq!(paths.key(a, "b").rule, Some(2));
        assert_eq!(paths.key(a, "c").rule, Some(1));
        let l = paths.key(paths.root(), "l");
        assert_eq!(paths.key(paths.element(l), "x").rule, Some(3));
        for bad in ["a", "$a", "$..b", "$.a[", "$['a"] {
            assert!(Step::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Paths::new(Vec::new()).unwrap().root().rule, None);
    }
}
