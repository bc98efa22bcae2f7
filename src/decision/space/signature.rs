//! Which combinations of patterns some text matches, each with a short readable text.
//!
//! Breadth-first over the product of the pattern automata, over the letters that occur, one fresh letter,
//! and the symbols that occur: a text may hold a symbol where a pattern does.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::automaton::{Automaton, CELL_LIMIT, Cell, Cut, Letter, Mode};
use crate::pattern::sequence::{Letters, OWN_ACCOUNT, Part, Token};
use crate::value::{Symbol, Text, Unknown};

/// States of the product that are visited at most.
const STATE_LIMIT: usize = 20_000;
/// Witnesses that are kept at most.
const TEXT_LIMIT: usize = 512;
/// Whether all signatures were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureLimit {
    Complete,
    /// The product has more states than were visited: combinations may be missing.
    Reached,
}

/// Texts, one for each combination of patterns that can match together. Those that no pattern matches come
/// first, those of which a symbol leaves open what they match come last.
#[derive(Debug, Clone)]
pub struct Witnesses {
    pub texts: Vec<Text>,
    pub limit: SignatureLimit,
}

/// The letters that tell the patterns apart; the fresh one first, so that witnesses stay plain.
fn alphabet(automata: &[Automaton]) -> Vec<Letter> {
    let mut letters: Vec<char> = Vec::new();
    let mut symbols: Vec<Arc<Symbol>> = Vec::new();
    let mut narrow = false;
    for automaton in automata {
        let from = automaton
            .positions(automaton.start)
            .first()
            .copied()
            .unwrap_or(0);
        for cell in automaton.cells.get(usize::from(from)..).unwrap_or(&[]) {
            match cell {
                Cell::Part(Part::Letter(c)) => {
                    letters.push(*c);
                    if automaton.ignore_case {
                        letters.extend(c.to_lowercase().chain(c.to_uppercase()));
                    }
                }
                Cell::Part(Part::One(set) | Part::Many(set)) => narrow |= *set != Letters::ANY,
                Cell::Same(Some(symbol)) if !symbols.contains(symbol) => {
                    symbols.push(symbol.clone());
                }
                Cell::Same(_) => {}
            }
        }
    }
    if narrow {
        letters.extend([':', '-', '.', '_']);
    }
    letters.sort_unstable();
    letters.dedup();
    letters.retain(|c| *c != OWN_ACCOUNT);
    let unused = |c: &char| {
        !letters
            .iter()
            .any(|l| l == c || l.to_lowercase().eq(c.to_lowercase()))
    };
    let lower = || ('x'..='z').chain('a'..='w');
    let mut fresh: Vec<char> = lower()
        .chain('0'..='9')
        .chain('\u{a1}'..)
        .find(unused)
        .into_iter()
        .collect();
    if narrow {
        // One of each kind that the kinds of symbols tell apart.
        let kinds = [
            lower().find(unused),
            ('0'..='9').find(unused),
            ('A'..='Z').find(unused),
            ('\u{a1}'..).find(unused),
        ];
        for c in kinds.into_iter().flatten() {
            if !fresh.contains(&c) {
                fresh.push(c);
            }
        }
    }
    fresh
        .into_iter()
        .chain(letters.iter().copied())
        .map(Letter::Char)
        .chain(symbols.into_iter().map(Letter::Symbol))
        .collect()
}

/// Finds the witnesses of the patterns. `unknowns` says why the symbols of the patterns are unknown.
pub fn witnesses(cuts: &[Cut], unknowns: &[Unknown]) -> Witnesses {
    let mut limit = SignatureLimit::Complete;
    let mut automata: Vec<Automaton> = Vec::new();
    let mut kept: Vec<&Cut> = Vec::new();
    let symbolic = cuts
        .iter()
        .any(|c| c.tokens.iter().any(|t| matches!(t, Token::Symbol(_))));
    for cut in cuts {
        if kept.contains(&cut) {
            continue;
        }
        kept.push(cut);
        let possible = Automaton::new(cut, Mode::Possible);
        if possible.cells.len() > CELL_LIMIT {
            limit = SignatureLimit::Reached;
            continue;
        }
        let certain = symbolic.then(|| Automaton::new(cut, Mode::Certain));
        let settled = possible.is_settled()
            && (possible.positions(possible.start).is_empty()
                || certain.as_ref().is_none_or(Automaton::is_settled));
        if !settled {
            automata.push(possible);
            automata.extend(certain);
        }
    }
    let alphabet = alphabet(&automata);

    type State = (Vec<u32>, bool);
    let first: State = (automata.iter().map(|a| a.start).collect(), false);
    // The start is not marked as seen: a text that leads back to it has a signature of its own.
    let mut seen: FxHashSet<State> = FxHashSet::default();
    let mut found: FxHashMap<(Vec<bool>, bool), usize> = FxHashMap::default();
    let mut order: Vec<(Vec<bool>, bool, Vec<Letter>)> = Vec::new();
    // Each entry of the queue: its state, the entry before it, the letter that led here.
    let mut queue: Vec<(State, usize, usize)> = vec![(first, usize::MAX, 0)];
    let mut at = 0;
    'walk: while let Some((state, _, _)) = queue.get(at).cloned() {
        for (number, letter) in alphabet.iter().enumerate() {
            let next: State = (
                automata
                    .iter_mut()
                    .zip(&state.0)
                    .map(|(a, s)| a.follow(*s, number, letter))
                    .collect(),
                state.1 || matches!(letter, Letter::Symbol(_)),
            );
            if seen.contains(&next) {
                continue;
            }
            if seen.len() >= STATE_LIMIT || order.len() >= TEXT_LIMIT {
                limit = SignatureLimit::Reached;
                break 'walk;
            }
            let signature: Vec<bool> = automata
                .iter()
                .zip(&next.0)
                .map(|(a, s)| a.accepts(*s))
                .collect();
            let key = (signature, next.1);
            if !found.contains_key(&key) {
                found.insert(key.clone(), order.len());
                let mut text = vec![letter.clone()];
                let mut back = at;
                while let Some((_, before, letter)) = queue.get(back) {
                    if *before == usize::MAX {
                        break;
                    }
                    text.extend(alphabet.get(*letter).cloned());
                    back = *before;
                }
                text.reverse();
                order.push((key.0, key.1, text));
            }
            seen.insert(next.clone());
            queue.push((next, at, number));
        }
        at += 1;
    }
    let mut texts: Vec<((usize, bool), Text)> = order
        .into_iter()
        .map(|(signature, with_symbol, shortest)| {
            let matched = signature.iter().any(|m| *m);
            // Where both modes are walked, they stand in pairs.
            let doubts = match symbolic {
                true => signature
                    .chunks(2)
                    .filter(|pair| matches!(pair, [true, false]))
                    .count(),
                false => 0,
            };
            let text = readable(shortest, &signature, with_symbol, &automata);
            ((doubts, matched), text_of(&text, unknowns))
        })
        .collect();
    texts.sort_by_key(|(rank, _)| *rank);
    Witnesses {
        texts: texts.into_iter().map(|(_, text)| text).collect(),
        limit,
    }
}

