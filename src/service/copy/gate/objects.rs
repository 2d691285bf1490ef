//! Large objects are there as the policy says: the same ones, and each holds what it must hold.

use super::Subject;
use crate::copy::ContentSum;
use crate::error::Result;
use crate::masking::LargeObjects;
use crate::postgres::Session;
use crate::service::copy::Check;
use crate::service::copy::objects::{LISTED, LargeObject, content, list};

/// Wrong objects that are named.
const NAMED: usize = 20;

/// Compares all objects; no check when neither side has any.
pub(super) async fn check(
    subject: &Subject<'_>,
    (source, target): (&Session, &Session),
) -> Result<Option<Check>> {
    let rule = subject.masks.large_objects.clone();
    let rule = rule.unwrap_or(LargeObjects::None);
    let mut found = Found::default();
    let mut after = 0;
    loop {
        let there = list(source, after).await?;
        let here = list(target, after).await?;
        let Some(last) = end(&there, &here) else {
            break;
        };
        let ids = |all: &[LargeObject]| -> Vec<u32> {
            let ids = all.iter().map(|object| object.id);
            ids.filter(|id| *id <= last).collect()
        };
        let (mut there, here) = (ids(&there), ids(&here));
        found.objects += there.len();
        if rule == LargeObjects::None {
            there.clear();
        }
        for id in here.iter().filter(|id| there.binary_search(id).is_err()) {
            found.wrong(*id, "must not be there");
        }
        for id in there {
            if here.binary_search(&id).is_err() {
                found.wrong(id, "is missing");
            } else if !holds(&rule, (source, target), id).await? {
                found.wrong(id, "differs");
            }
        }
        after = last;
    }
    Ok(found.report())
}

/// Up to where both lists are whole: a full one is cut off behind its last object.
fn end(there: &[LargeObject], here: &[LargeObject]) -> Option<u32> {
    let last = |all: &[LargeObject]| all.last().map(|object| object.id);
    let full = [there, here].into_iter().filter(|all| all.len() == LISTED);
    match full.filter_map(last).min() {
        Some(last) => Some(last),
        None => last(there).max(last(here)),
    }
}

async fn holds(
    rule: &LargeObjects,
    (source, target): (&Session, &Session),
    id: u32,
) -> Result<bool> {
    let is = content(target, id).await?.digest();
    let mut must = ContentSum::default();
    match rule {
        LargeObjects::Keep => must = content(source, id).await?,
        LargeObjects::Constant(text) => must.add(text.as_bytes()),
        LargeObjects::Null | LargeObjects::None => {}
    }
    Ok(is == must.digest())
}

#[derive(Debug, Default)]
struct Found {
    objects: usize,
    count: usize,
    named: Vec<String>,
}

impl Found {
    fn wrong(&mut self, id: u32, why: &str) {
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(format!("{id} {why}"));
        }
    }

    fn report(self) -> Option<Check> {
        if self.objects == 0 && self.count == 0 {
            return None;
        }
        Some(Check {
            name: "large objects".to_owned(),
            passed: self.count == 0,
            detail: if self.count == 0 {
                format!("{0} of {0} are as the policy says", self.objects)
            } else {
                format!("{} are not: {}", self.count, self.named.join(", "))
            },
        })
    }
}
