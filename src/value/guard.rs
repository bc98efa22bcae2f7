//! Guards: the conditions under which one of several possibilities holds.

use std::sync::Arc;

use super::ScopeId;

/// One possibility: the conjunction of nested guards leads to an arm.
///
/// Guards over the same `input` are correlated: in one world each input has one `arm`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guard {
    pub scope: ScopeId,
    /// Identity of the test inside its scope: a condition's name, the text of an unknown test.
    pub input: Arc<str>,
    /// For a reader: "condition `Enforce` is true", "`var.env == \"prod\"`".
    pub label: Arc<str>,
    /// Which arm of the input: 1 and 0 for true and false.
    pub arm: u32,
    /// How many arms the input has.
    pub arms: u32,
}

impl Guard {
    /// The input that asks whether something equals a written value.
    pub fn equality(subject: &str, value: &str) -> Arc<str> {
        format!("{subject}{EQUALS}{value}").into()
    }

    /// The arms that each leaves, as bits, where both speak of one input and one of them of several of its arms.
    fn arms_left(&self, other: &Guard) -> Option<(u64, u64)> {
        if self.scope != other.scope {
            return None;
        }
        arms_left((&self.input, self.arm), (&other.input, other.arm))
    }

    pub fn same_input(&self, other: &Guard) -> bool {
        self.scope == other.scope && self.input == other.input
    }

    /// True where both say that one subject is a written value, and the values differ.
    fn rivals(&self, other: &Guard) -> bool {
        self.scope == other.scope && rivals(&self.input, &other.input)
    }

    /// The input that asks whether another one has one of several arms, given by their bits.
    pub fn among(input: &str, arms: u32, bits: u64) -> Arc<str> {
        format!("{input}{AMONG}{arms}:{bits:x}").into()
    }

    /// True where the guards cannot hold in one world.
    pub fn excludes(&self, other: &Guard) -> bool {
        if self.same_input(other) {
            return self.arm != other.arm;
        }
        if let Some((a, b)) = self.arms_left(other) {
            return a & b == 0;
        }
        self.arm == 1 && other.arm == 1 && self.rivals(other)
    }

    /// True where the other guard holds in every world in which this one does.
    pub fn implies(&self, other: &Guard) -> bool {
        if self.same_input(other) {
            return self.arm == other.arm;
        }
        if let Some((a, b)) = self.arms_left(other) {
            return a & !b == 0;
        }
        self.arm == 1 && other.arm == 0 && self.rivals(other)
    }
}

/// Stands between subject and value in the input of an equality.
const EQUALS: char = '\u{1}';

/// True for the equalities of one subject with two values.
pub fn rivals(a: &str, b: &str) -> bool {
    match (a.split_once(EQUALS), b.split_once(EQUALS)) {
        (Some((a, x)), Some((b, y))) => a == b && x != y,
        _ => false,
    }
}

/// Stands between an input and some of its arms.
const AMONG: char = '\u{2}';

/// The arms that two answers leave of the input that both speak of, as bits; `None` where none of them speaks of
/// several arms.
pub fn arms_left(a: (&str, u32), b: (&str, u32)) -> Option<(u64, u64)> {
    fn read((input, arm): (&str, u32)) -> Option<(&str, u32, u64)> {
        let (input, rest) = input.split_once(AMONG)?;
        let (arms, bits) = rest.split_once(':')?;
        let arms: u32 = arms.parse().ok()?;
        let all = u64::MAX.checked_shr(64_u32.checked_sub(arms)?)?;
        let bits = u64::from_str_radix(bits, 16).ok()?;
        Some((input, arms, all & if arm == 1 { bits } else { !bits }))
    }
    let one = |(input, arm): (&str, u32), (of, arms, bits): (&str, u32, u64)| {
        (input == of && arm < arms).then(|| (1_u64 << arm, bits))
    };
    match (read(a), read(b)) {
        (Some(a), Some(b)) => (a.0 == b.0).then_some((a.2, b.2)),
        (None, Some(b)) => one(a, b),
        (Some(a), None) => one(b, a).map(|(b, a)| (a, b)),
        (None, None) => None,
    }
}

/// A conjunction of guards; empty means always.
pub type Guards = Vec<Guard>;
