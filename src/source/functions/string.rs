//! String functions; symbols inside texts survive wherever the function cannot reach into them.

use std::sync::Arc;

use super::pieces::{Builder, Flat, Part, is_lower, may_touch, reason, sure_prefix, width};
use super::{
    BYTES, Body, Call, ELEMENTS, Entry, FunctionError, MANY, Outcome, convert, format, known,
    regular,
};
use crate::source::json::PLACEHOLDER_BYTES;
use crate::value::{Arm, Map, Piece, Text, Unknown, Value, ValueKind};

pub(super) fn find(name: &str) -> Option<Entry> {
    Some(match name {
        "chomp" => (
            1,
            1,
            Body::Pure(|c| trimmed(c, |_| false, |ch| ch == '\n' || ch == '\r')),
        ),
        "trimspace" => (
            1,
            1,
            Body::Pure(|c| trimmed(c, char::is_whitespace, char::is_whitespace)),
        ),
        "trim" => (2, 2, Body::Pure(trim)),
        "trimprefix" => (2, 2, Body::Pure(trimprefix)),
        "trimsuffix" => (2, 2, Body::Pure(trimsuffix)),
        "startswith" => (2, 2, Body::Pure(startswith)),
        "endswith" => (2, 2, Body::Pure(endswith)),
        "strcontains" => (2, 2, Body::Pure(strcontains)),
        "format" => (1, MANY, Body::Pure(format::format)),
        "formatlist" => (1, MANY, Body::Pure(format::formatlist)),
        "indent" => (2, 2, Body::Pure(indent)),
        "join" => (2, MANY, Body::Pure(join)),
        "split" => (2, 2, Body::Pure(split)),
        "lower" => (1, 1, Body::Pure(lower)),
        "upper" => (1, 1, Body::Pure(upper)),
        "title" => (1, 1, Body::Pure(title)),
        "strrev" => (1, 1, Body::Pure(strrev)),
        "substr" => (3, 3, Body::Pure(substr)),
        "replace" => (3, 3, Body::Pure(replace)),
        "regex" => (2, 2, Body::Pure(regular::regex)),
        "regexall" => (2, 2, Body::Pure(regular::regexall)),
        _ => return None,
    })
}

fn flat(call: &Call, index: usize) -> Result<Flat, FunctionError> {
    Ok(Flat::of(&call.text(index)?, &call.of(index)))
}

/// Cuts characters from both ends; a symbol at an end stops the cut.
fn trimmed(call: &Call, start: fn(char) -> bool, end: fn(char) -> bool) -> Outcome {
    let flat = flat(call, 0)?;
    let low = flat.text.len() - flat.text.trim_start_matches(start).len();
    let high = flat.text.trim_end_matches(end).len();
    call.made(flat.slice(low, high.max(low)), 0)
}

fn trim(call: &Call) -> Outcome {
    let flat = flat(call, 0)?;
    let cut = call.literal(1)?;
    let set = |c: char| cut.contains(c);
    let low = flat.text.len() - flat.text.trim_start_matches(set).len();
    let high = flat.text.trim_end_matches(set).len().max(low);
    for (offset, unknown) in flat.holes() {
        let at_edge = *offset == low || offset + PLACEHOLDER_BYTES == high;
        if at_edge
            && cut
                .chars()
                .any(|c| may_touch(unknown, c.encode_utf8(&mut [0; 4])))
        {
            return Err(FunctionError::Unknown(unknown.reason.to_string()));
        }
    }
    call.made(flat.slice(low, high), 0)
}

/// Whether the text begins with the prefix; `None` where a symbol decides.
fn begins(text: &Text, prefix: &str) -> Option<bool> {
    let mut sure = text.known_prefix().to_string();
    if let Some(Piece::Unknown(unknown)) = text.pieces().get(usize::from(!sure.is_empty())) {
        sure.push_str(sure_prefix(unknown));
    }
    if sure.starts_with(prefix) {
        Some(true)
    } else if text.is_literal() || !prefix.starts_with(&sure) {
        Some(false)
    } else {
        None
    }
}

