//! Functions of lists and maps; known structure is kept around unknown leaves.

use std::sync::Arc;

use super::{
    Body, Call, DEPTH, ELEMENTS, Entry, FunctionError, MANY, Outcome, convert, depends, known,
    pieces, string,
};
use crate::value::{Entry as MapEntry, Map, Value, ValueKind};

pub(super) fn find(name: &str) -> Option<Entry> {
    Some(match name {
        "length" => (1, 1, Body::Pure(length)),
        "concat" => (1, MANY, Body::Pure(concat)),
        "flatten" => (1, 1, Body::Pure(flatten)),
        "merge" => (0, MANY, Body::Pure(merge)),
        "keys" => (1, 1, Body::Pure(keys)),
        "values" => (1, 1, Body::Pure(values)),
        "lookup" => (2, 3, Body::Pure(lookup)),
        "element" => (2, 2, Body::Pure(element)),
        "index" => (2, 2, Body::Pure(index)),
        "slice" => (3, 3, Body::Pure(slice)),
        "reverse" => (1, 1, Body::Pure(reverse)),
        "chunklist" => (2, 2, Body::Pure(chunklist)),
        "coalesce" => (0, MANY, Body::Pure(coalesce)),
        "coalescelist" => (0, MANY, Body::Pure(coalescelist)),
        "compact" => (1, 1, Body::Pure(compact)),
        "sort" => (1, 1, Body::Pure(sort)),
        "zipmap" => (2, 2, Body::Pure(zipmap)),
        "matchkeys" => (3, 3, Body::Pure(matchkeys)),
        "transpose" => (1, 1, Body::Pure(transpose)),
        "one" => (1, 1, Body::Pure(one)),
        "alltrue" => (1, 1, Body::Pure(|c| truths(c, false))),
        "anytrue" => (1, 1, Body::Pure(|c| truths(c, true))),
        "list" => (
            0,
            MANY,
            Body::Pure(|c| c.list(convert::unify(c.arguments), c.of(0))),
        ),
        _ => return None,
    })
}

/// True where the number of a set's members hangs on values that are not known.
fn is_vague_set(value: &Value) -> bool {
    matches!(&value.kind, ValueKind::Set(items) if items.len() > 1) && !convert::is_known(value)
}

fn length(call: &Call) -> Outcome {
    let value = call.present(0)?;
    if is_vague_set(value) {
        return Err(depends(value));
    }
    match &value.kind {
        ValueKind::List(items) | ValueKind::Set(items) => call.made_int(items.len() as i128, 0),
        ValueKind::Map(map) => call.made_int(map.len() as i128, 0),
        ValueKind::Text(_) | ValueKind::Json(_) => string::length(call, &convert::text(value)?),
        ValueKind::Unknown(_) | ValueKind::Choice(_) => Err(depends(value)),
        _ => call.error("argument must be a string, a collection type, or a structural type"),
    }
}

fn concat(call: &Call) -> Outcome {
    let mut out = Vec::new();
    for index in 0..call.arguments.len() {
        out.extend_from_slice(call.items(index)?);
        if out.len() > ELEMENTS {
            return call.limit();
        }
    }
    call.list(out, call.of(0))
}

fn flatten(call: &Call) -> Outcome {
    fn walk(
        call: &Call,
        items: &[Value],
        depth: usize,
        out: &mut Vec<Value>,
    ) -> Result<(), FunctionError> {
        for item in items {
            match &item.kind {
                ValueKind::List(inner) | ValueKind::Set(inner) if depth < DEPTH => {
                    walk(call, inner, depth + 1, out)?;
                }
                // It may be a list of any length, unless it is certainly a scalar.
                ValueKind::Unknown(unknown) if !pieces::is_scalar(unknown) => {
                    return Err(depends(item));
                }
                _ => out.push(item.clone()),
            }
            if out.len() > ELEMENTS {
                return call.limit();
            }
        }
        Ok(())
    }
    let mut out = Vec::new();
    walk(call, call.items(0)?, 0, &mut out)?;
    call.list(out, call.of(0))
}

/// A key written again in a later map is no duplicate.
fn put(map: &mut Map, key: &Arc<str>, entry: MapEntry) {
    map.entries.insert(key.clone(), entry);
}

fn merge(call: &Call) -> Outcome {
    let mut out = Map::default();
    for index in 0..call.arguments.len() {
        if call.argument(index)?.is_null() {
            continue;
        }
        for (key, entry) in call.map(index)?.iter() {
            put(&mut out, key, entry.clone());
        }
        if out.len() > ELEMENTS {
            return call.limit();
        }
    }
    Ok(Value::map(out, call.of(0)))
}

