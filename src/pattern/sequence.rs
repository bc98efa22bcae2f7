//! Texts as sequences of letters, wildcards and symbols, and the comparison of two of them.
//!
//! A match is impossible where no completion of the symbols, each occurrence taken for itself, could
//! give one; it is certain where one alignment serves every completion.

use std::sync::Arc;

use super::{Match, PatternOptions, VariableValue, may_hide_colons};
use crate::value::{Piece, Symbol, SymbolKind, Text};

/// Cells of the comparison table beyond which the answer is unknown.
const CELL_LIMIT: usize = 4_000_000;

/// Stands for a letter of the own account's number, which no text that somebody writes holds.
pub const OWN_ACCOUNT: char = '\u{f8ff}';

/// One element of a sequence.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Letter(char),
    /// `?`
    One,
    /// `*`
    Many,
    /// Some text; the same text wherever the same symbol stands.
    Symbol(Option<Arc<Symbol>>),
}

fn letters(out: &mut Vec<Token>, text: &str, ignore_case: bool) {
    if ignore_case {
        out.extend(text.chars().flat_map(char::to_lowercase).map(Token::Letter));
    } else {
        out.extend(text.chars().map(Token::Letter));
    }
}

pub fn subject_tokens(text: &Text, ignore_case: bool) -> Vec<Token> {
    let mut out = Vec::new();
    push_literally(&mut out, text, ignore_case);
    out
}

fn push_literally(out: &mut Vec<Token>, text: &Text, ignore_case: bool) {
    for piece in text.pieces() {
        match piece {
            Piece::Literal(text) => letters(out, text, ignore_case),
            Piece::Unknown(unknown) => out.push(Token::Symbol(unknown.symbol.clone())),
        }
    }
}

fn push_pattern(out: &mut Vec<Token>, text: &str, options: &PatternOptions) {
    if !options.wildcards {
        return letters(out, text, options.ignore_case);
    }
    for c in text.chars() {
        match c {
            '*' => {
                if out.last() != Some(&Token::Many) {
                    out.push(Token::Many);
                }
            }
            '?' => out.push(Token::One),
            c if options.ignore_case => out.extend(c.to_lowercase().map(Token::Letter)),
            c => out.push(Token::Letter(c)),
        }
    }
}

/// The pattern with its variables put in; `None` where a variable has no value, so that nothing matches.
pub fn pattern_tokens(text: &Text, options: &PatternOptions) -> Option<Vec<Token>> {
    let mut out = Vec::new();
    // Inside a variable whose name is partly symbolic: skip to its end.
    let mut inside = false;
    let last = text.pieces().len().saturating_sub(1);
    for (position, piece) in text.pieces().iter().enumerate() {
        let mut rest: &str = match piece {
            Piece::Unknown(unknown) => {
                if !inside {
                    out.push(Token::Symbol(unknown.symbol.clone()));
                }
                continue;
            }
            Piece::Literal(text) => text,
        };
        if inside {
            match rest.split_once('}') {
                Some((_, after)) => {
                    rest = after;
                    inside = false;
                }
                None => continue,
            }
        }
        let Some(resolver) = options.variables else {
            push_pattern(&mut out, rest, options);
            continue;
        };
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, tail)) = after.split_once('}') else {
                if position < last {
                    push_pattern(&mut out, before, options);
                    out.push(Token::Symbol(None));
                    inside = true;
                    rest = "";
                }
                break;
            };
            push_pattern(&mut out, before, options);
            rest = tail;
            match name {
                "*" | "?" | "$" => letters(&mut out, name, false),
                _ => {
                    let (key, default) = match name.split_once(',') {
                        Some((key, default)) => {
                            let default = default.trim();
                            let default = default
                                .strip_prefix('\'')
                                .and_then(|d| d.strip_suffix('\''));
                            (key.trim(), default)
                        }
                        None => (name.trim(), None),
                    };
                    match (resolver(key), default) {
                        (VariableValue::Value(value), _) => {
                            push_literally(&mut out, &value, options.ignore_case)
                        }
                        (VariableValue::Absent, Some(default)) => {
                            letters(&mut out, default, options.ignore_case)
                        }
                        (VariableValue::Absent, None) => return None,
                        (VariableValue::Unknown, _) => out.push(Token::Symbol(None)),
                    }
                }
            }
        }
        push_pattern(&mut out, rest, options);
    }
    Some(out)
}

