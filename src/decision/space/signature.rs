//! Which combinations of wildcard patterns some text matches, each with a short readable text.
//!
//! Breadth-first over the product of the pattern automata, over the letters that occur and one fresh letter.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet, VecDeque};

/// States of the product that are visited at most.
const STATE_LIMIT: usize = 20_000;

/// Whether all signatures were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureLimit {
    Complete,
    /// The product has more states than were visited: combinations may be missing.
    Reached,
}

/// Texts, one for each combination of patterns that can match together; a text that none matches comes first.
#[derive(Debug, Clone)]
pub struct Witnesses {
    pub texts: Vec<String>,
    pub limit: SignatureLimit,
}

#[derive(Clone)]
enum Step {
    Letter(char),
    One,
    Many,
}

struct Automaton {
    steps: Vec<Step>,
    ignore_case: bool,
}

impl Automaton {
    fn new(pattern: &str, wildcards: bool, ignore_case: bool) -> Automaton {
        let steps = pattern
            .chars()
            .map(|c| match c {
                '*' if wildcards => Step::Many,
                '?' if wildcards => Step::One,
                c => Step::Letter(c),
            })
            .collect();
        Automaton { steps, ignore_case }
    }

    /// Positions closed over `*`, as a sorted set.
    fn close(&self, mut positions: Vec<u16>) -> Vec<u16> {
        let mut at = 0;
        while let Some(position) = positions.get(at).copied() {
            if matches!(self.steps.get(usize::from(position)), Some(Step::Many))
                && !positions.contains(&(position + 1))
            {
                positions.push(position + 1);
            }
            at += 1;
        }
        positions.sort_unstable();
        positions.dedup();
        positions
    }

    fn advance(&self, positions: &[u16], letter: char) -> Vec<u16> {
        let mut next = Vec::with_capacity(positions.len());
        for position in positions {
            match self.steps.get(usize::from(*position)) {
                Some(Step::Many) => next.push(*position),
                Some(Step::One) => next.push(position + 1),
                Some(Step::Letter(c))
                    if *c == letter
                        || self.ignore_case && c.to_lowercase().eq(letter.to_lowercase()) =>
                {
                    next.push(position + 1);
                }
                _ => {}
            }
        }
        self.close(next)
    }

    fn accepts(&self, positions: &[u16]) -> bool {
        positions
            .last()
            .is_some_and(|p| usize::from(*p) == self.steps.len())
    }
}

/// Finds the witnesses of patterns `(text, wildcards, ignore case)`; each begins with `start`.
pub fn witnesses(patterns: &[(String, bool, bool)], start: &str) -> Witnesses {
    let automata: Vec<Automaton> = patterns
        .iter()
        .filter(|(text, _, _)| text.len() < usize::from(u16::MAX) / 2)
        .map(|(text, wildcards, ignore_case)| Automaton::new(text, *wildcards, *ignore_case))
        .collect();
    let mut letters: Vec<char> = automata
        .iter()
        .flat_map(|a| &a.steps)
        .filter_map(|s| {
            if let Step::Letter(c) = s {
                Some(*c)
            } else {
                None
            }
        })
        .collect();
    letters.sort_unstable();
    letters.dedup();
    // The fresh letter stands for all that do not occur; it is tried first, so that witnesses stay plain.
    let fresh = ('x'..='z')
        .chain('a'..='w')
        .chain('0'..='9')
        .chain('\u{a1}'..)
        .find(|c| {
            !letters
                .iter()
                .any(|l| l == c || l.to_lowercase().eq(c.to_lowercase()))
        });
    let alphabet: Vec<char> = fresh.into_iter().chain(letters.iter().copied()).collect();

    type State = Vec<Vec<u16>>;
    let mut first: State = automata.iter().map(|a| a.close(vec![0])).collect();
    for letter in start.chars() {
        first = automata
            .iter()
            .zip(&first)
            .map(|(a, p)| a.advance(p, letter))
            .collect();
    }
    // The start is not marked as seen: a text that leads back to it has a signature of its own.
    let mut seen: HashSet<State> = HashSet::new();
    let mut found: BTreeMap<Vec<bool>, String> = BTreeMap::new();
    let mut order: Vec<Vec<bool>> = Vec::new();
    let mut queue = VecDeque::from([(first, start.to_string())]);
    let mut limit = SignatureLimit::Complete;
    while let Some((state, text)) = queue.pop_front() {
        for letter in &alphabet {
            let next: State = automata
                .iter()
                .zip(&state)
                .map(|(a, p)| a.advance(p, *letter))
                .collect();
            if seen.contains(&next) {
                continue;
            }
            if seen.len() >= STATE_LIMIT {
                limit = SignatureLimit::Reached;
                queue.clear();
                break;
            }
            let mut longer = text.clone();
            longer.push(*letter);
            let signature: Vec<bool> = automata
                .iter()
                .zip(&next)
                .map(|(a, p)| a.accepts(p))
                .collect();
            if let Entry::Vacant(slot) = found.entry(signature) {
                order.push(slot.key().clone());
                slot.insert(longer.clone());
            }
            seen.insert(next.clone());
            queue.push_back((next, longer));
        }
    }
    let mut texts: Vec<(bool, String)> = order
        .into_iter()
        .filter_map(|signature| {
            let matched = signature.iter().any(|m| *m);
            let text = found.get(&signature)?;
            Some((matched, readable(text, &signature, &automata, patterns)))
        })
        .collect();
    texts.sort_by_key(|(matched, _)| *matched);
    Witnesses {
        texts: texts.into_iter().map(|(_, text)| text).collect(),
        limit,
    }
}

/// A text written like one of the matched patterns, where it has the same signature as the shortest one.
fn readable(
    shortest: &str,
    signature: &[bool],
    automata: &[Automaton],
    patterns: &[(String, bool, bool)],
) -> String {
    let of = |text: &str| -> Vec<bool> {
        automata
            .iter()
            .map(|a| {
                let mut positions = a.close(vec![0]);
                for letter in text.chars() {
                    positions = a.advance(&positions, letter);
                }
                a.accepts(&positions)
            })
            .collect()
    };
    let mut best: Option<String> = None;
    for (matched, (pattern, wildcards, _)) in signature.iter().zip(patterns) {
        if !*matched || !*wildcards {
            continue;
        }
        let text = pattern.replace("**", "*").replace(['*', '?'], "x");
        if !text.is_empty()
            && of(&text) == signature
            && best.as_ref().is_none_or(|b| text.len() < b.len())
        {
            best = Some(text);
        }
    }
    if best.is_none() && !signature.iter().any(|m| *m) && of("x") == signature {
        best = Some("x".into());
    }
    // A name between a slash and what follows reads better than none.
    let named = shortest.replace("/.", "/x.");
    if best.is_none() && named != shortest && of(&named) == signature {
        best = Some(named);
    }
    best.unwrap_or_else(|| shortest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(patterns: &[&str]) -> Vec<String> {
        let patterns: Vec<_> = patterns
            .iter()
            .map(|p| (p.to_string(), true, false))
            .collect();
        witnesses(&patterns, "").texts
    }

    #[test]
    fn signatures() {
        // A text that leads back to the start has a signature too.
        assert_eq!(found(&["*"]), ["x"]);
        assert_eq!(found(&[]), ["x"]);
        assert_eq!(found(&["a*", "*b"]), ["x", "ax", "xb", "ab"]);
        assert_eq!(found(&["a"]), ["x", "a"]);
    }
}
