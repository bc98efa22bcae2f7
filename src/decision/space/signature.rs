//! Which combinations of patterns some text matches, each with a short readable text.
//!
//! Breadth-first over the product of the pattern automata, over the letters that occur, one fresh letter,
//! and the symbols that occur: a text may hold a symbol where a pattern does.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::pattern::may_hide_colons;
use crate::pattern::sequence::{Letters, Part, Token, common_prefix, parts};
use crate::value::{Symbol, Text, Unknown};

/// States of the product that are visited at most.
const STATE_LIMIT: usize = 20_000;
/// Witnesses that are kept at most.
const TEXT_LIMIT: usize = 256;
/// Longest pattern that is taken.
const CELL_LIMIT: usize = 8_192;
/// No transition yet.
const OPEN: u32 = u32::MAX;

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

/// One pattern that cuts a variable.
#[derive(Debug, Clone, PartialEq)]
pub struct Cut {
    /// What comes before the text, where the pattern covers that too.
    pub start: Vec<Token>,
    pub tokens: Vec<Token>,
    pub ignore_case: bool,
    /// Wildcards before the fifth colon stay inside their field.
    pub arn: bool,
}

/// One letter of a witness.
#[derive(Debug, Clone, PartialEq)]
enum Letter {
    Char(char),
    Symbol(Arc<Symbol>),
}

/// One element of an automaton.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Part(Part),
    /// Taken by that symbol only.
    Same(Option<Arc<Symbol>>),
}

/// What a pattern may match, or what it matches whatever its symbols are.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Possible,
    Certain,
}

/// A pattern, made deterministic as far as it was walked.
struct Automaton {
    cells: Vec<Cell>,
    mode: Mode,
    ignore_case: bool,
    states: Vec<Vec<u16>>,
    index: FxHashMap<Vec<u16>, u32>,
    /// Per state and letter of the alphabet.
    next: Vec<Vec<u32>>,
    start: u32,
}

fn cells_of(cut: &Cut, mode: Mode) -> Vec<Cell> {
    let mut out = Vec::with_capacity(cut.tokens.len());
    let mut colons = 0;
    for token in &cut.tokens {
        if *token == Token::Letter(':') {
            colons += 1;
        }
        let any = if cut.arn && colons < 5 {
            Letters::NO_COLON
        } else {
            Letters::ANY
        };
        match (token, mode) {
            (Token::Letter(c), _) => out.push(Cell::Part(Part::Letter(*c))),
            (Token::One, _) => out.push(Cell::Part(Part::One(any))),
            (Token::Many, _) => out.push(Cell::Part(Part::Many(any))),
            (Token::Symbol(symbol), Mode::Certain) => out.push(Cell::Same(symbol.clone())),
            (Token::Symbol(_), Mode::Possible) => {
                out.extend(
                    parts(std::slice::from_ref(token))
                        .into_iter()
                        .map(Cell::Part),
                );
            }
        }
    }
    out
}

impl Automaton {
    /// The automaton of what follows the start.
    fn new(cut: &Cut, mode: Mode) -> Automaton {
        let start = &cut.start;
        let shared = common_prefix(&cut.tokens, start);
        // Both begin alike: only what follows takes part. Fields are counted from the very beginning.
        let cells = cells_of(cut, mode);
        let skipped = cut.tokens.get(..shared).unwrap_or(&[]);
        let skipped = cells_of(
            &Cut {
                tokens: skipped.to_vec(),
                ..cut.clone()
            },
            mode,
        )
        .len();
        let mut automaton = Automaton {
            cells: cells.get(skipped..).unwrap_or(&[]).to_vec(),
            mode,
            ignore_case: cut.ignore_case,
            states: Vec::new(),
            index: FxHashMap::default(),
            next: Vec::new(),
            start: 0,
        };
        let mut positions = automaton.close(vec![0]);
        for token in start.get(shared..).unwrap_or(&[]) {
            positions = match token {
                Token::Letter(c) => automaton.advance(&positions, *c),
                Token::Symbol(symbol) => automaton.advance_symbol(&positions, symbol.as_ref()),
                Token::One | Token::Many => positions,
            };
        }
        automaton.start = automaton.state(positions);
        automaton
    }

    fn state(&mut self, positions: Vec<u16>) -> u32 {
        if let Some(found) = self.index.get(&positions) {
            return *found;
        }
        let number = u32::try_from(self.states.len()).unwrap_or(OPEN);
        self.index.insert(positions.clone(), number);
        self.states.push(positions);
        self.next.push(Vec::new());
        number
    }

    fn positions(&self, state: u32) -> &[u16] {
        self.states.get(state as usize).map_or(&[], Vec::as_slice)
    }