fn ends(text: &Text, suffix: &str) -> Option<bool> {
    let sure = match text.pieces().last() {
        Some(Piece::Literal(literal)) => literal,
        _ => "",
    };
    if sure.ends_with(suffix) {
        Some(true)
    } else if text.is_literal() || !suffix.ends_with(sure) {
        Some(false)
    } else if let Some(Piece::Unknown(unknown)) = text
        .pieces()
        .iter()
        .rev()
        .find(|p| matches!(p, Piece::Unknown(_)))
        && let Some(last) = suffix
            .strip_suffix(sure)
            .and_then(|rest| rest.chars().next_back())
        && !may_touch(unknown, last.encode_utf8(&mut [0; 4]))
        && super::pieces::is_present(unknown)
    {
        Some(false)
    } else {
        None
    }
}

fn decide(answer: Option<bool>, text: &Text) -> Result<bool, FunctionError> {
    answer.ok_or_else(|| FunctionError::Unknown(reason(text)))
}

fn trimprefix(call: &Call) -> Outcome {
    let text = call.text(0)?;
    let prefix = call.literal(1)?;
    let flat = Flat::of(&text, &call.of(0));
    let cut = decide(begins(&text, &prefix), &text)?;
    if cut && text.known_prefix().len() < prefix.len() {
        return Err(FunctionError::Unknown(reason(&text)));
    }
    call.made(
        flat.slice(if cut { prefix.len() } else { 0 }, flat.text.len()),
        0,
    )
}

fn trimsuffix(call: &Call) -> Outcome {
    let text = call.text(0)?;
    let suffix = call.literal(1)?;
    let flat = Flat::of(&text, &call.of(0));
    let cut = decide(ends(&text, &suffix), &text)?;
    let end = flat
        .text
        .len()
        .saturating_sub(if cut { suffix.len() } else { 0 });
    call.made(flat.slice(0, end), 0)
}

fn startswith(call: &Call) -> Outcome {
    let text = call.text(0)?;
    call.made_bool(decide(begins(&text, &call.literal(1)?), &text)?, 0)
}

fn endswith(call: &Call) -> Outcome {
    let text = call.text(0)?;
    call.made_bool(decide(ends(&text, &call.literal(1)?), &text)?, 0)
}

fn strcontains(call: &Call) -> Outcome {
    let text = call.text(0)?;
    let wanted = call.literal(1)?;
    let literal = |p: &Piece| matches!(p, Piece::Literal(l) if l.contains(&*wanted));
    if text.pieces().iter().any(literal) || wanted.is_empty() {
        return call.made_bool(true, 0);
    }
    if text
        .pieces()
        .iter()
        .any(|p| matches!(p, Piece::Unknown(u) if may_touch(u, &wanted)))
    {
        return Err(FunctionError::Unknown(reason(&text)));
    }
    call.made_bool(false, 0)
}

fn indent(call: &Call) -> Outcome {
    let blanks = usize::try_from(call.whole(0)?).unwrap_or(0);
    let flat = flat(call, 1)?;
    let breaks = memchr::memchr_iter(b'\n', flat.text.as_bytes()).count();
    if blanks.saturating_mul(breaks) > BYTES {
        return call.limit();
    }
    let pad = Text::literal(" ".repeat(blanks));
    let mut parts = Vec::new();
    let mut at = 0;
    for line_break in memchr::memchr_iter(b'\n', flat.text.as_bytes()) {
        parts.push(Part::Slice(at, line_break + 1));
        parts.push(Part::Insert(pad.clone(), line_break, line_break + 1));
        at = line_break + 1;
    }
    parts.push(Part::Slice(at, flat.text.len()));
    call.made(flat.build(&parts), 1)
}

fn join(call: &Call) -> Outcome {
    let separator = call.text(0)?;
    let mut out = Builder::default();
    let mut first = true;
    for index in 1..call.arguments.len() {
        let value = call.present(index)?;
        let items = call.items(index)?;
        if matches!(value.kind, ValueKind::Set(_)) && items.len() > 1 && !convert::is_known(value) {
            return Err(FunctionError::Unknown(
                "the order of a set whose members are not known".into(),
            ));
        }
        for item in items {
            if !first {
                out.push(&separator);
            }
            first = false;
            out.push(&convert::text(item)?);
            if out.width > BYTES {
                return call.limit();
            }
        }
    }
    call.made(out.finish(), 1)
}

