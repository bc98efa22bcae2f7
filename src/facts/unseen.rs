//! What is made out of sight (modules that are not on disk, custom resources, macros) may attach policies to whatever
//! it is given: a bucket, a role, a user, a group, a key.

use std::sync::Arc;

use crate::facts::declare::{Declaration, Declarations};
use crate::policy::guards::join;
use crate::source::Resource;
use crate::value::{Guards, Piece, Text, Value, ValueKind};

/// Nested values deeper than that are not looked into.
const DEPTH: usize = 24;
/// Texts of one resource that are looked at.
const TEXTS: usize = 500;

/// Leaves open the policies of everything that the properties of the resource name.
pub fn declare(resource: &Resource, why: &str, out: &mut Declarations) {
    let named = texts(&resource.properties);
    let why: Arc<str> = format!("`{}` {why}", resource.address).into();
    for (guards, named) in named {
        let why = why.clone();
        let what = Declaration::OpenTarget { named, why };
        out.add_at(resource, resource.place.clone(), guards, what);
    }
}

/// True where a text of the properties holds the word, in letters of any case.
pub fn says(resource: &Resource, word: &str) -> bool {
    let mut texts = texts(&resource.properties).into_iter();
    texts.any(|(_, text)| text.display().to_ascii_lowercase().contains(word))
}

/// Every text in a value, and each symbol of it by itself, with the guards that it stands under.
pub fn texts(value: &Value) -> Vec<(Guards, Text)> {
    let mut out = Vec::new();
    walk(value, &Guards::new(), 0, &mut out);
    out
}

fn walk(value: &Value, guards: &Guards, depth: usize, out: &mut Vec<(Guards, Text)>) {
    if depth > DEPTH || out.len() >= TEXTS {
        return;
    }
    let mut go = |value: &Value| walk(value, guards, depth + 1, out);
    match &value.kind {
        ValueKind::Json(inner) => go(inner),
        ValueKind::List(items) | ValueKind::Set(items) => items.iter().for_each(go),
        ValueKind::Map(map) => map.iter().for_each(|(_, entry)| go(&entry.value)),
        ValueKind::Choice(arms) => {
            for arm in arms.iter() {
                if let Some(guards) = join(guards, std::slice::from_ref(&arm.guard)) {
                    walk(&arm.value, &guards, depth + 1, out);
                }
            }
        }
        _ => {
            let Some(text) = value.as_text() else {
                return;
            };
            // A text may be built around what it names: `"${aws_s3_bucket.b.arn}/*"`.
            let parts = text.pieces().iter().filter_map(|piece| match piece {
                Piece::Unknown(unknown) if unknown.symbol.is_some() => {
                    let mut part = Text::default();
                    part.push_unknown(unknown.clone());
                    Some(part)
                }
                _ => None,
            });
            for named in parts.chain([text.clone()]) {
                let entry = (guards.clone(), named);
                if !out.contains(&entry) {
                    out.push(entry);
                }
            }
        }
    }
}
