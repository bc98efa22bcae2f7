//! `regex`, `regexall` and `replace` with RE2 patterns.

use std::fmt::Write;

use regex::{Captures, Regex, RegexBuilder};

use super::pieces::{Flat, Part};
use super::{BYTES, Call, ELEMENTS, FunctionError, Outcome};
use crate::value::{Map, Text, Value};

/// A pattern of Go's dialect: its classes are of ASCII, brackets and signs inside classes stand for themselves.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    let mut first_in_class = false;
    while let Some(c) = chars.next() {
        let first = std::mem::take(&mut first_in_class);
        match c {
            '\\' => match chars.next() {
                Some('d') => out.push_str(if in_class { "0-9" } else { "[0-9]" }),
                Some('w') => out.push_str(if in_class {
                    "0-9A-Za-z_"
                } else {
                    "[0-9A-Za-z_]"
                }),
                Some('s') => out.push_str(if in_class {
                    "\\t\\n\\f\\r "
                } else {
                    "[\\t\\n\\f\\r ]"
                }),
                Some('D') => out.push_str("[^0-9]"),
                Some('W') => out.push_str("[^0-9A-Za-z_]"),
                Some('S') => out.push_str("[^\\t\\n\\f\\r ]"),
                Some('b') if !in_class => out.push_str("(?-u:\\b)"),
                Some('B') if !in_class => out.push_str("(?-u:\\B)"),
                Some('Q') => {
                    let mut quoted = String::new();
                    while let Some(q) = chars.next() {
                        if q == '\\' && chars.peek() == Some(&'E') {
                            chars.next();
                            break;
                        }
                        quoted.push(q);
                    }
                    out.push_str(&regex::escape(&quoted));
                }
                Some(other) => {
                    out.push('\\');
                    out.push(other);
                }
                None => out.push('\\'),
            },
            '[' if in_class && chars.peek() != Some(&':') => out.push_str("\\["),
            '[' if in_class => {
                out.push('[');
                for inner in chars.by_ref() {
                    out.push(inner);
                    if inner == ']' {
                        break;
                    }
                }
            }
            '[' => {
                in_class = true;
                first_in_class = true;
                out.push('[');
                if chars.peek() == Some(&'^') {
                    chars.next();
                    out.push('^');
                }
            }
            ']' if in_class && first => out.push_str("\\]"),
            ']' => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

fn compile(call: &Call, pattern: &str) -> Result<Regex, FunctionError> {
    if pattern.len() > 10_000 {
        return Err(FunctionError::Unknown(format!(
            "the pattern of `{}` is larger than 10000 bytes",
            call.name
        )));
    }
    let mut builder = RegexBuilder::new(&translate(pattern));
    match builder
        .size_limit(2 << 20)
        .dfa_size_limit(2 << 20)
        .nest_limit(100)
        .build()
    {
        Ok(regex) => Ok(regex),
        Err(regex::Error::CompiledTooBig(_)) => Err(FunctionError::Unknown(format!(
            "the pattern of `{}` needs more than 2 MiB",
            call.name
        ))),
        Err(_) => call.error(format!("invalid regular expression pattern `{pattern}`")),
    }
}

/// The value of a match: the text, a list of groups, or a map of named groups.
fn value(call: &Call, regex: &Regex, flat: &Flat, captures: &Captures) -> Outcome {
    let group = |found: Option<regex::Match>| match found {
        Some(found) => call.made(flat.slice(found.start(), found.end()), 1),
        None => Ok(Value::null(call.through(1))),
    };
    if regex.captures_len() <= 1 {
        return group(captures.get(0));
    }
    if regex.capture_names().flatten().next().is_some() {
        let mut map = Map::default();
        for name in regex.capture_names().flatten() {
            map.insert(name, call.through(1), group(captures.name(name))?);
        }
        map.entries.sort_keys();
        return Ok(Value::map(map, call.through(1)));
    }
    let groups = captures
        .iter()
        .skip(1)
        .map(group)
        .collect::<Result<Vec<_>, _>>()?;
    call.list(groups, call.through(1))
}

pub(super) fn regex(call: &Call) -> Outcome {
    let regex = compile(call, &call.literal(0)?)?;
    let text = call.literal(1)?;
    let flat = Flat::of(&call.text(1)?, &call.of(1));
    match regex.captures(&text) {
        Some(captures) => value(call, &regex, &flat, &captures),
        None => call.error("pattern did not match any part of the given string"),
    }
}

pub(super) fn regexall(call: &Call) -> Outcome {
    let regex = compile(call, &call.literal(0)?)?;
    let text = call.literal(1)?;
    let flat = Flat::of(&call.text(1)?, &call.of(1));
    let mut items = Vec::new();
    for captures in regex.captures_iter(&text) {
        items.push(value(call, &regex, &flat, &captures)?);
        if items.len() > ELEMENTS {
            return call.limit();
        }
    }
    call.list(items, call.through(1))
}

/// `replace` with a pattern between slashes: `$1` and `${name}` in the new text mean groups.
pub(super) fn replace(call: &Call, flat: &Flat, pattern: &str) -> Outcome {
    let regex = compile(call, pattern)?;
    if let Some((_, unknown)) = flat.holes().first() {
        return Err(FunctionError::Unknown(unknown.reason.to_string()));
    }
    let new = call.literal(2)?;
    let mut parts = Vec::new();
    let (mut at, mut grown) = (0, flat.text.len());
    for captures in regex.captures_iter(&flat.text) {
        let Some(found) = captures.get(0) else {
            continue;
        };
        let mut expanded = String::new();
        captures.expand(&new, &mut expanded);
        grown = grown.saturating_add(expanded.len());
        if grown > BYTES || parts.len() > 2 * ELEMENTS {
            return call.limit();
        }
        parts.push(Part::Slice(at, found.start()));
        parts.push(Part::Insert(
            Text::literal(expanded),
            found.start(),
            found.end(),
        ));
        at = found.end();
    }
    parts.push(Part::Slice(at, flat.text.len()));
    call.made(flat.build(&parts), 0)
}

/// A glob of `fileset` as an anchored pattern.
pub(super) fn glob(pattern: &str) -> Option<Regex> {
    let mut out = String::from("^");
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                if chars.peek() == Some(&'/') {
                    chars.next();
                    out.push_str("(?:.*/)?");
                } else {
                    out.push_str(".*");
                }
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '{' => out.push_str("(?:"),
            '}' => out.push(')'),
            ',' if pattern.contains('{') => out.push('|'),
            '[' => {
                out.push('[');
                if let Some('!' | '^') = chars.peek() {
                    chars.next();
                    out.push('^');
                }
                for inner in chars.by_ref() {
                    match inner {
                        ']' => break,
                        '[' | '&' | '~' => {
                            let _ = write!(out, "\\{inner}");
                        }
                        inner => out.push(inner),
                    }
                }
                out.push(']');
            }
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out.push('$');
    RegexBuilder::new(&out).size_limit(1 << 20).build().ok()
}
