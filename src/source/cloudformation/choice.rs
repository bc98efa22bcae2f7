//! Choices between values: how a function of several operands meets operands that are choices.
//!
//! Guards over the same input are correlated, so two operands that hang on one condition give two arms, not
//! four. The number of combinations is limited; past the limit the result is unknown.

use std::sync::Arc;

use crate::value::{Arm, Guard, Place, Unknown, Value, ValueKind};

/// Combinations that one function may have.
const COMBINATIONS: usize = 64;

/// The value in the worlds where the guard holds.
pub(super) fn select(value: &Value, guard: &Guard) -> Value {
    let ValueKind::Choice(arms) = &value.kind else {
        return value.clone();
    };
    if let Some(arm) = arms.iter().find(|a| guard.implies(&a.guard)) {
        return select(&arm.value, guard);
    }
    if arms.iter().any(|a| a.guard.same_input(guard)) {
        return value.clone();
    }
    let left: Vec<Arm> = arms
        .iter()
        .filter(|a| !guard.excludes(&a.guard))
        .map(|a| Arm {
            guard: a.guard.clone(),
            value: select(&a.value, guard),
        })
        .collect();
    match left.is_empty() {
        true => value.clone(),
        false => choice(left, value.place.clone()),
    }
}

/// A choice, or the value itself where all arms are alike.
pub(super) fn choice(arms: Vec<Arm>, place: Place) -> Value {
    if let Some((first, rest)) = arms.split_first()
        && rest.iter().all(|a| a.value.kind == first.value.kind)
    {
        return first.value.clone();
    }
    Value::new(ValueKind::Choice(Arc::new(arms)), place)
}

/// Applies a function to operands of which some may be choices; the function sees none.
pub(super) fn lift(
    operands: &[Value],
    place: &Place,
    function: &mut dyn FnMut(&[Value]) -> Value,
) -> Value {
    let mut left = COMBINATIONS;
    let value = combine(operands, place, &mut left, function);
    value.unwrap_or_else(|| {
        Value::unknown(Unknown::because("one of too many values"), place.clone())
    })
}

fn combine(
    operands: &[Value],
    place: &Place,
    left: &mut usize,
    function: &mut dyn FnMut(&[Value]) -> Value,
) -> Option<Value> {
    let found = operands
        .iter()
        .enumerate()
        .find_map(|(index, value)| match &value.kind {
            ValueKind::Choice(arms) => Some((index, arms.clone())),
            _ => None,
        });
    let Some((index, arms)) = found else {
        *left = left.checked_sub(1)?;
        let mut value = function(operands);
        value.sensitive |= operands.iter().any(|o| o.sensitive);
        return Some(value);
    };
    let mut out = Vec::with_capacity(arms.len());
    for arm in arms.iter() {
        let next: Vec<Value> = operands
            .iter()
            .enumerate()
            .map(|(i, value)| select(if i == index { &arm.value } else { value }, &arm.guard))
            .collect();
        out.push(Arm {
            guard: arm.guard.clone(),
            value: combine(&next, place, left, function)?,
        });
    }
    Some(choice(out, place.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{FileId, ScopeId, Span};

    fn place() -> Place {
        Place::at(Span::new(FileId(0), 0, 0))
    }

    fn two(input: &str, yes: &str, no: &str) -> Value {
        let arm = |arm: u32, text: &str| Arm {
            guard: Guard {
                scope: ScopeId(0),
                input: input.into(),
                label: input.into(),
                arm,
                arms: 2,
            },
            value: Value::text(text, place()),
        };
        choice(vec![arm(1, yes), arm(0, no)], place())
    }

    #[test]
    fn one_input_is_asked_once() {
        let mut calls = 0;
        let mut joined = |values: &[Value]| {
            calls += 1;
            Value::text(
                values.iter().filter_map(|v| v.as_str()).collect::<String>(),
                place(),
            )
        };
        let value = lift(
            &[two("A", "1", "2"), two("A", "x", "y"), two("B", "p", "q")],
            &place(),
            &mut joined,
        );
        assert_eq!(calls, 4);
        let arms: Vec<_> = value
            .arms()
            .into_iter()
            .filter_map(|(_, v)| v.as_str().map(str::to_string))
            .collect();
        assert_eq!(arms, ["1xp", "1xq", "2yp", "2yq"]);
    }

    #[test]
    fn too_many_combinations_are_unknown() {
        let operands: Vec<Value> = (0..7).map(|i| two(&format!("C{i}"), "1", "2")).collect();
        let mut count = |values: &[Value]| {
            Value::text(
                values.iter().filter_map(|v| v.as_str()).collect::<String>(),
                place(),
            )
        };
        assert!(matches!(
            lift(&operands, &place(), &mut count).kind,
            ValueKind::Unknown(_)
        ));
    }
}
