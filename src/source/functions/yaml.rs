//! `yamldecode` and `yamlencode` in the dialect that Terraform reads and writes.

use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle};

use super::{BYTES, Call, DEPTH, ELEMENTS, FunctionError, Outcome, collection, convert, known};
use crate::source::{encode as json, json as json_reader};
use crate::value::{
    Map, Number, Place, Segment, SourceMap, Step, Text, TextBuilder, Value, ValueKind,
};

/// A collection that is being read.
enum Open {
    List(Vec<Value>, usize),
    Map(Map, Option<(Arc<str>, Place)>, usize),
}

struct Reader<'c> {
    call: &'c Call<'c>,
    map: Option<Arc<SourceMap>>,
    place: Place,
    stack: Vec<Open>,
    /// Values of anchors by number.
    anchors: Vec<(usize, Value)>,
    result: Option<Value>,
    nodes: usize,
}

pub(super) fn decode(call: &Call) -> Outcome {
    let value = call.present(0)?;
    if let ValueKind::Json(inner) = &value.kind {
        return Ok((**inner).clone());
    }
    let text = call.text(0)?;
    if !text.is_literal()
        && let Ok(value) = json_reader::parse_text(&text, &value.place)
    {
        return Ok(value);
    }
    let literal = known(&text)?;
    let flat = super::pieces::Flat::of(&text, &value.place);
    let map = flat.slice(0, literal.len()).source_map().cloned();
    let place = value
        .place
        .through(Step::Function("yamldecode".into()), call.at);
    let mut reader = Reader {
        call,
        map,
        place,
        stack: Vec::new(),
        anchors: Vec::new(),
        result: None,
        nodes: 0,
    };
    let mut documents = 0;
    for event in Parser::new_from_str(&literal) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => return call.error(format!("the text is no YAML: {error}")),
        };
        let range = span.byte_range().unwrap_or(0..literal.len());
        match event {
            Event::DocumentStart(..) => {
                documents += 1;
                if documents > 1 {
                    return call.error("only one document is allowed");
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag
                    .as_ref()
                    .map(|t| (t.handle().to_string(), t.suffix().to_string()));
                let node = reader.scalar(&text, style, tag, range.start, range.end)?;
                reader.finish(node, anchor)?;
            }
            Event::SequenceStart(_, anchor, _) => reader.open(Open::List(Vec::new(), anchor))?,
            Event::MappingStart(_, anchor, _) => {
                reader.open(Open::Map(Map::default(), None, anchor))?
            }
            Event::SequenceEnd | Event::MappingEnd => reader.close()?,
            Event::Alias(anchor) => {
                let known = reader
                    .anchors
                    .iter()
                    .rev()
                    .find(|a| a.0 == anchor)
                    .map(|a| a.1.clone());
                match known {
                    Some(node) => {
                        reader.nodes = reader.nodes.saturating_add(count(&node, 0));
                        reader.finish(node, 0)?;
                    }
                    None => return call.error("an alias refers to no anchor before it"),
                }
            }
            _ => {}
        }
    }
    Ok(reader
        .result
        .unwrap_or_else(|| Value::null(call.through(0))))
}

/// Nodes of a value; an alias of an alias must not grow without end.
fn count(value: &Value, depth: usize) -> usize {
    match &value.kind {
        _ if depth > DEPTH => 1,
        ValueKind::List(items) => items
            .iter()
            .fold(1, |n, i| count(i, depth + 1).saturating_add(n)),
        ValueKind::Map(map) => map
            .iter()
            .fold(1, |n, (_, e)| count(&e.value, depth + 1).saturating_add(n)),
        _ => 1,
    }
}

