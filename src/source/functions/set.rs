//! Functions of sets and of lists read as sets.

use super::{Body, Call, ELEMENTS, Entry, FunctionError, MANY, Outcome, convert, depends};
use crate::value::{Value, ValueKind};

pub(super) fn find(name: &str) -> Option<Entry> {
    Some(match name {
        "distinct" => (1, 1, Body::Pure(distinct)),
        "contains" => (2, 2, Body::Pure(contains)),
        "setunion" => (1, MANY, Body::Pure(union)),
        "setintersection" => (1, MANY, Body::Pure(intersection)),
        "setsubtract" => (2, 2, Body::Pure(subtract)),
        "setsymmetricdifference" => (1, MANY, Body::Pure(symmetric)),
        "setproduct" => (2, MANY, Body::Pure(product)),
        _ => return None,
    })
}

/// Comparisons of one call; each function here compares members with members.
const COMPARISONS: usize = 20_000_000;

/// Whether the member is among these; `None` where that depends on what is not known.
fn among(items: &[Value], wanted: &Value) -> Option<bool> {
    let mut sure = true;
    for item in items {
        match convert::equal(item, wanted) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => sure = false,
        }
    }
    sure.then_some(false)
}

fn distinct(call: &Call) -> Outcome {
    let items = convert::unify(call.items(0)?);
    if items.len().saturating_mul(items.len()) > COMPARISONS {
        return call.limit();
    }
    let mut out: Vec<Value> = Vec::new();
    let mut sure = true;
    for item in items {
        let known = among(&out, &item);
        sure &= known.is_some();
        if known != Some(true) {
            out.push(item);
        }
    }
    if !sure {
        // Of the members some may be equal.
        return Ok(Value::new(ValueKind::Set(out.into()), call.of(0)));
    }
    call.list(out, call.of(0))
}

fn contains(call: &Call) -> Outcome {
    let wanted = call.argument(1)?;
    let value = call.present(0)?;
    let items = call.items(0)?;
    // Members of a list of one type compare as that type.
    let converted = match (&wanted.kind, items.first().map(|i| &i.kind)) {
        (ValueKind::Number(_) | ValueKind::Bool(_), Some(ValueKind::Text(_))) => {
            convert::to_string(wanted)?
        }
        _ => wanted.clone(),
    };
    match among(items, &converted) {
        Some(answer) => call.made_bool(answer, 0),
        None if !convert::is_known(wanted) => Err(depends(wanted)),
        None => {
            let open = items
                .iter()
                .find(|i| !convert::is_known(i))
                .unwrap_or(value);
            Err(depends(open))
        }
    }
}

/// All arguments as lists whose members have one type.
fn all(call: &Call) -> Result<Vec<Vec<Value>>, FunctionError> {
    let mut lengths = Vec::new();
    let mut joined = Vec::new();
    for index in 0..call.arguments.len() {
        let items = call.items(index)?;
        lengths.push(items.len());
        joined.extend_from_slice(items);
    }
    if joined.len() > ELEMENTS || joined.len().saturating_mul(joined.len()) > COMPARISONS {
        return call.limit();
    }
    let mut members = convert::unify(&joined).into_iter();
    Ok(lengths
        .into_iter()
        .map(|n| members.by_ref().take(n).collect())
        .collect())
}

fn union(call: &Call) -> Outcome {
    convert::set_of(all(call)?.into_iter().flatten().collect(), call.of(0))
}

/// Keeps the members of the first whose presence in the other is as wanted.
fn keep(
    call: &Call,
    first: Vec<Value>,
    other: &[Value],
    wanted: bool,
) -> Result<Vec<Value>, FunctionError> {
    let mut out = Vec::new();
    for item in first {
        match among(other, &item) {
            Some(found) if found == wanted => out.push(item),
            Some(_) => {}
            None => {
                return Err(FunctionError::Unknown(format!(
                    "the members that `{}` leaves depend on what is not known",
                    call.name
                )));
            }
        }
    }
    Ok(out)
}

fn intersection(call: &Call) -> Outcome {
    let mut sets = all(call)?.into_iter();
    let mut out = sets.next().unwrap_or_default();
    for set in sets {
        out = keep(call, out, &set, true)?;
    }
    convert::set_of(out, call.of(0))
}

fn subtract(call: &Call) -> Outcome {
    let mut sets = all(call)?.into_iter();
    let first = sets.next().unwrap_or_default();
    let second = sets.next().unwrap_or_default();
    convert::set_of(keep(call, first, &second, false)?, call.of(0))
}

fn symmetric(call: &Call) -> Outcome {
    let mut sets = all(call)?.into_iter();
    let mut out = sets.next().unwrap_or_default();
    for set in sets {
        let mut left = keep(call, out.clone(), &set, false)?;
        left.extend(keep(call, set, &out, false)?);
        out = left;
    }
    convert::set_of(out, call.of(0))
}

fn product(call: &Call) -> Outcome {
    let mut count: usize = 1;
    let mut sets = Vec::new();
    let mut all_sets = true;
    for index in 0..call.arguments.len() {
        let items = call.items(index)?;
        all_sets &= matches!(call.argument(index)?.kind, ValueKind::Set(_));
        count = count.saturating_mul(items.len());
        sets.push(items);
    }
    if count.saturating_mul(sets.len()) > ELEMENTS {
        return call.limit();
    }
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for items in sets {
        rows = rows
            .iter()
            .flat_map(|row| {
                items.iter().map(move |item| {
                    let mut row = row.clone();
                    row.push(item.clone());
                    row
                })
            })
            .collect();
    }
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|row| Value::list(row, call.of(0)))
        .collect();
    if all_sets {
        convert::set_of(rows, call.of(0))
    } else {
        call.list(rows, call.of(0))
    }
}
