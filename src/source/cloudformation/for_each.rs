//! `Fn::ForEach` of the language extensions: one member per value of the loop, with the identifier filled in.

use std::rc::Rc;
use std::sync::Arc;

use super::evaluate::{Evaluator, text_of};
use super::template::{Entry, Loops};
use crate::source::GapKind;
use crate::value::{Entry as MapEntry, Map, Step};

/// Members that the loops of one section may make.
const MEMBERS: usize = 2_000;
/// Loops inside loops.
const NESTED: usize = 6;

/// The members of a section, loops expanded.
pub(super) fn members(evaluator: &Evaluator<'_, '_>, section: Option<&Arc<Map>>) -> Vec<Entry> {
    let mut out = Vec::new();
    for (name, entry) in section.map(|m| m.iter()).into_iter().flatten() {
        if name.starts_with("Fn::ForEach::") {
            out.extend(expand_loop(evaluator, name, entry, &Rc::default()));
        } else if !name.starts_with("Fn::") {
            out.push(Entry {
                name: name.clone(),
                key_place: entry.key_place.clone(),
                node: entry.value.clone(),
                loops: Rc::default(),
            });
        }
    }
    out
}

/// The members that one loop makes.
pub(super) fn expand_loop(
    evaluator: &Evaluator<'_, '_>,
    name: &str,
    entry: &MapEntry,
    loops: &Loops,
) -> Vec<Entry> {
    let mut out = Vec::new();
    if !expand(evaluator, entry, loops, &mut out) {
        let why = format!(
            "the loop has no list of values that is known, or makes more than {MEMBERS} members"
        );
        evaluator
            .run
            .gap(GapKind::Unsupported, name, why, &entry.key_place);
    }
    out
}

fn expand(
    evaluator: &Evaluator<'_, '_>,
    entry: &MapEntry,
    loops: &Loops,
    out: &mut Vec<Entry>,
) -> bool {
    if loops.len() >= NESTED {
        return false;
    }
    let Some([identifier, collection, body]) = entry.value.as_items() else {
        return false;
    };
    let (Some(identifier), Some(body)) = (identifier.as_str(), body.as_map()) else {
        return false;
    };
    let inner = Evaluator {
        loops: loops.clone(),
        ..evaluator.clone()
    };
    let collection = inner.value(collection);
    let Some(items) = collection.as_items() else {
        return false;
    };
    let mut whole = true;
    for item in items {
        let text = text_of(item);
        let Some(said) = text.as_literal() else {
            whole = false;
            continue;
        };
        let mut bound = loops.as_ref().clone();
        bound.push((identifier.into(), item.clone()));
        let bound: Loops = Rc::new(bound);
        for (key, member) in body.iter() {
            if out.len() >= MEMBERS {
                return false;
            }
            if key.starts_with("Fn::ForEach::") {
                whole &= expand(evaluator, member, &bound, out);
                continue;
            }
            let name = fill(key, &bound).map_or_else(|| key.clone(), Arc::from);
            let span = member.key_place.span;
            out.push(Entry {
                name,
                key_place: member.key_place.through(Step::Instance(said.into()), span),
                node: member
                    .value
                    .clone()
                    .through(Step::Instance(said.into()), span),
                loops: bound.clone(),
            });
        }
    }
    whole
}

/// The text with `${Identifier}` and `&{Identifier}` replaced; `None` where nothing is to be replaced.
pub(super) fn fill(text: &str, loops: &Loops) -> Option<String> {
    if loops.is_empty() || !text.contains('{') {
        return None;
    }
    let mut out = text.to_string();
    for (name, value) in loops.iter() {
        let value = text_of(value);
        let said = value.as_literal()?;
        out = out.replace(&format!("${{{name}}}"), said);
        let letters: String = said.chars().filter(char::is_ascii_alphanumeric).collect();
        out = out.replace(&format!("&{{{name}}}"), &letters);
    }
    (out != text).then_some(out)
}