fn text_of(letters: &[Letter], unknowns: &[Unknown]) -> Text {
    let mut out = Text::default();
    let mut literal = String::new();
    for letter in letters {
        match letter {
            Letter::Char(c) => literal.push(*c),
            Letter::Symbol(symbol) => {
                out.push_str(&std::mem::take(&mut literal));
                let known = unknowns.iter().find(|u| u.symbol.as_ref() == Some(symbol));
                out.push_unknown(known.cloned().unwrap_or_else(|| Unknown {
                    reason: format!("`{}` is not known", symbol.display()).into(),
                    symbol: Some(symbol.clone()),
                }));
            }
        }
    }
    out.push_str(&literal);
    out
}

/// A text written like one of the matched patterns, where it has the same signature as the shortest one.
fn readable(
    shortest: Vec<Letter>,
    signature: &[bool],
    with_symbol: bool,
    automata: &[Automaton],
) -> Vec<Letter> {
    let serves = |text: &[Letter]| {
        !text.is_empty()
            && !text.contains(&Letter::Char(OWN_ACCOUNT))
            && text.iter().any(|l| matches!(l, Letter::Symbol(_))) == with_symbol
            && automata
                .iter()
                .zip(signature)
                .all(|(a, wanted)| a.run(text) == *wanted)
    };
    let chars = |text: &str| -> Vec<Letter> { text.chars().map(Letter::Char).collect() };
    // A text that begins with a slash, a dot or a field of one letter is odd.
    let rank = |text: &[Letter]| {
        let odd = matches!(text.first(), Some(Letter::Char('/' | '.' | ':')))
            || matches!(text, [_, Letter::Char(':'), ..]);
        (odd, text.len())
    };
    let mut best: Option<Vec<Letter>> = None;
    for (matched, automaton) in signature.iter().zip(automata) {
        if !*matched {
            continue;
        }
        for text in automaton.written() {
            if best.as_ref().is_none_or(|b| rank(&text) < rank(b)) && serves(&text) {
                best = Some(text);
            }
        }
    }
    let plain = ["x", "arn:aws:s3:::x", "arn:aws:iam::111122223333:role/x"];
    for text in plain.iter().map(|p| chars(p)) {
        if best.as_ref().is_none_or(|b| rank(b).0) && serves(&text) {
            best = Some(text);
        }
    }
    if best.is_none() {
        // A name between a slash and what follows reads better than none.
        let mut named = Vec::with_capacity(shortest.len());
        for letter in &shortest {
            if *letter == Letter::Char('.') && named.last() == Some(&Letter::Char('/')) {
                named.push(Letter::Char('x'));
            }
            named.push(letter.clone());
        }
        if named != shortest && serves(&named) {
            best = Some(named);
        }
    }
    best.unwrap_or(shortest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::PatternOptions;
    use crate::pattern::sequence::pattern_tokens;

    fn found(patterns: &[&str], ignore_case: bool) -> Vec<String> {
        let options = PatternOptions {
            ignore_case,
            ..PatternOptions::GLOB
        };
        let cuts: Vec<_> = patterns
            .iter()
            .map(|p| Cut {
                start: Vec::new(),
                tokens: pattern_tokens(&Text::literal(*p), &options).unwrap(),
                ignore_case,
                arn: false,
            })
            .collect();
        witnesses(&cuts, &[])
            .texts
            .iter()
            .map(Text::display)
            .collect()
    }

    #[test]
    fn signatures() {
        // A text that leads back to the start has a signature too.
        assert_eq!(found(&["*"], false), ["x"]);
        assert_eq!(found(&[], false), ["x"]);
        assert_eq!(found(&["a*", "*b"], false), ["x", "ax", "b", "ab"]);
        assert_eq!(found(&["a"], false), ["x", "a"]);
        assert_eq!(found(&["aB"], true).len(), 2);
    }
}
