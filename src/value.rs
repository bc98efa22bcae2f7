//! Values as written: every node knows its place, and what cannot be computed is a value too.
//!
//! Text is a sequence of literal pieces and symbols, so that `"${aws_s3_bucket.b.arn}/*"` keeps its
//! meaning before the bucket exists. A value may be a choice between arms under guards.
//! Readers produce these values, facts and policies consume them.

mod guard;
mod place;
mod text;

use std::sync::Arc;

use indexmap::IndexMap;

pub use guard::{Guard, Guards, arms_left, rivals};
pub use place::{ELSEWHERE, FileId, Place, ScopeId, Span, Step, Via};
pub use text::{Piece, Segment, SourceMap, Symbol, SymbolKind, Text, TextBuilder, Unknown};

#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    pub guard: Guard,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key_place: Place,
    pub value: Value,
}

/// A mapping in the order of the source. A key written twice keeps its last value; the earlier ones are in `duplicates`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Map {
    pub entries: IndexMap<Arc<str>, Entry, rustc_hash::FxBuildHasher>,
    /// Earlier writings of a key: (key, place of the earlier key).
    pub duplicates: Vec<(Arc<str>, Place)>,
}

impl Map {
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.get(key).map(|e| &e.value)
    }

    pub fn insert(&mut self, key: impl Into<Arc<str>>, key_place: Place, value: Value) {
        let key = key.into();
        if let Some(earlier) = self.entries.insert(key.clone(), Entry { key_place, value }) {
            self.duplicates.push((key, earlier.key_place));
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Entry)> {
        self.entries.iter()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// A number as JSON and HCL write it. Whole numbers of up to 38 digits are exact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Int(n) => n as f64,
            Number::Float(f) => f,
        }
    }

    pub fn as_i128(self) -> Option<i128> {
        match self {
            Number::Int(n) => Some(n),
            Number::Float(f) if f.fract() == 0.0 && f.abs() < 1e36 => Some(f as i128),
            Number::Float(_) => None,
        }
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.as_i128() {
            Some(n) => write!(f, "{n}"),
            None => write!(f, "{}", self.as_f64()),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum ValueKind {
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    /// A text that is the JSON encoding of a value (`jsonencode`, a policy document's `json`, `Fn::ToJsonString`):
    /// its parts keep their places.
    Json(Arc<Value>),
    List(Arc<Vec<Value>>),
    /// A Terraform set: a list whose order means nothing and whose members are distinct where they are known.
    Set(Arc<Vec<Value>>),
    Map(Arc<Map>),
    Unknown(Unknown),
    /// One of the arms, which exclude each other; together they are all that can be.
    Choice(Arc<Vec<Arm>>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    pub kind: ValueKind,
    pub place: Place,
    /// Takes part in decisions and is printed as `(sensitive)`.
    pub sensitive: bool,
}

impl Value {
    /// True where the value has more parts than the limit; what several parts share counts for each of them.
    pub fn has_more_parts_than(&self, limit: usize) -> bool {
        let mut open = vec![self];
        let mut seen = 0usize;
        while let Some(value) = open.pop() {
            seen += 1;
            if seen + open.len() > limit {
                return true;
            }
            match &value.kind {
                ValueKind::List(items) | ValueKind::Set(items) => open.extend(items.iter()),
                ValueKind::Map(map) => open.extend(map.iter().map(|(_, entry)| &entry.value)),
                ValueKind::Choice(arms) => open.extend(arms.iter().map(|arm| &arm.value)),
                ValueKind::Json(inner) => open.push(inner),
                _ => {}
            }
        }
        false
    }

    /// Visits every literal text inside the value, and numbers as they are written.
    pub fn literals(&self, visit: &mut dyn FnMut(&str)) {
        match &self.kind {
            ValueKind::Text(text) => text.as_literal().into_iter().for_each(visit),
            ValueKind::Number(number) => visit(&number.to_string()),
            ValueKind::Json(inner) => inner.literals(visit),
            ValueKind::List(items) | ValueKind::Set(items) => {
                items.iter().for_each(|item| item.literals(visit));
            }
            ValueKind::Map(map) => map.iter().for_each(|(_, e)| e.value.literals(visit)),
            ValueKind::Choice(arms) => arms.iter().for_each(|arm| arm.value.literals(visit)),
            ValueKind::Null | ValueKind::Bool(_) | ValueKind::Unknown(_) => {}
        }
    }

    pub fn new(kind: ValueKind, place: Place) -> Value {
        Value {
            kind,
            place,
            sensitive: false,
        }
    }

    pub fn null(place: Place) -> Value {
        Value::new(ValueKind::Null, place)
    }

    pub fn bool(value: bool, place: Place) -> Value {
        Value::new(ValueKind::Bool(value), place)
    }

    pub fn number(value: Number, place: Place) -> Value {
        Value::new(ValueKind::Number(value), place)
    }

    pub fn int(value: i128, place: Place) -> Value {
        Value::new(ValueKind::Number(Number::Int(value)), place)
    }

    pub fn text(value: impl Into<Arc<str>>, place: Place) -> Value {
        Value::new(ValueKind::Text(Text::literal(value)), place)
    }

    pub fn list(items: Vec<Value>, place: Place) -> Value {
        Value::new(ValueKind::List(Arc::new(items)), place)
    }

    pub fn map(map: Map, place: Place) -> Value {
        Value::new(ValueKind::Map(Arc::new(map)), place)
    }

    pub fn unknown(unknown: Unknown, place: Place) -> Value {
        Value::new(ValueKind::Unknown(unknown), place)
    }

    /// The same value with the use added to its place (and to those of all its parts, lazily: parts keep
    /// their own chains, only the node itself is marked).
    pub fn through(mut self, step: Step, span: Span) -> Value {
        self.place = self.place.through(step, span);
        self
    }

    pub fn is_null(&self) -> bool {
        matches!(self.kind, ValueKind::Null)
    }

    pub fn as_map(&self) -> Option<&Arc<Map>> {
        match &self.kind {
            ValueKind::Map(map) => Some(map),
            _ => None,
        }
    }

    pub fn as_items(&self) -> Option<&[Value]> {
        match &self.kind {
            ValueKind::List(items) | ValueKind::Set(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match &self.kind {
            ValueKind::Bool(b) => Some(*b),
            ValueKind::Text(text) => match text.as_literal() {
                Some("true") => Some(true),
                Some("false") => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The value as a text: scalars in their written form, a symbol as its piece. `None` for null,
    /// collections, choices. Encoded JSON is not rendered here (see `source/encode.rs`).
    pub fn as_text(&self) -> Option<Text> {
        match &self.kind {
            ValueKind::Text(text) => Some(text.clone()),
            ValueKind::Bool(b) => Some(Text::literal(if *b { "true" } else { "false" })),
            ValueKind::Number(n) => Some(Text::literal(n.to_string())),
            ValueKind::Unknown(unknown) => Some(Text::unknown(unknown.clone())),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            ValueKind::Text(text) => text.as_literal(),
            _ => None,
        }
    }

    /// Member of a map; `None` where the value is no map or lacks it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match &self.kind {
            ValueKind::Map(map) => map.get(key),
            _ => None,
        }
    }

    /// The arms a value can be, nested choices flattened; a plain value is its own only arm. Past
    /// [`ARM_LIMIT`] arms the rest is one unknown value under no guard.
    pub fn arms(&self) -> Vec<(Guards, &Value)> {
        /// False where arms were left out.
        fn walk<'v>(
            value: &'v Value,
            guards: &mut Guards,
            out: &mut Vec<(Guards, &'v Value)>,
        ) -> bool {
            let ValueKind::Choice(arms) = &value.kind else {
                let fits = out.len() < ARM_LIMIT;
                if fits {
                    out.push((guards.clone(), value));
                }
                return fits;
            };
            // Each level of nesting adds a guard.
            if guards.len() >= ARM_LIMIT {
                return false;
            }
            for arm in arms.iter() {
                if guards.iter().any(|g| g.excludes(&arm.guard)) {
                    continue;
                }
                guards.push(arm.guard.clone());
                let whole = walk(&arm.value, guards, out);
                guards.pop();
                if !whole {
                    return false;
                }
            }
            true
        }
        let mut out = Vec::new();
        if !walk(self, &mut Vec::new(), &mut out) {
            out.push((Vec::new(), &FURTHER_ARMS));
        }
        out
    }
}

/// Arms of one value that are told apart.
pub const ARM_LIMIT: usize = 64;

static FURTHER_ARMS: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| {
    let place = Place::at(Span::new(FileId(0), 0, 0));
    Value::unknown(
        Unknown::because("the value has more cases than are told apart"),
        place,
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_are_bounded() {
        let place = || Place::at(Span::new(FileId(0), 0, 0));
        let choice = |input: String, inner: Value| {
            let arm = |arm: u32, value: Value| Arm {
                guard: Guard {
                    scope: ScopeId(0),
                    input: input.as_str().into(),
                    label: "".into(),
                    arm,
                    arms: 2,
                },
                value,
            };
            Value::new(
                ValueKind::Choice(Arc::new(vec![arm(1, inner.clone()), arm(0, inner)])),
                place(),
            )
        };
        let nested =
            |depth: usize| (0..depth).fold(Value::null(place()), |v, n| choice(n.to_string(), v));
        assert_eq!(nested(0).arms().len(), 1);
        assert_eq!(nested(3).arms().len(), 8);
        assert_eq!(nested(6).arms().len(), ARM_LIMIT);
        let cut = nested(9);
        let cut = cut.arms();
        assert_eq!(cut.len(), ARM_LIMIT + 1);
        assert!(
            cut.last()
                .is_some_and(|(g, v)| g.is_empty() && matches!(v.kind, ValueKind::Unknown(_)))
        );
        assert_eq!(nested(500).arms().len(), 1);
    }
}