    /// Positions closed over what may take nothing, as a sorted set.
    fn close(&self, mut positions: Vec<u16>) -> Vec<u16> {
        let mut at = 0;
        while let Some(position) = positions.get(at).copied() {
            let many = matches!(
                self.cells.get(usize::from(position)),
                Some(Cell::Part(Part::Many(_)))
            );
            if many && !positions.contains(&(position + 1)) {
                positions.push(position + 1);
            }
            at += 1;
        }
        positions.sort_unstable();
        positions.dedup();
        positions
    }

    fn advance(&self, positions: &[u16], letter: char) -> Vec<u16> {
        let folds = |c: char| self.ignore_case && c.to_lowercase().eq(letter.to_lowercase());
        let of = Letters::of(letter);
        self.step(positions, |part| match part {
            Part::Letter(c) => c == letter || folds(c),
            Part::One(letters) | Part::Many(letters) => letters.meets(of),
        })
    }

    /// One step over some letter that `takes` says yes to.
    fn step(&self, positions: &[u16], takes: impl Fn(Part) -> bool) -> Vec<u16> {
        let mut next = Vec::with_capacity(positions.len());
        for position in positions {
            match self.cells.get(usize::from(*position)) {
                Some(Cell::Part(part)) if takes(*part) => {
                    next.push(if part.is_many() {
                        *position
                    } else {
                        position + 1
                    });
                }
                _ => {}
            }
        }
        self.close(next)
    }

    fn advance_symbol(&self, positions: &[u16], symbol: Option<&Arc<Symbol>>) -> Vec<u16> {
        if self.mode == Mode::Certain {
            let mut next = Vec::new();
            for position in positions {
                match self.cells.get(usize::from(*position)) {
                    Some(Cell::Part(Part::Many(set)))
                        if *set == Letters::ANY
                            || symbol.is_some_and(|s| !may_hide_colons(s.kind)) =>
                    {
                        next.push(*position);
                    }
                    Some(Cell::Same(Some(own))) if Some(own) == symbol => next.push(position + 1),
                    _ => {}
                }
            }
            return self.close(next);
        }
        let mut current = positions.to_vec();
        for part in parts(&[Token::Symbol(symbol.cloned())]) {
            current = match part {
                Part::Letter(c) => self.advance(&current, c),
                Part::One(_) => self.step(&current, |p| p.meets(part)),
                Part::Many(_) => {
                    let mut all = current;
                    loop {
                        let mut more = self.step(&all, |p| p.meets(part));
                        more.extend(&all);
                        more.sort_unstable();
                        more.dedup();
                        if more == all {
                            break all;
                        }
                        all = more;
                    }
                }
            };
        }
        current
    }

    /// The state after one letter of the alphabet.
    fn follow(&mut self, state: u32, at: usize, letter: &Letter) -> u32 {
        let known = self
            .next
            .get(state as usize)
            .and_then(|row| row.get(at))
            .copied();
        if let Some(next) = known.filter(|n| *n != OPEN) {
            return next;
        }
        let positions = match letter {
            Letter::Char(c) => self.advance(self.positions(state), *c),
            Letter::Symbol(symbol) => self.advance_symbol(self.positions(state), Some(symbol)),
        };
        let next = self.state(positions);
        if let Some(row) = self.next.get_mut(state as usize) {
            if row.len() <= at {
                row.resize(at + 1, OPEN);
            }
            if let Some(cell) = row.get_mut(at) {
                *cell = next;
            }
        }
        next
    }

    fn accepts(&self, state: u32) -> bool {
        self.positions(state)
            .last()
            .is_some_and(|p| usize::from(*p) == self.cells.len())
    }

    /// True where nothing that follows changes the answer.
    fn is_settled(&self) -> bool {
        let positions = self.positions(self.start);
        let last = self.cells.len().saturating_sub(1);
        positions.is_empty()
            || matches!(
                self.cells.last(),
                Some(Cell::Part(Part::Many(Letters::ANY)))
            ) && positions.iter().any(|p| usize::from(*p) == last)
    }

    fn run(&self, text: &[Letter]) -> bool {
        let mut positions = self.positions(self.start).to_vec();
        for letter in text {
            positions = match letter {
                Letter::Char(c) => self.advance(&positions, *c),
                Letter::Symbol(symbol) => self.advance_symbol(&positions, Some(symbol)),
            };
        }
        positions
            .last()
            .is_some_and(|p| usize::from(*p) == self.cells.len())
    }

    /// Texts written like the pattern, one for each place where it may go on after the start.
    fn written(&self) -> Vec<Vec<Letter>> {
        let render = |from: u16| {
            self.cells
                .get(usize::from(from)..)
                .unwrap_or(&[])
                .iter()
                .filter_map(|cell| match cell {
                    Cell::Part(Part::Letter(c)) => Some(Letter::Char(*c)),
                    Cell::Part(Part::One(letters) | Part::Many(letters)) => {
                        letters.sample().map(Letter::Char)
                    }
                    Cell::Same(symbol) => symbol.clone().map(Letter::Symbol),
                })
                .collect()
        };
        self.positions(self.start)
            .iter()
            .take(8)
            .map(|p| render(*p))
            .collect()
    }
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
