//! Conversions between types by Terraform's rules, equality, and the order of sets.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{Body, Call, ELEMENTS, Entry, FunctionError, Outcome, depends, pieces};
use crate::source::encode;
use crate::value::{Arm, Number, Place, Text, Value, ValueKind};

pub(super) fn find(name: &str) -> Option<Entry> {
    Some(match name {
        "tostring" => (1, 1, Body::Pure(|c| to_string(c.argument(0)?))),
        "tonumber" => (1, 1, Body::Pure(|c| to_number(c.argument(0)?))),
        "tobool" => (1, 1, Body::Pure(|c| to_bool(c.argument(0)?))),
        "tolist" => (1, 1, Body::Pure(|c| to_list(c.argument(0)?))),
        "toset" => (1, 1, Body::Pure(|c| to_set(c.argument(0)?))),
        "tomap" => (1, 1, Body::Pure(|c| to_map(c.argument(0)?))),
        "sensitive" => (1, 1, Body::Pure(|c| mark(c, true))),
        "nonsensitive" => (1, 1, Body::Pure(|c| mark(c, false))),
        "issensitive" => (
            1,
            1,
            Body::Pure(|c| c.made_bool(c.argument(0)?.sensitive, 0)),
        ),
        "ephemeralasnull" => (1, 1, Body::Pure(|c| Ok(c.argument(0)?.clone()))),
        _ => return None,
    })
}

fn mark(call: &Call, sensitive: bool) -> Outcome {
    let mut value = call.argument(0)?.clone();
    value.sensitive = sensitive;
    Ok(value)
}

/// What Terraform calls the type, for messages.
pub fn type_name(value: &Value) -> &'static str {
    match &value.kind {
        ValueKind::Null => "null",
        ValueKind::Bool(_) => "bool",
        ValueKind::Number(_) => "number",
        ValueKind::Text(_) | ValueKind::Json(_) => "string",
        ValueKind::List(_) => "list",
        ValueKind::Set(_) => "set",
        ValueKind::Map(_) => "map",
        ValueKind::Unknown(_) => "unknown value",
        ValueKind::Choice(_) => "choice",
    }
}

fn refuse<T>(wanted: &str, value: &Value) -> Result<T, FunctionError> {
    Err(FunctionError::Error(format!(
        "{wanted} required, but have {}",
        type_name(value)
    )))
}

/// Applies a conversion to every arm of a choice.
fn over_arms(value: &Value, arms: &[Arm], convert: fn(&Value) -> Outcome) -> Outcome {
    let arms = arms
        .iter()
        .map(|a| {
            Ok(Arm {
                guard: a.guard.clone(),
                value: convert(&a.value)?,
            })
        })
        .collect::<Result<Vec<Arm>, FunctionError>>()?;
    Ok(same_place(value, ValueKind::Choice(Arc::new(arms))))
}

fn same_place(value: &Value, kind: ValueKind) -> Value {
    Value {
        kind,
        place: value.place.clone(),
        sensitive: value.sensitive,
    }
}

/// The written form of a scalar; null is refused.
pub fn text(value: &Value) -> Result<Text, FunctionError> {
    match &value.kind {
        ValueKind::Json(inner) => Ok(encode::json_text(inner)),
        ValueKind::Null => Err(FunctionError::Error(
            "a string is required, but the value is null".into(),
        )),
        ValueKind::Choice(_) => Err(depends(value)),
        _ => match value.as_text() {
            Some(text) => Ok(text),
            None => refuse("a string is", value),
        },
    }
}

/// A number, also from its written form; null is refused.
pub fn number(value: &Value) -> Result<Number, FunctionError> {
    match &value.kind {
        ValueKind::Number(number) => Ok(*number),
        ValueKind::Text(text) => match text.as_literal() {
            Some(literal) => parse_number(literal).ok_or_else(|| {
                FunctionError::Error(format!(
                    "cannot convert \"{literal}\" to a number: it must be a decimal"
                ))
            }),
            None => Err(depends(value)),
        },
        ValueKind::Unknown(_) | ValueKind::Choice(_) => Err(depends(value)),
        _ => refuse("a number is", value),
    }
}

