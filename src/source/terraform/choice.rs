//! Values that are one of several: computing over each arm, and naming unknown tests.

use std::sync::Arc;

use super::evaluate::{Failure, Outcome};
use crate::value::{Arm, Entry, Guard, Guards, Map, Place, ScopeId, Unknown, Value, ValueKind};

/// Arms that a computation may spread over.
pub const ARMS: usize = 16;

/// The value where the guard's input has the guard's arm.
pub fn assume(value: &Value, guard: &Guard) -> Value {
    let ValueKind::Choice(arms) = &value.kind else {
        return value.clone();
    };
    let same = |g: &Guard| g.scope == guard.scope && g.input == guard.input;
    if let Some(arm) = arms
        .iter()
        .find(|a| same(&a.guard) && a.guard.arm == guard.arm)
    {
        return assume(&arm.value, guard);
    }
    let inside: Vec<Arm> = arms
        .iter()
        .map(|a| Arm {
            guard: a.guard.clone(),
            value: assume(&a.value, guard),
        })
        .collect();
    Value {
        kind: ValueKind::Choice(Arc::new(inside)),
        place: value.place.clone(),
        sensitive: value.sensitive,
    }
}

/// Number of ways a value can be.
pub fn width(value: &Value) -> usize {
    match &value.kind {
        ValueKind::Choice(arms) => arms.iter().map(|a| width(&a.value)).sum(),
        _ => 1,
    }
}

/// Computes over values that may be choices. An arm that fails is no possibility, unless all fail.
pub fn spread(
    values: &[Value],
    place: &Place,
    compute: &mut dyn FnMut(&[Value]) -> Outcome,
) -> Outcome {
    let mut budget = ARMS;
    spread_within(values, place, &mut budget, compute)
}

fn spread_within(
    values: &[Value],
    place: &Place,
    budget: &mut usize,
    compute: &mut dyn FnMut(&[Value]) -> Outcome,
) -> Outcome {
    let Some(arms) = values.iter().find_map(|v| match &v.kind {
        ValueKind::Choice(arms) => Some(arms.clone()),
        _ => None,
    }) else {
        return compute(values);
    };
    if arms.len() > *budget {
        return Ok(Value::unknown(
            Unknown::because("more than 16 possible values"),
            place.clone(),
        ));
    }
    *budget = *budget + 1 - arms.len().max(1);
    let mut out = Vec::new();
    let mut failure: Option<Failure> = None;
    for arm in arms.iter() {
        let world: Vec<Value> = values.iter().map(|v| assume(v, &arm.guard)).collect();
        match spread_within(&world, place, budget, compute) {
            Ok(value) => out.push(Arm {
                guard: arm.guard.clone(),
                value,
            }),
            Err(error) => failure = Some(error),
        }
    }
    match (out.len(), failure) {
        (0, Some(error)) => Err(error),
        (1, Some(_)) => Ok(out.swap_remove(0).value),
        _ => Ok(choose(out, place)),
    }
}

/// A choice between arms, or the one value that all arms have.
pub fn choose(arms: Vec<Arm>, place: &Place) -> Value {
    if let Some((first, rest)) = arms.split_first()
        && rest.iter().all(|a| same(&a.value, &first.value, 0))
    {
        return first.value.clone();
    }
    Value::new(ValueKind::Choice(Arc::new(arms)), place.clone())
}

/// Equal but for places.
pub fn same(a: &Value, b: &Value, depth: usize) -> bool {
    if depth > 64 {
        return false;
    }
    match (&a.kind, &b.kind) {
        (ValueKind::Text(x), ValueKind::Text(y)) => x.pieces() == y.pieces(),
        (ValueKind::Unknown(x), ValueKind::Unknown(y)) => x == y && x.symbol.is_some(),
        (ValueKind::Json(x), ValueKind::Json(y)) => same(x, y, depth + 1),
        (ValueKind::List(x), ValueKind::List(y)) | (ValueKind::Set(x), ValueKind::Set(y)) => {
            x.len() == y.len() && x.iter().zip(y.iter()).all(|(x, y)| same(x, y, depth + 1))
        }
        (ValueKind::Map(x), ValueKind::Map(y)) => {
            x.len() == y.len()
                && x.iter()
                    .all(|(k, e)| y.get(k).is_some_and(|v| same(&e.value, v, depth + 1)))
        }
        (ValueKind::Choice(x), ValueKind::Choice(y)) => {
            x.len() == y.len()
                && x.iter()
                    .zip(y.iter())
                    .all(|(x, y)| x.guard == y.guard && same(&x.value, &y.value, depth + 1))
        }
        (x, y) => x == y,
    }
}

