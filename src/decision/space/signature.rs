//! Which combinations of patterns some text matches, each with a short readable text.
//!
//! Breadth-first over the product of the pattern automata, over the letters that occur, one fresh letter,
//! and the symbols that occur: a text may hold a symbol where a pattern does.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::automaton::{Automaton, CELL_LIMIT, Cell, Cut, Letter, Mode};
use crate::pattern::sequence::{Letters, OWN_ACCOUNT, Part, Token};
use crate::value::{Symbol, Text, Unknown};

/// States of the product that are visited at most.
const STATE_LIMIT: usize = 60_000;
/// Witnesses that are kept at most.
const TEXT_LIMIT: usize = 2_048;
/// Letters up to which those are passed over that a state does not tell apart.
const TOLD: usize = 128;
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
    symbols.sort();
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

    // The states of the automata, and whether the text holds a symbol.
    type State = Vec<u32>;
    let mut first: State = automata.iter().map(|a| a.start).collect();
    first.push(0);
    // The start is not marked as seen: a text that leads back to it has a signature of its own.
    let mut seen: FxHashSet<State> = FxHashSet::default();
    let mut found: FxHashSet<Vec<bool>> = FxHashSet::default();
    let mut order: Vec<(Vec<bool>, bool, Vec<Letter>)> = Vec::new();
    // Each entry of the queue: its state, the entry before it, the letter that led here.
    let mut queue: Vec<(State, usize, usize)> = vec![(first, usize::MAX, 0)];
    let mut next: State = Vec::with_capacity(automata.len() + 1);
    let mut signature: Vec<bool> = Vec::with_capacity(automata.len() + 1);
    let mut at = 0;
    'walk: while let Some(state) = queue.get(at).map(|(state, _, _)| state.clone()) {
        let told = match alphabet.len() <= TOLD {
            true => automata
                .iter_mut()
                .zip(&state)
                .fold(0, |told, (a, s)| told | a.tells_apart(*s, &alphabet)),
            false => u128::MAX,
        };
        for (number, letter) in alphabet.iter().enumerate() {
            // A letter that nothing here tells from the fresh one, which comes first, leads where that leads.
            let told = told >> number.min(TOLD - 1) & 1 == 1;
            if number > 0 && !told && matches!(letter, Letter::Char(_)) {
                continue;
            }
            next.clear();
            next.extend(
                automata
                    .iter_mut()
                    .zip(&state)
                    .map(|(a, s)| a.follow(*s, number, letter)),
            );
            let before = state.last().is_some_and(|symbols| *symbols > 0);
            let with_symbol = before || matches!(letter, Letter::Symbol(_));
            next.push(u32::from(with_symbol));
            if seen.contains(&next) {
                continue;
            }
            if seen.len() >= STATE_LIMIT || order.len() >= TEXT_LIMIT {
                limit = SignatureLimit::Reached;
                break 'walk;
            }
            signature.clear();
            signature.extend(automata.iter().zip(&next).map(|(a, s)| a.accepts(*s)));
            signature.push(with_symbol);
            if !found.contains(&signature) {
                found.insert(signature.clone());
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
                signature.pop();
                order.push((signature.clone(), with_symbol, text));
            }
            seen.insert(next.clone());
            queue.push((next.clone(), at, number));
        }
        at += 1;
    }
    let readable = Readable::new(&automata);
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
            let text = readable.find(shortest, &signature, with_symbol, &automata);
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

/// A text written like a pattern, with the combination of patterns that it matches.
struct Written {
    text: Vec<Letter>,
    signature: Vec<bool>,
    with_symbol: bool,
}

impl Written {
    /// `None` for a text that stands for no value.
    fn of(text: Vec<Letter>, automata: &[Automaton]) -> Option<Written> {
        if text.is_empty() || text.contains(&Letter::Char(OWN_ACCOUNT)) {
            return None;
        }
        Some(Written {
            signature: automata.iter().map(|a| a.run(&text)).collect(),
            with_symbol: text.iter().any(|l| matches!(l, Letter::Symbol(_))),
            text,
        })
    }

    fn serves(&self, signature: &[bool], with_symbol: bool) -> bool {
        self.signature == signature && self.with_symbol == with_symbol
    }
}

/// The texts among which a readable witness is looked for.
struct Readable {
    /// Written like a pattern, the best first, whatever the order of the patterns is.
    like_patterns: Vec<Written>,
    plain: Vec<Written>,
}

impl Readable {
    fn new(automata: &[Automaton]) -> Readable {
        let mut texts: Vec<Vec<Letter>> = automata.iter().flat_map(Automaton::written).collect();
        texts.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
        texts.dedup();
        let plain = ["x", "arn:aws:s3:::x", "arn:aws:iam::111122223333:role/x"];
        let chars = |text: &str| -> Vec<Letter> { text.chars().map(Letter::Char).collect() };
        let of = |text: Vec<Letter>| Written::of(text, automata);
        Readable {
            like_patterns: texts.into_iter().filter_map(of).collect(),
            plain: plain.iter().filter_map(|p| of(chars(p))).collect(),
        }
    }

    /// A text with the signature of the shortest one that reads better.
    fn find(
        &self,
        shortest: Vec<Letter>,
        signature: &[bool],
        with_symbol: bool,
        automata: &[Automaton],
    ) -> Vec<Letter> {
        let serves = |w: &&Written| w.serves(signature, with_symbol);
        // What no pattern matches is not written like one.
        let matched = signature.contains(&true);
        let mut best = self
            .like_patterns
            .iter()
            .filter(|_| matched)
            .find(serves)
            .map(|w| w.text.clone());
        for written in &self.plain {
            if best.as_ref().is_none_or(|b| rank(b).0) && serves(&written) {
                best = Some(written.text.clone());
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
            if named != shortest {
                let named = Written::of(named, automata);
                best = named
                    .filter(|w| w.serves(signature, with_symbol))
                    .map(|w| w.text);
            }
        }
        best.unwrap_or(shortest)
    }
}

/// A text that begins with a slash, a dot or a field of one letter is odd.
fn rank(text: &[Letter]) -> (bool, usize) {
    let odd = matches!(text.first(), Some(Letter::Char('/' | '.' | ':')))
        || matches!(text, [_, Letter::Char(':'), ..]);
    (odd, text.len())
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