/// A sequence cut at its first five colons.
pub enum Fields<'t> {
    Six([&'t [Token]; 6]),
    Fewer,
    /// A symbol before the fifth colon may hold colons itself.
    Hidden,
}

pub fn fields(tokens: &[Token]) -> Fields<'_> {
    let mut cut: [&[Token]; 6] = [&[]; 6];
    let mut start = 0;
    let mut found = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Letter(':') => {
                if let Some(slot) = cut.get_mut(found) {
                    *slot = tokens.get(start..at).unwrap_or(&[]);
                }
                start = at + 1;
                found += 1;
                if found == 5 {
                    cut[5] = tokens.get(start..).unwrap_or(&[]);
                    return Fields::Six(cut);
                }
            }
            Token::Symbol(None) => return Fields::Hidden,
            Token::Symbol(Some(symbol)) if may_hide_colons(symbol.kind) => return Fields::Hidden,
            _ => {}
        }
    }
    Fields::Fewer
}

fn same(a: &Token, b: &Token) -> bool {
    match (a, b) {
        (Token::Letter(a), Token::Letter(b)) => a == b,
        (Token::Symbol(Some(a)), Token::Symbol(Some(b))) => Arc::ptr_eq(a, b) || a == b,
        _ => false,
    }
}

/// How many elements both begin with.
pub fn common_prefix(pattern: &[Token], subject: &[Token]) -> usize {
    pattern
        .iter()
        .zip(subject)
        .take_while(|(p, s)| same(p, s))
        .count()
}

/// True where both begin alike, through a symbol that may hold ARN fields.
pub fn shares_hidden_fields(pattern: &[Token], subject: &[Token]) -> bool {
    let shared = pattern
        .get(..common_prefix(pattern, subject))
        .unwrap_or(&[]);
    shared
        .iter()
        .any(|t| matches!(t, Token::Symbol(Some(s)) if may_hide_colons(s.kind)))
}

pub fn compare(pattern: &[Token], subject: &[Token]) -> Match {
    let prefix = common_prefix(pattern, subject);
    let pattern = pattern.get(prefix..).unwrap_or(&[]);
    let subject = subject.get(prefix..).unwrap_or(&[]);
    let suffix = pattern
        .iter()
        .rev()
        .zip(subject.iter().rev())
        .take_while(|(p, s)| same(p, s))
        .count();
    let pattern_end = pattern.get(pattern.len() - suffix..).unwrap_or(&[]);
    let pattern = pattern.get(..pattern.len() - suffix).unwrap_or(&[]);
    let subject = subject.get(..subject.len() - suffix).unwrap_or(&[]);
    match (pattern, subject) {
        ([], []) => return Match::Yes,
        ([Token::Many], _) => return Match::Yes,
        _ => {}
    }
    if names_differ(pattern.iter(), subject.iter(), pattern_end.first())
        || prefix == 0
            && suffix == 0
            && names_differ(pattern.iter().rev(), subject.iter().rev(), None)
    {
        return Match::No;
    }
    if pattern.len().saturating_mul(subject.len()) > CELL_LIMIT {
        return Match::Unknown;
    }
    if !possible(&parts(pattern), &parts(subject)) {
        Match::No
    } else if certain(pattern, subject) {
        Match::Yes
    } else {
        Match::Unknown
    }
}

fn is_name_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

enum Segment<'t> {
    Generated(&'t Symbol),
    Written,
    Other,
}

