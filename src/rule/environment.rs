//! Findings of several environments as one list: what holds in all of them is said once and without a name, what
//! holds in some says in which.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::report::DecidedUpload;
use crate::rule::finding::Found;
use crate::rule::{Finding, Witness};
use crate::value::ScopeId;

/// Environments in which what belongs to some scopes can hold.
pub type Reach<'r> = dyn Fn(&BTreeSet<ScopeId>) -> BTreeSet<Arc<str>> + 'r;

/// What was found in one environment; without a name: in none, for everything that stands outside of them.
pub struct Ran {
    pub name: Option<Arc<str>>,
    pub findings: Vec<Found<Finding>>,
    pub decided: Vec<Found<DecidedUpload>>,
}

struct Merged<T> {
    what: T,
    /// Those where it holds, in the order in which they were met: the first one's texts are shown.
    environments: Vec<Arc<str>>,
    /// Those where it can hold.
    reach: BTreeSet<Arc<str>>,
    /// The other environments say it in other words: their buckets have other names.
    differs: bool,
}

impl<T> Merged<T> {
    fn everywhere(&self) -> bool {
        self.reach
            .iter()
            .all(|name| self.environments.contains(name))
    }

    /// The names to say; none where it holds wherever it can.
    fn said(&self) -> Vec<Arc<str>> {
        match self.everywhere() {
            true => Vec::new(),
            false => self.environments.clone(),
        }
    }
}

/// Joins the lists, in the order of the environments.
pub fn merge(all: Vec<Ran>, reach: &Reach<'_>) -> (Vec<Finding>, Vec<DecidedUpload>) {
    let mut findings: IndexMap<String, Merged<Finding>> = IndexMap::new();
    let mut decided: IndexMap<String, Merged<DecidedUpload>> = IndexMap::new();
    for ran in all {
        // Several instances of one block are told apart by their order.
        let mut met: IndexMap<String, usize> = IndexMap::new();
        let name = || ran.name.iter().cloned();
        for found in ran.findings {
            let count = met.entry(found.kin.clone()).or_default();
            *count += 1;
            let key = format!("{}\u{0}{count}", found.kin);
            let mut one = found.what;
            for witness in &mut one.callers {
                witness.environments = name().collect();
            }
            match findings.get_mut(&key) {
                Some(known) => {
                    known.environments.extend(name());
                    known.reach.extend(reach(&found.scopes));
                    known.differs |= known.what.message != one.message;
                    unite(&mut known.what, one);
                }
                None => {
                    let merged = Merged {
                        what: one,
                        environments: name().collect(),
                        reach: reach(&found.scopes),
                        differs: false,
                    };
                    findings.insert(key, merged);
                }
            }
        }
        for found in ran.decided {
            let what = found.what;
            let key = format!(
                "{}\u{0}{}\u{0}{}\u{0}{}\u{0}{:?}\u{0}{}",
                what.caller,
                what.bucket,
                what.path,
                what.outcome.name(),
                what.hangs_on,
                ran.name.is_some(),
            );
            let count = met.entry(key.clone()).or_default();
            *count += 1;
            let key = format!("{key}\u{0}{count}");
            match decided.get_mut(&key) {
                Some(known) => {
                    known.environments.extend(name());
                    known.reach.extend(reach(&found.scopes));
                }
                None => {
                    let merged = Merged {
                        what,
                        environments: name().collect(),
                        reach: reach(&found.scopes),
                        differs: false,
                    };
                    decided.insert(key, merged);
                }
            }
        }
    }
    let findings = findings.into_values().map(|merged| {
        let said = merged.said();
        let phrase = phrase(&merged.environments, merged.everywhere(), merged.differs);
        let mut finding = merged.what;
        for witness in &mut finding.callers {
            let has = |e: &Arc<str>| witness.environments.contains(e);
            if merged.reach.iter().all(has) {
                witness.environments.clear();
            }
        }
        if let Some(phrase) = phrase {
            finding.message = format!("{phrase}, {}", finding.message);
        }
        finding.environments = said;
        finding
    });
    let decided = decided.into_values().map(|merged| DecidedUpload {
        environments: merged.said(),
        ..merged.what
    });
    (findings.collect(), decided.collect())
}

/// One finding of two environments: the first one's words, both one's callers.
fn unite(known: &mut Finding, other: Finding) {
    known.level = known.level.max(other.level);
    for witness in other.callers {
        let same = |w: &&mut Witness| w.address == witness.address && w.path == witness.path;
        match known.callers.iter_mut().find(same) {
            Some(there) => there.environments.extend(witness.environments),
            None => known.callers.push(witness),
        }
    }
    for step in other.steps {
        if !known.steps.iter().any(|s| s.place.span == step.place.span) {
            known.steps.push(step);
        }
    }
    for fingerprint in other.also {
        if !known.also.contains(&fingerprint) {
            known.also.push(fingerprint);
        }
    }
    // A change stands only where each environment asks for the same one.
    if let Some(fix) = &mut known.fix {
        match &other.fix {
            Some(theirs) => fix.proposals.retain(|p| theirs.proposals.contains(p)),
            None => fix.proposals.clear(),
        }
    }
}

/// Names that a message says; the rest is counted.
const NAMED: usize = 4;

/// `in environment `prod``; the first one is named where the words that follow are its own.
fn phrase(names: &[Arc<str>], everywhere: bool, differs: bool) -> Option<String> {
    let first = names.first()?;
    if everywhere {
        return differs.then(|| format!("in every environment (here `{first}`)"));
    }
    let mut quoted: Vec<String> = names.iter().take(NAMED).map(|n| format!("`{n}`")).collect();
    if let (true, Some(shown)) = (differs, quoted.first_mut()) {
        shown.push_str(" (shown here)");
    }
    let (last, head) = quoted.split_last()?;
    let more = names.len().saturating_sub(NAMED);
    Some(match (head, more) {
        ([], _) => format!("in environment {last}"),
        (_, 0) => format!("in environments {} and {last}", head.join(", ")),
        (_, more) => format!("in environments {} and {more} more", quoted.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_a_sentence() {
        let said = |names: &[&str], everywhere, differs| {
            let names: Vec<Arc<str>> = names.iter().map(|n| Arc::from(*n)).collect();
            phrase(&names, everywhere, differs).unwrap_or_default()
        };
        assert_eq!(said(&[], false, false), "");
        assert_eq!(said(&["a"], false, false), "in environment `a`");
        assert_eq!(said(&["a", "b"], true, false), "");
        assert_eq!(
            said(&["a", "b"], true, true),
            "in every environment (here `a`)"
        );
        assert_eq!(
            said(&["a", "b"], false, false),
            "in environments `a` and `b`"
        );
        assert_eq!(
            said(&["a", "b"], false, true),
            "in environments `a` (shown here) and `b`"
        );
        assert_eq!(
            said(&["a", "b", "c", "d", "e", "f"], false, false),
            "in environments `a`, `b`, `c`, `d` and 2 more"
        );
    }
}
