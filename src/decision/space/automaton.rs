//! A pattern as an automaton over letters and symbols, made deterministic as far as it is walked.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::pattern::may_hide_colons;
use crate::pattern::sequence::{Letters, Part, Token, common_prefix, parts};
use crate::value::Symbol;

/// Longest pattern that is taken.
pub const CELL_LIMIT: usize = 8_192;
/// No transition yet.
const OPEN: u32 = u32::MAX;

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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Letter {
    Char(char),
    Symbol(Arc<Symbol>),
}

/// One element of an automaton.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Part(Part),
    /// Taken by that symbol only.
    Same(Option<Arc<Symbol>>),
}

/// What a pattern may match, or what it matches whatever its symbols are.
#[derive(Clone, Copy, PartialEq)]
pub enum Mode {
    Possible,
    Certain,
}

/// A pattern, made deterministic as far as it was walked.
pub struct Automaton {
    pub cells: Vec<Cell>,
    mode: Mode,
    pub ignore_case: bool,
    states: Vec<Vec<u16>>,
    index: FxHashMap<Vec<u16>, u32>,
    /// Per state and letter of the alphabet.
    next: Vec<Vec<u32>>,
    /// Per state the letters that it tells apart, where they are known.
    told: Vec<Option<u128>>,
    pub start: u32,
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
    pub fn new(cut: &Cut, mode: Mode) -> Automaton {
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
            told: Vec::new(),
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
        self.told.push(None);
        number
    }

    pub fn positions(&self, state: u32) -> &[u16] {
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
    pub fn follow(&mut self, state: u32, at: usize, letter: &Letter) -> u32 {
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

    /// The letters of the alphabet, by their positions, that lead elsewhere than one that no pattern holds.
    pub fn tells_apart(&mut self, state: u32, alphabet: &[Letter]) -> u128 {
        let known = self.told.get(state as usize).copied().flatten();
        known.unwrap_or_else(|| {
            let mut told = 0;
            for position in self.positions(state) {
                match self.cells.get(usize::from(*position)) {
                    Some(Cell::Part(Part::Letter(own))) => {
                        let same = |letter: &Letter| match letter {
                            Letter::Char(c) if self.ignore_case => {
                                c.to_lowercase().eq(own.to_lowercase())
                            }
                            Letter::Char(c) => c == own,
                            Letter::Symbol(_) => false,
                        };
                        for (at, _) in alphabet.iter().enumerate().filter(|(_, l)| same(l)) {
                            told |= 1u128.checked_shl(at as u32).unwrap_or(0);
                        }
                    }
                    Some(Cell::Part(Part::One(set) | Part::Many(set))) if *set != Letters::ANY => {
                        told = u128::MAX;
                    }
                    _ => {}
                }
            }
            if let Some(cell) = self.told.get_mut(state as usize) {
                *cell = Some(told);
            }
            told
        })
    }

    pub fn accepts(&self, state: u32) -> bool {
        self.positions(state)
            .last()
            .is_some_and(|p| usize::from(*p) == self.cells.len())
    }

    /// True where nothing that follows changes the answer.
    pub fn is_settled(&self) -> bool {
        let positions = self.positions(self.start);
        let last = self.cells.len().saturating_sub(1);
        positions.is_empty()
            || matches!(
                self.cells.last(),
                Some(Cell::Part(Part::Many(Letters::ANY)))
            ) && positions.iter().any(|p| usize::from(*p) == last)
    }

    pub fn run(&self, text: &[Letter]) -> bool {
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
    pub fn written(&self) -> Vec<Vec<Letter>> {
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
