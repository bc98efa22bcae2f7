//! Values of a plan set in the place of what the sources leave open.
//!
//! A symbol of a declared resource stays: facts know what it means, with the plan or without.

use std::sync::Arc;

use crate::source::json;
use crate::source::terraform::choice::same;
use crate::value::{Entry, Map, Piece, Place, Symbol, SymbolKind, Text, Unknown, Value, ValueKind};

/// Values inside each other.
const DEPTH: usize = 200;

/// True where nothing in the value is unknown or a choice.
pub fn is_known(value: &Value) -> bool {
    match &value.kind {
        ValueKind::Unknown(_) | ValueKind::Choice(_) => false,
        ValueKind::Text(text) => text.is_literal(),
        ValueKind::Json(inner) => is_known(inner),
        ValueKind::List(items) | ValueKind::Set(items) => items.iter().all(is_known),
        ValueKind::Map(map) => map.iter().all(|(_, entry)| is_known(&entry.value)),
        _ => true,
    }
}

/// The value of the sources, with what it leaves open taken from the plan's value of the same thing.
pub fn graft(source: &Value, plan: &Value) -> Value {
    graft_at(source, plan, 0)
}

fn graft_at(source: &Value, plan: &Value, depth: usize) -> Value {
    if depth > DEPTH || matches!(plan.kind, ValueKind::Unknown(_)) {
        return source.clone();
    }
    let with = |kind: ValueKind| Value {
        kind,
        place: source.place.clone(),
        sensitive: source.sensitive || plan.sensitive,
    };
    let replaced = || match is_known(plan) {
        true => at(plan, &source.place, depth),
        false => source.clone(),
    };
    match (&source.kind, &plan.kind) {
        (ValueKind::Unknown(unknown), _) if stays(unknown) => source.clone(),
        (ValueKind::Unknown(_), _) => replaced(),
        (ValueKind::Text(text), _) => match text.pieces().iter().any(open) {
            true => replaced(),
            false => source.clone(),
        },
        (ValueKind::Json(inner), ValueKind::Text(text)) => {
            match json::parse_text(text, &plan.place) {
                Ok(parsed) => with(ValueKind::Json(Arc::new(graft_at(
                    inner,
                    &parsed,
                    depth + 1,
                )))),
                Err(_) => source.clone(),
            }
        }
        (ValueKind::List(items), ValueKind::List(known)) => match items.len() == known.len() {
            true => {
                let items = items.iter().zip(known.iter());
                let items = items.map(|(s, p)| graft_at(s, p, depth + 1)).collect();
                with(ValueKind::List(Arc::new(items)))
            }
            false if is_open(source, 0) => replaced(),
            false => source.clone(),
        },
        (ValueKind::Set(_), ValueKind::List(_)) if is_open(source, 0) => replaced(),
        (ValueKind::Map(map), ValueKind::Map(known)) => {
            let entry = |(key, entry): (&Arc<str>, &Entry)| {
                let value = match known.get(key) {
                    Some(plan) => graft_at(&entry.value, plan, depth + 1),
                    None => entry.value.clone(),
                };
                let key_place = entry.key_place.clone();
                (key.clone(), Entry { key_place, value })
            };
            with(ValueKind::Map(Arc::new(Map {
                entries: map.iter().map(entry).collect(),
                duplicates: map.duplicates.clone(),
            })))
        }
        (ValueKind::Choice(arms), _) => {
            let mut fitting = arms
                .iter()
                .filter(|arm| may_be(&arm.value, plan, depth + 1));
            match (fitting.next(), fitting.next()) {
                (Some(only), None) => graft_at(&only.value, plan, depth + 1),
                _ => replaced(),
            }
        }
        _ => source.clone(),
    }
}

/// True where the plan's value can be this value of the sources.
fn may_be(source: &Value, plan: &Value, depth: usize) -> bool {
    if depth > DEPTH {
        return true;
    }
    match (&source.kind, &plan.kind) {
        (ValueKind::Unknown(_), _) | (_, ValueKind::Unknown(_)) => true,
        (ValueKind::Choice(arms), _) => arms.iter().any(|a| may_be(&a.value, plan, depth + 1)),
        (ValueKind::Text(text), ValueKind::Text(known)) => {
            !text.is_literal() || text.pieces() == known.pieces()
        }
        (ValueKind::Json(_), ValueKind::Text(_)) => true,
        (ValueKind::List(a), ValueKind::List(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| may_be(a, b, depth + 1))
        }
        (ValueKind::Set(a), ValueKind::List(b)) => a.len() == b.len(),
        (ValueKind::Map(a), ValueKind::Map(b)) => a.iter().all(|(key, entry)| {
            b.get(key)
                .is_none_or(|plan| may_be(&entry.value, plan, depth + 1))
        }),
        _ => same(source, plan, 0),
    }
}

/// The value as if it were written at that place.
pub fn at(value: &Value, place: &Place, depth: usize) -> Value {
    let inner = |v: &Value| at(v, place, depth + 1);
    let kind = match &value.kind {
        _ if depth > DEPTH => value.kind.clone(),
        ValueKind::Text(text) => ValueKind::Text(Text::from_pieces(text.pieces().iter().cloned())),
        ValueKind::List(items) => ValueKind::List(Arc::new(items.iter().map(inner).collect())),
        ValueKind::Map(map) => {
            let entry = |(key, entry): (&Arc<str>, &Entry)| {
                let (key_place, value) = (place.clone(), inner(&entry.value));
                (key.clone(), Entry { key_place, value })
            };
            ValueKind::Map(Arc::new(Map {
                entries: map.iter().map(entry).collect(),
                duplicates: Vec::new(),
            }))
        }
        kind => kind.clone(),
    };
    Value {
        kind,
        place: place.clone(),
        sensitive: value.sensitive,
    }
}

fn stays(unknown: &Unknown) -> bool {
    let keeps = |symbol: &Symbol| {
        matches!(
            symbol.kind,
            SymbolKind::Resource
                | SymbolKind::GeneratedName
                | SymbolKind::Account
                | SymbolKind::OwnAccount
                | SymbolKind::Region
                | SymbolKind::Partition
                | SymbolKind::UrlSuffix
        )
    };
    unknown.symbol.as_deref().is_some_and(keeps)
}

fn open(piece: &Piece) -> bool {
    matches!(piece, Piece::Unknown(unknown) if !stays(unknown))
}

/// True where something in the value is left open.
fn is_open(value: &Value, depth: usize) -> bool {
    let inner = |v: &Value| is_open(v, depth + 1);
    match &value.kind {
        _ if depth > DEPTH => false,
        ValueKind::Unknown(unknown) => !stays(unknown),
        ValueKind::Choice(_) => true,
        ValueKind::Text(text) => text.pieces().iter().any(open),
        ValueKind::Json(value) => inner(value),
        ValueKind::List(items) | ValueKind::Set(items) => items.iter().any(inner),
        ValueKind::Map(map) => map.iter().any(|(_, entry)| inner(&entry.value)),
        _ => false,
    }
}
