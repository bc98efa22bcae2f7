//! `distinct` and `sort` over texts that are not known: which they are, or in which order, is a choice.
//!
//! Few comparisons are told apart; of more, the members are known and nothing else, which is a set.

use std::sync::Arc;

use super::choice::{assume, choose, guards_of};
use super::unknown::{canonical, scope_of};
use crate::source::functions::convert;
use crate::value::{Arm, Place, Span, Value, ValueKind};

/// Comparisons that are told apart.
const COMPARED: usize = 3;
/// Members that are put in order around one that is not known.
const SORTED: usize = 3;

/// The distinct members of a list of which some may be equal; `None` where that is no question, or too many.
pub fn distinct(list: &Value, span: Span) -> Option<Value> {
    let items = convert::unify(list.as_items()?);
    if items.len() > 64 || items.iter().all(convert::is_known) {
        return None;
    }
    let mut compared = 0;
    let place = Place::at(span);
    let out = distinct_from(&items, Vec::new(), &mut compared, &place)?;
    (compared > 0).then_some(out)
}

fn distinct_from(
    items: &[Value],
    mut kept: Vec<Value>,
    compared: &mut usize,
    place: &Place,
) -> Option<Value> {
    for (i, item) in items.iter().enumerate() {
        let answers = kept.iter().map(|k| convert::equal(k, item));
        if answers.clone().any(|a| a == Some(true)) {
            continue;
        }
        let open: Vec<usize> = answers
            .enumerate()
            .filter_map(|(at, answer)| answer.is_none().then_some(at))
            .collect();
        let [at] = open.as_slice() else {
            if !open.is_empty() {
                return None;
            }
            kept.push(item.clone());
            continue;
        };
        *compared += 1;
        if *compared > COMPARED {
            return None;
        }
        let other = kept.get(*at)?;
        let scope = scope_of(item).or_else(|| scope_of(other))?;
        let (mut a, mut b) = (canonical(item)?, canonical(other)?);
        if scope_of(item).is_none() {
            std::mem::swap(&mut a, &mut b);
        }
        let test = format!("{a} == {b}");
        let (yes, no) = guards_of(scope, &test, &test);
        let rest = items.get(i + 1..).unwrap_or_default();
        let equal = distinct_from(rest, kept.clone(), compared, place)?;
        kept.push(item.clone());
        let differs = distinct_from(rest, kept, compared, place)?;
        let arms = vec![
            Arm {
                value: assume(&equal, &yes),
                guard: yes,
            },
            Arm {
                value: assume(&differs, &no),
                guard: no,
            },
        ];
        return Some(choose(arms, place));
    }
    Some(Value::list(kept, place.clone()))
}

/// The members of a short list in order, where one is not known: each place has one of its neighbours.
pub fn sort(list: &Value, span: Span) -> Option<Value> {
    let items = list.as_items()?;
    if !(2..=SORTED).contains(&items.len()) {
        return None;
    }
    let texts = items.iter().map(|i| convert::to_string(i).ok());
    let (mut known, unknown): (Vec<Value>, Vec<Value>) = texts
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .partition(convert::is_known);
    let [open] = unknown.as_slice() else {
        return None;
    };
    if known.iter().any(Value::is_null) {
        return None;
    }
    known.sort_by(convert::set_order);
    let (scope, name) = (scope_of(open)?, canonical(open)?);
    let place = Place::at(span);
    // Before which of the known ones it stands.
    let mut out: Option<Vec<Value>> = None;
    for at in (0..=known.len()).rev() {
        let mut order = known.clone();
        order.insert(at, open.clone());
        out = Some(match (out, known.get(at)) {
            (Some(later), Some(next)) => {
                let test = format!("{name} < {}", canonical(next)?);
                let (yes, no) = guards_of(scope, &test, &test);
                let pairs = order.into_iter().zip(later);
                let either = pairs.map(|(here, later)| {
                    let arms = vec![
                        Arm {
                            guard: yes.clone(),
                            value: here,
                        },
                        Arm {
                            guard: no.clone(),
                            value: later,
                        },
                    ];
                    choose(arms, &place)
                });
                either.collect()
            }
            _ => order,
        });
    }
    Some(Value::new(ValueKind::List(Arc::new(out?)), place))
}