/// True or false, also from its written form; null is refused.
pub fn boolean(value: &Value) -> Result<bool, FunctionError> {
    match &value.kind {
        ValueKind::Bool(b) => Ok(*b),
        ValueKind::Text(text) => match text.as_literal() {
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(_) => refuse("a bool is", value),
            None => Err(depends(value)),
        },
        ValueKind::Unknown(_) | ValueKind::Choice(_) => Err(depends(value)),
        _ => refuse("a bool is", value),
    }
}

/// A decimal as Terraform reads it from a string.
pub fn parse_number(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = unsigned
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !plain || !unsigned.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    if let Ok(n) = text.parse::<i128>() {
        return Some(Number::Int(n));
    }
    text.parse::<f64>()
        .ok()
        .filter(|f| f.is_finite())
        .map(float)
}

/// A double as a number, whole where it is whole.
pub fn float(f: f64) -> Number {
    if f.fract() == 0.0 && f.abs() < 9_007_199_254_740_992.0 {
        Number::Int(f as i128)
    } else {
        Number::Float(f)
    }
}

/// `tostring`: null stays null, unknowns stay what they are.
pub fn to_string(value: &Value) -> Outcome {
    match &value.kind {
        ValueKind::Null | ValueKind::Text(_) | ValueKind::Json(_) | ValueKind::Unknown(_) => {
            Ok(value.clone())
        }
        ValueKind::Choice(arms) => over_arms(value, arms, to_string),
        _ => Ok(same_place(value, ValueKind::Text(text(value)?))),
    }
}

/// `tonumber`.
pub fn to_number(value: &Value) -> Outcome {
    match &value.kind {
        ValueKind::Null | ValueKind::Number(_) | ValueKind::Unknown(_) => Ok(value.clone()),
        ValueKind::Choice(arms) => over_arms(value, arms, to_number),
        _ => Ok(same_place(value, ValueKind::Number(number(value)?))),
    }
}

/// `tobool`.
pub fn to_bool(value: &Value) -> Outcome {
    match &value.kind {
        ValueKind::Null | ValueKind::Bool(_) | ValueKind::Unknown(_) => Ok(value.clone()),
        ValueKind::Choice(arms) => over_arms(value, arms, to_bool),
        _ => Ok(same_place(value, ValueKind::Bool(boolean(value)?))),
    }
}

/// `tolist`: members get one type.
pub fn to_list(value: &Value) -> Outcome {
    match &value.kind {
        ValueKind::Null | ValueKind::Unknown(_) => Ok(value.clone()),
        ValueKind::Choice(arms) => over_arms(value, arms, to_list),
        // The order of a set is known only where its members are.
        ValueKind::Set(items) if items.len() > 1 && !items.iter().all(is_known) => {
            Ok(value.clone())
        }
        ValueKind::List(items) | ValueKind::Set(items) => {
            Ok(same_place(value, ValueKind::List(Arc::new(unify(items)))))
        }
        _ => refuse("a list is", value),
    }
}

/// `toset`: members get one type, are distinct and in Terraform's order.
pub fn to_set(value: &Value) -> Outcome {
    match &value.kind {
        ValueKind::Null | ValueKind::Unknown(_) | ValueKind::Set(_) => Ok(value.clone()),
        ValueKind::Choice(arms) => over_arms(value, arms, to_set),
        ValueKind::List(items) => {
            let mut set = set_of(unify(items), value.place.clone())?;
            set.sensitive = value.sensitive;
            Ok(set)
        }
        _ => refuse("a set is", value),
    }
}

/// `tomap`: members get one type.
pub fn to_map(value: &Value) -> Outcome {
    match &value.kind {
        ValueKind::Null | ValueKind::Unknown(_) => Ok(value.clone()),
        ValueKind::Choice(arms) => over_arms(value, arms, to_map),
        ValueKind::Map(map) => {
            let values: Vec<Value> = map.iter().map(|(_, e)| e.value.clone()).collect();
            let mut out = (**map).clone();
            for (entry, value) in out.entries.values_mut().zip(unify(&values)) {
                entry.value = value;
            }
            Ok(same_place(value, ValueKind::Map(Arc::new(out))))
        }
        _ => refuse("a map is", value),
    }
}