impl Reader<'_> {
    fn place(&self, start: usize, end: usize) -> Place {
        match self.map.as_ref().and_then(|m| m.locate(start, end)) {
            Some(span) => Place {
                span,
                via: self.place.via.clone(),
            },
            None => self.place.clone(),
        }
    }

    fn open(&mut self, open: Open) -> Result<(), FunctionError> {
        if self.stack.len() >= DEPTH {
            return self.call.limit();
        }
        self.stack.push(open);
        Ok(())
    }

    fn close(&mut self) -> Result<(), FunctionError> {
        match self.stack.pop() {
            Some(Open::List(items, anchor)) => {
                let place = cover(items.first(), items.last(), &self.place);
                self.finish(Value::list(items, place), anchor)
            }
            Some(Open::Map(map, _, anchor)) => {
                let first = map.entries.values().next().map(|e| e.key_place.clone());
                let last = map.entries.values().last().map(|e| &e.value);
                let place = match (first, last) {
                    (Some(first), Some(last)) => Place {
                        span: first.span.cover(last.place.span),
                        via: first.via,
                    },
                    _ => self.place.clone(),
                };
                self.finish(Value::map(map, place), anchor)
            }
            None => Ok(()),
        }
    }

    fn finish(&mut self, node: Value, anchor: usize) -> Result<(), FunctionError> {
        self.nodes += 1;
        if self.nodes > ELEMENTS {
            return self.call.limit();
        }
        if anchor != 0 {
            self.anchors.push((anchor, node.clone()));
        }
        match self.stack.last_mut() {
            None => self.result = Some(node),
            Some(Open::List(items, _)) => items.push(node),
            Some(Open::Map(map, key @ None, _)) => match convert::text(&node) {
                Ok(text) => *key = Some((known(&text)?, node.place)),
                Err(_) if node.is_null() && map.get("null").is_none() => {
                    *key = Some(("null".into(), node.place))
                }
                Err(_) => return self.call.error("mapping keys must be strings"),
            },
            Some(Open::Map(map, key, _)) => {
                if let Some((key, place)) = key.take() {
                    if &*key == "<<" {
                        merge(map, &node);
                    } else if map.get(&key).is_some() {
                        map.insert(key, place, node);
                    } else {
                        map.entries.insert(
                            key,
                            crate::value::Entry {
                                key_place: place,
                                value: node,
                            },
                        );
                    }
                }
            }
        }
        Ok(())
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<(String, String)>,
        start: usize,
        end: usize,
    ) -> Outcome {
        let place = self.place(start, end);
        let plain = matches!(style, ScalarStyle::Plain);
        if let Some((handle, suffix)) = &tag {
            return match (handle.as_str(), suffix.as_str()) {
                ("tag:yaml.org,2002:", "str") | ("!", "") => {
                    Ok(self.string(text, start, end, place))
                }
                ("tag:yaml.org,2002:", _) => Ok(Value::new(resolve(text), place)),
                _ => self
                    .call
                    .error(format!("unsupported tag \"{handle}{suffix}\"")),
            };
        }
        if plain && !matches!(resolve(text), ValueKind::Text(_)) {
            return Ok(Value::new(resolve(text), place));
        }
        Ok(self.string(text, start, end, place))
    }

    /// A text; its bytes are mapped where they stand in the source as they are, else to the whole scalar.
    fn string(&self, text: &str, start: usize, end: usize, place: Place) -> Value {
        let width = end.saturating_sub(start);
        let direct = width == text.len() || width == text.len() + 2;
        let map = (!direct && !text.is_empty() && self.map.is_some()).then(|| {
            let segment = Segment {
                value: 0,
                len: text.len() as u32,
                span: place.span,
            };
            Arc::new(SourceMap {
                segments: vec![segment],
            })
        });
        Value::new(
            ValueKind::Text(Text::literal(text).with_source_map(map)),
            place,
        )
    }
}

fn cover(first: Option<&Value>, last: Option<&Value>, else_place: &Place) -> Place {
    match (first, last) {
        (Some(first), Some(last)) => Place {
            span: first.place.span.cover(last.place.span),
            via: first.place.via.clone(),
        },
        _ => else_place.clone(),
    }
}