/// The name that a sequence begins with, up to a letter that no name holds. `next` follows the sequence.
fn segment<'t>(tokens: impl Iterator<Item = &'t Token>, next: Option<&Token>) -> Segment<'t> {
    let mut generated = None;
    let mut length = 0;
    let mut ended = false;
    for token in tokens {
        match token {
            Token::Letter(c) if !is_name_letter(*c) => {
                ended = true;
                break;
            }
            Token::Letter(_) => length += 1,
            Token::Symbol(Some(symbol)) if symbol.kind == SymbolKind::GeneratedName => {
                length += 1;
                generated = Some(&**symbol);
            }
            _ => return Segment::Other,
        }
    }
    if !ended {
        match next {
            None => {}
            Some(Token::Letter(c)) if !is_name_letter(*c) => {}
            Some(_) => return Segment::Other,
        }
    }
    match generated {
        Some(symbol) if length == 1 => Segment::Generated(symbol),
        Some(_) => Segment::Other,
        None => Segment::Written,
    }
}

/// True where no text that begins with `beginning`, up to a letter that no name holds, can match the pattern,
/// because a generated name stands against another name.
pub fn begins_otherwise(pattern: &[Token], beginning: &[Token]) -> bool {
    let shared = common_prefix(pattern, beginning);
    beginning.len() > shared
        && names_differ(
            pattern.get(shared..).unwrap_or(&[]).iter(),
            beginning.get(shared..).unwrap_or(&[]).iter(),
            None,
        )
}

/// A generated name is no other generated name and no name that somebody wrote.
fn names_differ<'t>(
    pattern: impl Iterator<Item = &'t Token>,
    subject: impl Iterator<Item = &'t Token>,
    next: Option<&Token>,
) -> bool {
    match (segment(pattern, next), segment(subject, next)) {
        (Segment::Generated(a), Segment::Generated(b)) => a != b,
        (Segment::Generated(_), Segment::Written) | (Segment::Written, Segment::Generated(_)) => {
            true
        }
        _ => false,
    }
}

/// Letters that a part of a text may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letters {
    ascii: u128,
    other: bool,
}

impl Letters {
    pub const ANY: Letters = Letters {
        ascii: u128::MAX,
        other: true,
    };
    /// What a field of an ARN before its last one holds.
    pub const NO_COLON: Letters = Letters {
        ascii: !(1 << b':'),
        other: true,
    };

    const fn range(from: u8, to: u8) -> u128 {
        let mut set = 0;
        let mut c = from;
        while c <= to {
            set |= 1 << c;
            c += 1;
        }
        set
    }

    const DIGITS: Letters = Letters {
        ascii: Self::range(b'0', b'9'),
        other: false,
    };
    const REGION: Letters = Letters {
        ascii: Self::range(b'0', b'9') | Self::range(b'a', b'z') | 1 << b'-',
        other: false,
    };
    const PARTITION: Letters = Letters {
        ascii: Self::range(b'a', b'z') | 1 << b'-',
        other: false,
    };
    const HOST: Letters = Letters {
        ascii: Self::REGION.ascii | 1 << b'.',
        other: false,
    };
    const NAME: Letters = Letters {
        ascii: Self::HOST.ascii | Self::range(b'A', b'Z') | 1 << b'_',
        other: false,
    };

    pub fn of(c: char) -> Letters {
        match u32::from(c) {
            n @ 0..128 => Letters {
                ascii: 1 << n,
                other: false,
            },
            _ => Letters {
                ascii: 0,
                other: true,
            },
        }
    }

    /// Some letter is in both.
    pub fn meets(self, other: Letters) -> bool {
        self.ascii & other.ascii != 0 || self.other && other.other
    }

    /// A plain letter of the set.
    pub fn sample(self) -> Option<char> {
        ['x', '0', '-']
            .into_iter()
            .find(|c| self.meets(Letters::of(*c)))
    }
}

/// One element of what a sequence may stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part {
    Letter(char),
    One(Letters),
    Many(Letters),
}

impl Part {
    fn letters(self) -> Letters {
        match self {
            Part::Letter(c) => Letters::of(c),
            Part::One(letters) | Part::Many(letters) => letters,
        }
    }

    pub fn is_many(self) -> bool {
        matches!(self, Part::Many(_))
    }