/// Members of a list that must have one type: where scalars are mixed, all become strings.
pub fn unify(items: &[Value]) -> Vec<Value> {
    let (mut bools, mut numbers, mut texts) = (false, false, false);
    for item in items {
        match &item.kind {
            ValueKind::Bool(_) => bools = true,
            ValueKind::Number(_) => numbers = true,
            ValueKind::Text(_) | ValueKind::Json(_) => texts = true,
            ValueKind::Null | ValueKind::Unknown(_) => {}
            _ => return items.to_vec(),
        }
    }
    if u8::from(bools) + u8::from(numbers) + u8::from(texts) < 2 {
        return items.to_vec();
    }
    items
        .iter()
        .map(|i| to_string(i).unwrap_or_else(|_| i.clone()))
        .collect()
}

/// A set of these members: distinct where that is known, sorted as Terraform iterates them, the unknown ones last.
pub fn set_of(items: Vec<Value>, place: Place) -> Outcome {
    if items.len() > ELEMENTS {
        return Err(FunctionError::Unknown(format!(
            "a set of more than {ELEMENTS} elements"
        )));
    }
    let mut items = items;
    items.sort_by(set_order);
    let mut out: Vec<Value> = Vec::with_capacity(items.len());
    let scalars = items
        .iter()
        .all(|i| matches!(i.kind, ValueKind::Text(_) | ValueKind::Number(_)) && is_known(i));
    for item in items {
        let seen = if scalars {
            out.last().is_some_and(|o| equal(o, &item) == Some(true))
        } else {
            out.iter().any(|o| equal(o, &item) == Some(true))
        };
        if !seen {
            out.push(item);
        }
    }
    Ok(Value::new(ValueKind::Set(Arc::new(out)), place))
}

/// Strings by their bytes, numbers by size, false before true; what is not known comes last.
pub fn set_order(a: &Value, b: &Value) -> Ordering {
    match (&a.kind, &b.kind) {
        (ValueKind::Number(x), ValueKind::Number(y)) => compare(*x, *y),
        (ValueKind::Bool(x), ValueKind::Bool(y)) => x.cmp(y),
        (ValueKind::Text(x), ValueKind::Text(y)) => match (x.as_literal(), y.as_literal()) {
            (Some(x), Some(y)) => x.cmp(y),
            (x, y) => x.is_none().cmp(&y.is_none()),
        },
        _ => rank(a).cmp(&rank(b)),
    }
}

fn rank(value: &Value) -> u8 {
    match &value.kind {
        ValueKind::Null => 0,
        ValueKind::Bool(_) => 1,
        ValueKind::Number(_) => 2,
        ValueKind::Text(text) if text.is_literal() => 3,
        ValueKind::Json(_) | ValueKind::List(_) | ValueKind::Set(_) | ValueKind::Map(_) => 4,
        ValueKind::Text(_) => 5,
        ValueKind::Unknown(_) | ValueKind::Choice(_) => 6,
    }
}

/// Which number is smaller.
pub fn compare(a: Number, b: Number) -> Ordering {
    match (a.as_i128(), b.as_i128()) {
        (Some(x), Some(y)) => x.cmp(&y),
        _ => a
            .as_f64()
            .partial_cmp(&b.as_f64())
            .unwrap_or(Ordering::Equal),
    }
}

/// True where nothing in the value is unknown.
pub fn is_known(value: &Value) -> bool {
    fn walk(value: &Value, depth: usize) -> bool {
        depth < super::DEPTH
            && match &value.kind {
                ValueKind::Unknown(_) | ValueKind::Choice(_) => false,
                ValueKind::Text(text) => text.is_literal(),
                ValueKind::Json(inner) => walk(inner, depth + 1),
                ValueKind::List(items) | ValueKind::Set(items) => {
                    items.iter().all(|i| walk(i, depth + 1))
                }
                ValueKind::Map(map) => map.iter().all(|(_, e)| walk(&e.value, depth + 1)),
                _ => true,
            }
    }
    walk(value, 0)
}