/// The entries as Terraform iterates them.
pub(super) fn sorted(map: &Map) -> Vec<(&Arc<str>, &MapEntry)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by(|a, b| a.0.cmp(b.0));
    entries
}

fn keys(call: &Call) -> Outcome {
    let entries = sorted(call.map(0)?);
    call.list(
        entries
            .into_iter()
            .map(|(k, e)| Value::text(k.clone(), e.key_place.clone()))
            .collect(),
        call.of(0),
    )
}

fn values(call: &Call) -> Outcome {
    let entries = sorted(call.map(0)?);
    call.list(
        entries.into_iter().map(|(_, e)| e.value.clone()).collect(),
        call.of(0),
    )
}

fn lookup(call: &Call) -> Outcome {
    let map = call.map(0)?;
    let key = known(&call.text(1)?);
    match (key, call.arguments.get(2)) {
        (Err(_), Some(default)) if map.is_empty() => Ok(default.clone()),
        (Err(error), _) => Err(error),
        (Ok(key), default) => match (map.get(&key), default) {
            (Some(value), _) => Ok(value.clone()),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) => call.error(format!("the given map has no element with key \"{key}\"")),
        },
    }
}

fn element(call: &Call) -> Outcome {
    let value = call.present(0)?;
    let items = call.items(0)?;
    let index = call.whole(1)?;
    if index < 0 {
        return call.error("cannot use element function with a negative index");
    }
    if items.is_empty() {
        return call.error("cannot use element function with an empty list");
    }
    if is_vague_set(value) {
        return Err(depends(value));
    }
    let index = usize::try_from(index % items.len() as i128).unwrap_or(0);
    items.get(index).cloned().ok_or_else(|| depends(value))
}

fn index(call: &Call) -> Outcome {
    let wanted = call.argument(1)?;
    let items = call.items(0)?;
    if items.is_empty() {
        return call.error("cannot search an empty list");
    }
    for (position, item) in items.iter().enumerate() {
        match convert::equal(item, wanted) {
            Some(true) => return call.made_int(position as i128, 0),
            Some(false) => {}
            None => {
                return Err(FunctionError::Unknown(
                    "which member is meant depends on what is not known".into(),
                ));
            }
        }
    }
    call.error("item not found")
}

fn slice(call: &Call) -> Outcome {
    let items = call.items(0)?;
    if matches!(call.argument(0)?.kind, ValueKind::Set(_)) {
        return call.error("cannot slice a set, because its elements do not have indices");
    }
    let (start, end) = (call.whole(1)?, call.whole(2)?);
    let part = usize::try_from(start)
        .ok()
        .zip(usize::try_from(end).ok())
        .and_then(|(s, e)| items.get(s..e));
    match part {
        Some(part) => call.list(part.to_vec(), call.of(0)),
        None => call.error("start index and end index must lie in the list, in that order"),
    }
}

fn reverse(call: &Call) -> Outcome {
    call.list(call.items(0)?.iter().rev().cloned().collect(), call.of(0))
}

fn chunklist(call: &Call) -> Outcome {
    let items = call.items(0)?;
    let Ok(size) = usize::try_from(call.whole(1)?) else {
        return call.error("the size argument must be positive");
    };
    let size = if size == 0 { items.len().max(1) } else { size };
    let chunks = items
        .chunks(size)
        .map(|c| Value::list(c.to_vec(), call.of(0)))
        .collect();
    call.list(chunks, call.of(0))
}

fn coalesce(call: &Call) -> Outcome {
    let arguments = convert::unify(call.arguments);
    for value in arguments {
        let empty = match &value.kind {
            ValueKind::Null => true,
            ValueKind::Text(text) if text.is_literal() => text.is_empty(),
            // A literal piece beside a symbol makes it more than nothing.
            ValueKind::Text(_) => false,
            ValueKind::Unknown(unknown) if !pieces::is_present(unknown) => {
                return Err(depends(&value));
            }
            _ => false,
        };
        if !empty {
            return Ok(value);
        }
    }
    call.error("no non-null, non-empty-string arguments")
}

fn coalescelist(call: &Call) -> Outcome {
    for index in 0..call.arguments.len() {
        let value = call.argument(index)?;
        if !value.is_null() && !call.items(index)?.is_empty() {
            return Ok(value.clone());
        }
    }
    call.error("no non-null arguments")
}