/// `<<`: what is written in the mapping itself wins.
fn merge(map: &mut Map, from: &Value) {
    let maps: Vec<&Value> = match &from.kind {
        ValueKind::List(items) => items.iter().collect(),
        _ => vec![from],
    };
    for entries in maps.into_iter().filter_map(Value::as_map) {
        for (key, entry) in entries.iter() {
            map.entries
                .entry(key.clone())
                .or_insert_with(|| entry.clone());
        }
    }
}

/// The type of a plain scalar.
fn resolve(text: &str) -> ValueKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ValueKind::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return ValueKind::Bool(true);
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return ValueKind::Bool(false);
        }
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let radix = |prefix: &str, radix: u32| {
        unsigned
            .strip_prefix(prefix)
            .filter(|d| !d.starts_with(['-', '+']))
            .and_then(|d| i128::from_str_radix(d, radix).ok())
    };
    if let Some(n) = radix("0x", 16)
        .or_else(|| radix("0b", 2))
        .or_else(|| radix("0o", 8))
    {
        return ValueKind::Number(Number::Int(sign * n));
    }
    if unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && let Some(number) = convert::parse_number(text.strip_prefix('+').unwrap_or(text))
    {
        return ValueKind::Number(number);
    }
    ValueKind::Text(Text::literal(text))
}

pub(super) fn encode(call: &Call) -> Outcome {
    let value = call.argument(0)?;
    if matches!(value.kind, ValueKind::Unknown(_)) {
        return Err(super::depends(value));
    }
    let mut out = TextBuilder::default();
    write(value, 0, &mut out, 0)?;
    let out = out.finish();
    if super::pieces::width(&out) > BYTES {
        return call.limit();
    }
    call.made(out, 0)
}

fn is_block(value: &Value) -> bool {
    match &value.kind {
        ValueKind::List(items) | ValueKind::Set(items) => !items.is_empty(),
        ValueKind::Map(map) => !map.is_empty(),
        _ => false,
    }
}

/// Writes a node whose first line has begun; lists in a mapping stand at the mapping's own indentation.
fn write(
    value: &Value,
    indent: usize,
    out: &mut TextBuilder,
    depth: usize,
) -> Result<(), FunctionError> {
    if depth > DEPTH {
        return Err(FunctionError::Unknown(format!(
            "nested deeper than {DEPTH} levels"
        )));
    }
    let pad = |n: usize| "  ".repeat(n);
    match &value.kind {
        ValueKind::Map(map) if !map.is_empty() => {
            for (i, (key, entry)) in collection::sorted(map).into_iter().enumerate() {
                if i > 0 {
                    out.push_str(&pad(indent));
                }
                out.push_str(&format!("\"{}\":", json::escape(key)));
                if is_block(&entry.value) {
                    let deeper = indent + usize::from(entry.value.as_map().is_some());
                    out.push_str("\n");
                    out.push_str(&pad(deeper));
                    write(&entry.value, deeper, out, depth + 1)?;
                } else {
                    out.push_str(" ");
                    write(&entry.value, indent, out, depth + 1)?;
                }
            }
        }
        ValueKind::List(items) | ValueKind::Set(items) if !items.is_empty() => {
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(&pad(indent));
                }
                out.push_str("- ");
                write(item, indent + 1, out, depth + 1)?;
            }
        }
        ValueKind::Text(text)
            if text
                .as_literal()
                .is_some_and(|t| t.ends_with('\n') && !t.trim().is_empty()) =>
        {
            out.push_str("|\n");
            for line in text.as_literal().unwrap_or("").lines() {
                if !line.is_empty() {
                    out.push_str(&pad(indent.max(1)));
                    out.push_str(line);
                }
                out.push_str("\n");
            }
        }
        _ => {
            out.push(&json::json_text(value));
            out.push_str("\n");
        }
    }
    Ok(())
}