/// The pair of guards (true, false) over an unknown test. A negated test has the guards of the plain one, turned.
pub fn guards_of(scope: ScopeId, test: &str, label: &str) -> (Guard, Guard) {
    let mut input = test.trim();
    let mut turned = false;
    while let Some(inner) = input.strip_prefix('!') {
        turned = !turned;
        input = match inner.strip_prefix('(').and_then(|i| i.strip_suffix(')')) {
            Some(bare) => bare,
            None => inner,
        };
    }
    let guard = |holds: bool| Guard {
        scope,
        input: input.into(),
        label: if holds {
            format!("`{label}`").into()
        } else {
            format!("not `{label}`").into()
        },
        arm: u32::from(holds != turned),
        arms: 2,
    };
    (guard(true), guard(false))
}

/// True where no guard of the one excludes a guard of the other.
pub fn compatible(a: &[Guard], b: &[Guard]) -> bool {
    a.iter().all(|x| {
        b.iter()
            .all(|y| x.scope != y.scope || x.input != y.input || x.arm == y.arm)
    })
}

/// The same input with another arm.
pub fn otherwise(guard: &Guard, arm: u32) -> Guard {
    let label = &*guard.label;
    let turned = [(" is not 0", " is 0"), (" is not empty", " is empty")]
        .iter()
        .find_map(|(yes, no)| label.strip_suffix(yes).map(|rest| format!("{rest}{no}")));
    let label = match (turned, label.strip_prefix("not ")) {
        _ if arm == guard.arm => label.to_string(),
        (Some(turned), _) => turned,
        (None, Some(plain)) => plain.to_string(),
        (None, None) => format!("not {label}"),
    };
    Guard {
        arm,
        label: label.into(),
        ..guard.clone()
    }
}

/// Builds the value of one world; the test says whether guards hold there.
type Build<'b> = dyn FnMut(&dyn Fn(&Guards) -> bool) -> Value + 'b;

/// What there is in each world of the guards: `build` is told whether guards hold. Where there are too many
/// worlds, everything is taken to be there.
pub fn worlds(guards: &[&Guards], place: &Place, build: &mut Build<'_>) -> Value {
    let mut inputs: Vec<&Guard> = Vec::new();
    for guard in guards.iter().flat_map(|g| g.iter()) {
        if !inputs
            .iter()
            .any(|i| i.scope == guard.scope && i.input == guard.input)
        {
            inputs.push(guard);
        }
        if inputs.len() > 4 {
            break;
        }
    }
    let ways = inputs.iter().fold(1usize, |ways, i| {
        ways.saturating_mul(i.arms.max(1) as usize)
    });
    if ways > ARMS {
        return build(&|_| true);
    }
    each_world(&inputs, &mut Vec::new(), place, build)
}

fn each_world(
    inputs: &[&Guard],
    world: &mut Guards,
    place: &Place,
    build: &mut Build<'_>,
) -> Value {
    let Some((input, rest)) = inputs.split_first() else {
        return build(&|guards| compatible(world, guards));
    };
    let mut arms = Vec::new();
    // The arm in which something is comes first.
    let order = std::iter::once(input.arm).chain((0..input.arms).filter(|a| *a != input.arm));
    for arm in order {
        let guard = otherwise(input, arm);
        world.push(guard.clone());
        let value = each_world(rest, world, place, build);
        world.pop();
        arms.push(Arm { guard, value });
    }
    choose(arms, place)
}

/// The value in the worlds where all the guards hold, all through it.
pub fn assume_all(value: &Value, guards: &[Guard], depth: usize) -> Value {
    if guards.is_empty() || depth > 64 {
        return value.clone();
    }
    let inner = |v: &Value| assume_all(v, guards, depth + 1);
    let kind = match &value.kind {
        ValueKind::Choice(arms) => {
            if let Some(arm) = arms
                .iter()
                .find(|a| guards.iter().any(|g| same_arm(g, &a.guard)))
            {
                return inner(&arm.value);
            }
            let arms = arms.iter().map(|a| Arm {
                guard: a.guard.clone(),
                value: inner(&a.value),
            });
            ValueKind::Choice(Arc::new(arms.collect()))
        }
        ValueKind::Json(value) => ValueKind::Json(Arc::new(inner(value))),
        ValueKind::List(items) => ValueKind::List(Arc::new(items.iter().map(inner).collect())),
        ValueKind::Set(items) => ValueKind::Set(Arc::new(items.iter().map(inner).collect())),
        ValueKind::Map(map) => {
            let entries = map.iter().map(|(key, entry)| {
                (
                    key.clone(),
                    Entry {
                        key_place: entry.key_place.clone(),
                        value: inner(&entry.value),
                    },
                )
            });
            ValueKind::Map(Arc::new(Map {
                entries: entries.collect(),
                duplicates: map.duplicates.clone(),
            }))
        }
        _ => return value.clone(),
    };
    Value {
        kind,
        place: value.place.clone(),
        sensitive: value.sensitive,
    }
}

/// The same input with the same arm, whatever their labels.
pub fn same_arm(a: &Guard, b: &Guard) -> bool {
    a.scope == b.scope && a.input == b.input && a.arm == b.arm
}