fn compact(call: &Call) -> Outcome {
    let mut out = Vec::new();
    for item in call.items(0)? {
        let value = convert::to_string(item)?;
        match &value.kind {
            ValueKind::Null => {}
            ValueKind::Text(text) if text.is_empty() => {}
            ValueKind::Unknown(unknown)
                if !pieces::is_present(unknown) && !pieces::is_scalar(unknown) =>
            {
                return Err(depends(&value));
            }
            _ => out.push(value),
        }
    }
    call.list(out, call.of(0))
}

fn sort(call: &Call) -> Outcome {
    let value = call.present(0)?;
    let mut items = call
        .items(0)?
        .iter()
        .map(convert::to_string)
        .collect::<Result<Vec<_>, _>>()?;
    if items.iter().any(Value::is_null) {
        return call.error("given list element is null; a null string cannot be sorted");
    }
    items.sort_by(convert::set_order);
    if items.len() > 1 && !convert::is_known(value) {
        // The members are known, their order is not.
        return Ok(Value::new(ValueKind::Set(Arc::new(items)), call.of(0)));
    }
    call.list(items, call.of(0))
}

fn zipmap(call: &Call) -> Outcome {
    let (keys, values) = (call.items(0)?, call.items(1)?);
    if keys.len() != values.len() {
        return call.error(format!(
            "number of keys ({}) does not match number of values ({})",
            keys.len(),
            values.len()
        ));
    }
    let names = string::texts(keys)?;
    let mut out = Map::default();
    for ((key, name), value) in keys.iter().zip(&names).zip(values) {
        put(
            &mut out,
            name,
            MapEntry {
                key_place: key.place.clone(),
                value: value.clone(),
            },
        );
    }
    Ok(Value::map(out, call.of(1)))
}

fn matchkeys(call: &Call) -> Outcome {
    let (values, keys, wanted) = (call.items(0)?, call.items(1)?, call.items(2)?);
    if values.len() != keys.len() {
        return call.error("length of keys and values should be equal");
    }
    let mut out = Vec::new();
    for (value, key) in values.iter().zip(keys) {
        let mut found = Some(false);
        for w in wanted {
            match convert::equal(key, w) {
                Some(true) => {
                    found = Some(true);
                    break;
                }
                Some(false) => {}
                None => found = None,
            }
        }
        match found {
            Some(true) => out.push(value.clone()),
            Some(false) => {}
            None => return Err(depends(key)),
        }
    }
    call.list(out, call.of(0))
}

fn transpose(call: &Call) -> Outcome {
    let mut turned: std::collections::BTreeMap<Arc<str>, Vec<Value>> =
        std::collections::BTreeMap::new();
    for (key, entry) in sorted(call.map(0)?) {
        let Some(items) = entry.value.as_items() else {
            return if matches!(entry.value.kind, ValueKind::Unknown(_)) {
                Err(depends(&entry.value))
            } else {
                call.error("a map of lists is required")
            };
        };
        for name in string::texts(items)? {
            turned
                .entry(name)
                .or_default()
                .push(Value::text(key.clone(), entry.key_place.clone()));
        }
    }
    let mut out = Map::default();
    for (name, items) in turned {
        out.insert(name, call.of(0), Value::list(items, call.of(0)));
    }
    Ok(Value::map(out, call.of(0)))
}

fn one(call: &Call) -> Outcome {
    let value = call.present(0)?;
    if is_vague_set(value) {
        return Err(depends(value));
    }
    match call.items(0)? {
        [] => Ok(Value::null(call.of(0))),
        [item] => Ok(item.clone()),
        _ => call.error("must be a list, set, or tuple value with either zero or one elements"),
    }
}

/// `alltrue` stops at the first false, `anytrue` at the first true.
fn truths(call: &Call, stop: bool) -> Outcome {
    let mut open = None;
    for item in call.items(0)? {
        if item.is_null() {
            if !stop {
                return call.made_bool(false, 0);
            }
            continue;
        }
        match convert::boolean(item) {
            Ok(b) if b == stop => return call.made_bool(stop, 0),
            Ok(_) => {}
            Err(FunctionError::Unknown(reason)) => open = Some(reason),
            Err(error) => return Err(error),
        }
    }
    match open {
        Some(reason) => Err(FunctionError::Unknown(reason)),
        None => call.made_bool(!stop, 0),
    }
}