    pub fn meets(self, other: Part) -> bool {
        match (self, other) {
            (Part::Letter(a), Part::Letter(b)) => a == b,
            (a, b) => a.letters().meets(b.letters()),
        }
    }
}

/// The sequence with every symbol as the letters that it may hold.
pub fn parts(tokens: &[Token]) -> Vec<Part> {
    let mut out = Vec::with_capacity(tokens.len());
    for token in tokens {
        match token {
            Token::Letter(c) => out.push(Part::Letter(*c)),
            Token::One => out.push(Part::One(Letters::ANY)),
            Token::Many => out.push(Part::Many(Letters::ANY)),
            Token::Symbol(symbol) => match symbol.as_ref().map(|s| s.kind) {
                // No written digit belongs to it: a private letter stands for each of its own.
                Some(SymbolKind::OwnAccount) => out.extend([Part::Letter(OWN_ACCOUNT); 12]),
                Some(SymbolKind::Account) => out.extend([Part::One(Letters::DIGITS); 12]),
                Some(SymbolKind::Region) => {
                    out.extend([Part::One(Letters::REGION), Part::Many(Letters::REGION)]);
                }
                Some(SymbolKind::Partition) => {
                    out.extend("aws".chars().map(Part::Letter));
                    out.push(Part::Many(Letters::PARTITION));
                }
                Some(SymbolKind::UrlSuffix) => out.push(Part::Many(Letters::HOST)),
                Some(SymbolKind::GeneratedName) => {
                    out.extend([Part::One(Letters::NAME), Part::Many(Letters::NAME)]);
                }
                _ => out.push(Part::Many(Letters::ANY)),
            },
        }
    }
    out
}

/// Fills a table of reachable positions; `step` says where the pair at a position leads:
/// past the pattern's element, past the subject's, past both.
fn reaches_end<P: Copy, S: Copy>(
    pattern: &[P],
    subject: &[S],
    step: impl Fn(Option<P>, Option<S>) -> (bool, bool, bool),
) -> bool {
    let width = subject.len() + 1;
    let mut row = vec![false; width];
    if let Some(first) = row.first_mut() {
        *first = true;
    }
    for i in 0..=pattern.len() {
        let mut next = vec![false; width];
        let p = pattern.get(i).copied();
        let mut any = false;
        for j in 0..width {
            if row.get(j) != Some(&true) {
                continue;
            }
            any = true;
            let s = subject.get(j).copied();
            if p.is_none() && s.is_none() {
                return true;
            }
            let (past_pattern, past_subject, past_both) = step(p, s);
            let mark = |row: &mut Vec<bool>, j: usize, on: bool| {
                if let (true, Some(cell)) = (on, row.get_mut(j)) {
                    *cell = true;
                }
            };
            mark(&mut row, j + 1, past_subject && s.is_some());
            mark(&mut next, j, past_pattern && p.is_some());
            mark(&mut next, j + 1, past_both && p.is_some() && s.is_some());
        }
        if !any {
            return false;
        }
        row = next;
    }
    false
}

fn possible(pattern: &[Part], subject: &[Part]) -> bool {
    reaches_end(pattern, subject, |p, s| {
        let meets = matches!((p, s), (Some(p), Some(s)) if p.meets(s));
        let p_many = p.is_some_and(Part::is_many);
        let s_many = s.is_some_and(Part::is_many);
        (
            p_many || s_many && meets,
            s_many || p_many && meets,
            meets && !p_many && !s_many,
        )
    })
}

fn certain(pattern: &[Token], subject: &[Token]) -> bool {
    let pattern: Vec<&Token> = pattern.iter().collect();
    let subject: Vec<&Token> = subject.iter().collect();
    reaches_end(&pattern, &subject, |p, s| {
        let many = p == Some(&Token::Many);
        let both = match (p, s) {
            (Some(Token::One), Some(Token::Letter(_))) => true,
            (Some(p), Some(s)) => same(p, s),
            _ => false,
        };
        (many, many, both)
    })
}