fn split(call: &Call) -> Outcome {
    let separator = call.literal(0)?;
    let flat = flat(call, 1)?;
    if let Some((_, unknown)) = flat.holes().iter().find(|h| may_touch(&h.1, &separator)) {
        return Err(FunctionError::Unknown(unknown.reason.to_string()));
    }
    let mut ranges = Vec::new();
    if separator.is_empty() {
        ranges.extend(flat.text.char_indices().map(|(i, c)| (i, i + c.len_utf8())));
    } else {
        let mut at = 0;
        for (found, _) in flat.text.match_indices(&*separator) {
            ranges.push((at, found));
            at = found + separator.len();
        }
        ranges.push((at, flat.text.len()));
    }
    if ranges.len() > ELEMENTS {
        return call.limit();
    }
    let items = ranges
        .into_iter()
        .map(|(s, e)| call.made(flat.slice(s, e), 1))
        .collect::<Result<Vec<_>, _>>()?;
    call.list(items, call.of(1))
}

/// Changes the literal pieces; a symbol stays itself where the change cannot concern it.
fn by_piece(call: &Call, change: fn(&str) -> String, stays: fn(&Unknown) -> bool) -> Outcome {
    let text = call.text(0)?;
    let mut out = Builder::default();
    for piece in text.pieces() {
        match piece {
            Piece::Literal(literal) => out.push_str(&change(literal)),
            Piece::Unknown(unknown) if stays(unknown) => out.push_unknown(unknown.clone()),
            Piece::Unknown(unknown) => out.push_unknown(Unknown::because(unknown.reason.clone())),
        }
    }
    let changed = out.finish();
    let map = text
        .source_map()
        .filter(|_| width(&changed) == width(&text))
        .cloned();
    call.made(changed.with_source_map(map), 0)
}

fn lower(call: &Call) -> Outcome {
    by_piece(call, str::to_lowercase, is_lower)
}

fn upper(call: &Call) -> Outcome {
    by_piece(call, str::to_uppercase, |u| {
        u.symbol
            .as_ref()
            .is_some_and(|s| s.kind == crate::value::SymbolKind::Account)
    })
}

fn title(call: &Call) -> Outcome {
    let text = call.literal(0)?;
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.push(c);
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphanumeric() || c == '_' || c == '\'';
    }
    call.made_str(out, 0)
}