/// Terraform's `==`: places do not count, types do; `None` where it depends on what is unknown.
pub fn equal(a: &Value, b: &Value) -> Option<bool> {
    fn all(pairs: impl Iterator<Item = Option<bool>>) -> Option<bool> {
        let mut sure = true;
        for pair in pairs {
            match pair {
                Some(false) => return Some(false),
                Some(true) => {}
                None => sure = false,
            }
        }
        sure.then_some(true)
    }
    fn walk(a: &Value, b: &Value, depth: usize) -> Option<bool> {
        if depth > super::DEPTH {
            return None;
        }
        match (&a.kind, &b.kind) {
            (ValueKind::Unknown(x), ValueKind::Unknown(y)) => {
                (x.symbol.is_some() && x.symbol == y.symbol).then_some(true)
            }
            (ValueKind::Choice(_), _) | (_, ValueKind::Choice(_)) => None,
            (ValueKind::Unknown(u), ValueKind::Null) | (ValueKind::Null, ValueKind::Unknown(u)) => {
                pieces::is_present(u).then_some(false)
            }
            (ValueKind::Null, ValueKind::Null) => Some(true),
            (ValueKind::Null, _) | (_, ValueKind::Null) => Some(false),
            (ValueKind::Bool(x), ValueKind::Bool(y)) => Some(x == y),
            (ValueKind::Number(x), ValueKind::Number(y)) => {
                Some(compare(*x, *y) == Ordering::Equal)
            }
            (
                ValueKind::Text(_) | ValueKind::Json(_) | ValueKind::Unknown(_),
                ValueKind::Text(_) | ValueKind::Json(_) | ValueKind::Unknown(_),
            ) => equal_texts(&text(a).ok()?, &text(b).ok()?),
            (ValueKind::Unknown(_), _) | (_, ValueKind::Unknown(_)) => None,
            (ValueKind::List(x), ValueKind::List(y)) | (ValueKind::Set(x), ValueKind::Set(y)) => {
                if x.len() != y.len() {
                    return Some(false);
                }
                all(x.iter().zip(y.iter()).map(|(x, y)| walk(x, y, depth + 1)))
            }
            (ValueKind::Map(x), ValueKind::Map(y)) => {
                if x.len() != y.len() || x.iter().any(|(k, _)| y.get(k).is_none()) {
                    return Some(false);
                }
                all(x
                    .iter()
                    .filter_map(|(k, e)| y.get(k).map(|v| walk(&e.value, v, depth + 1))))
            }
            _ => Some(false),
        }
    }
    walk(a, b, 0)
}

fn equal_texts(a: &Text, b: &Text) -> Option<bool> {
    if let (Some(a), Some(b)) = (a.as_literal(), b.as_literal()) {
        return Some(a == b);
    }
    let named = |t: &Text| {
        t.pieces()
            .iter()
            .all(|p| !matches!(p, crate::value::Piece::Unknown(u) if u.symbol.is_none()))
    };
    let same_piece = |x: &crate::value::Piece, y: &crate::value::Piece| match (x, y) {
        (crate::value::Piece::Literal(x), crate::value::Piece::Literal(y)) => x == y,
        (crate::value::Piece::Unknown(x), crate::value::Piece::Unknown(y)) => x.symbol == y.symbol,
        _ => false,
    };
    if named(a)
        && named(b)
        && a.pieces().len() == b.pieces().len()
        && a.pieces()
            .iter()
            .zip(b.pieces())
            .all(|(x, y)| same_piece(x, y))
    {
        return Some(true);
    }
    let (x, y) = (a.known_prefix().as_bytes(), b.known_prefix().as_bytes());
    let differs = x.iter().zip(y.iter()).any(|(x, y)| x != y)
        || a.as_literal().is_some_and(|a| a.len() < y.len())
        || b.as_literal().is_some_and(|b| b.len() < x.len());
    differs.then_some(false)
}