/// The text in clusters: a character with the marks that combine with it.
pub(super) fn clusters(text: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = Vec::new();
    let mut joined = false;
    for (i, c) in text.char_indices() {
        let mark = matches!(u32::from(c),
            0x300..=0x36f | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x200d | 0x20d0..=0x20ff | 0xfe00..=0xfe0f
            | 0xfe20..=0xfe2f | 0x1f3fb..=0x1f3ff);
        let line_feed = c == '\n' && i > 0 && text.get(..i).is_some_and(|t| t.ends_with('\r'));
        if starts.is_empty() || !(mark || joined || line_feed) {
            starts.push(i);
        }
        joined = c == '\u{200d}';
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts
        .iter()
        .zip(ends)
        .filter_map(|(s, e)| text.get(*s..e))
        .collect()
}

fn strrev(call: &Call) -> Outcome {
    let text = call.literal(0)?;
    call.made_str(clusters(&text).into_iter().rev().collect::<String>(), 0)
}

fn substr(call: &Call) -> Outcome {
    let text = call.text(0)?;
    let (offset, length) = (call.whole(1)?, call.whole(2)?);
    let flat = Flat::of(&text, &call.of(0));
    let known_end = flat.holes().first().map_or(flat.text.len(), |h| h.0);
    let parts = clusters(flat.text.get(..known_end).unwrap_or(""));
    if !text.is_literal()
        && (offset < 0 || length < 0 || offset.saturating_add(length) > parts.len() as i128)
    {
        return Err(FunctionError::Unknown(reason(&text)));
    }
    let count = parts.len() as i128;
    let start = if offset < 0 {
        (count + offset).max(0)
    } else {
        offset.min(count)
    };
    let end = if length < 0 {
        count
    } else {
        start.saturating_add(length).min(count)
    };
    let bytes = |n: i128| {
        parts
            .iter()
            .take(usize::try_from(n).unwrap_or(0))
            .map(|p| p.len())
            .sum::<usize>()
    };
    call.made(flat.slice(bytes(start), bytes(end)), 0)
}

fn replace(call: &Call) -> Outcome {
    let pattern = call.literal(1)?;
    if let ValueKind::Json(document) = &call.argument(0)?.kind
        && let Some(replaced) = replace_inside(document, &pattern, &call.text(2)?, 0)
    {
        let kind = ValueKind::Json(Arc::new(replaced));
        return Ok(Value::new(kind, call.through(0)));
    }
    let flat = flat(call, 0)?;
    if let Some(inner) = pattern.strip_prefix('/').and_then(|p| p.strip_suffix('/')) {
        return regular::replace(call, &flat, inner);
    }
    let new = call.text(2)?;
    if let Some((_, unknown)) = flat.holes().iter().find(|h| may_touch(&h.1, &pattern)) {
        return Err(FunctionError::Unknown(unknown.reason.to_string()));
    }
    let mut parts = Vec::new();
    let mut at = 0;
    let mut grown = flat.text.len();
    for (found, _) in flat.text.match_indices(&*pattern) {
        parts.push(Part::Slice(at, found));
        parts.push(Part::Insert(new.clone(), found, found + pattern.len()));
        at = found + pattern.len();
        grown = grown.saturating_add(width(&new));
        if grown > BYTES {
            return call.limit();
        }
    }
    parts.push(Part::Slice(at, flat.text.len()));
    call.made(flat.build(&parts), 0)
}

/// Replaces inside encoded JSON part by part, so that the parts keep their places; `None` where the pattern could
/// be part of the encoding, or what is put in could break it.
fn replace_inside(value: &Value, pattern: &str, new: &Text, depth: usize) -> Option<Value> {
    let letters = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let breaks = |piece: &Piece| match piece {
        Piece::Literal(text) => text.contains(['"', '\\']) || text.chars().any(char::is_control),
        Piece::Unknown(_) => false,
    };
    let names = pattern.contains('_') && letters(pattern);
    if !names || new.pieces().iter().any(breaks) || depth > super::DEPTH {
        return None;
    }
    let inner = |v: &Value| replace_inside(v, pattern, new, depth + 1);
    let kind = match &value.kind {
        ValueKind::Text(text) => {
            let touched = |piece: &Piece| match piece {
                Piece::Literal(literal) => literal.contains(pattern),
                Piece::Unknown(unknown) => may_touch(unknown, pattern),
            };
            if !text.pieces().iter().any(touched) {
                return Some(value.clone());
            }
            let mut out = Text::default();
            for piece in text.pieces() {
                match piece {
                    Piece::Literal(literal) => {
                        for (i, part) in literal.split(pattern).enumerate() {
                            if i > 0 {
                                out.push(new);
                            }
                            out.push_str(part);
                        }
                    }
                    Piece::Unknown(unknown) if may_touch(unknown, pattern) => {
                        out.push_unknown(Unknown::because(unknown.reason.clone()));
                    }
                    Piece::Unknown(unknown) => out.push_unknown(unknown.clone()),
                }
            }
            ValueKind::Text(out)
        }
        ValueKind::Unknown(unknown) if may_touch(unknown, pattern) => {
            ValueKind::Unknown(Unknown::because(unknown.reason.clone()))
        }
        ValueKind::Json(_) => return None,
        ValueKind::List(items) => {
            let items = items.iter().map(inner).collect::<Option<Vec<_>>>()?;
            ValueKind::List(Arc::new(items))
        }
        ValueKind::Set(items) => {
            let items = items.iter().map(inner).collect::<Option<Vec<_>>>()?;
            ValueKind::Set(Arc::new(items))
        }
        ValueKind::Choice(arms) => {
            let arm = |arm: &Arm| {
                let (guard, value) = (arm.guard.clone(), inner(&arm.value)?);
                Some(Arm { guard, value })
            };
            let arms = arms.iter().map(arm).collect::<Option<Vec<_>>>()?;
            ValueKind::Choice(Arc::new(arms))
        }
        ValueKind::Map(map) => {
            let mut out = Map::default();
            for (key, entry) in map.iter() {
                let key = match (key.contains(pattern), new.as_literal()) {
                    (false, _) => key.clone(),
                    (true, Some(new)) => key.replace(pattern, new).into(),
                    (true, None) => return None,
                };
                out.insert(key, entry.key_place.clone(), inner(&entry.value)?);
            }
            ValueKind::Map(Arc::new(out))
        }
        _ => return Some(value.clone()),
    };
    Some(Value {
        kind,
        ..value.clone()
    })
}

/// Length as Terraform counts it: characters with their marks.
pub(super) fn length(call: &Call, text: &Text) -> Outcome {
    let literal: Arc<str> = known(text)?;
    call.made_int(clusters(&literal).len() as i128, 0)
}

/// Texts of a list's members.
pub(super) fn texts(items: &[Value]) -> Result<Vec<Arc<str>>, FunctionError> {
    items.iter().map(|i| known(&convert::text(i)?)).collect()
}
