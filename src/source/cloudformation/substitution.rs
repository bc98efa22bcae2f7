//! `Fn::Sub`: a text with holes, and the map from the text that it makes to the bytes of the source.

use std::sync::Arc;

use super::choice;
use super::evaluate::{Evaluator, limited, text_of};
use crate::value::{Map, Piece, Place, Segment, SourceMap, Span, Step, Text, Value, ValueKind};

impl Evaluator<'_, '_> {
    pub fn sub(&self, operand: &Value, node: &Value) -> Value {
        let (template, variables) = match operand.as_items() {
            Some([template, variables]) => (template, variables.as_map()),
            Some([template]) => (template, None),
            Some(_) => return self.not_understood("Fn::Sub", "takes a text and a map", node),
            None => (operand, None),
        };
        let (literal, source_map) = match &template.kind {
            ValueKind::Text(text) => match text.as_literal() {
                Some(literal) => (literal.to_string(), text.source_map().cloned()),
                None => return self.not_understood("Fn::Sub", "its text is not known", node),
            },
            _ => match self
                .value(template)
                .as_text()
                .as_ref()
                .and_then(Text::as_literal)
            {
                Some(literal) => (literal.to_string(), None),
                None => return self.not_understood("Fn::Sub", "its text is not known", node),
            },
        };
        // Loop variables are filled in before the holes are read: `${Bucket${Name}}`.
        let (literal, source_map) = match super::for_each::fill(&literal, &self.loops) {
            Some(filled) => (filled, None),
            None => (literal, source_map),
        };
        let parts = holes(&literal);
        let mut names: Vec<&str> = Vec::new();
        for part in &parts {
            if let Part::Hole { name, .. } = part
                && !names.contains(name)
            {
                names.push(name);
            }
        }
        let values: Vec<Value> = names
            .iter()
            .map(|name| self.variable(name, variables, &template.place))
            .collect();
        let place = template
            .place
            .through(Step::Function("Fn::Sub".into()), node.place.span);
        choice::lift(&values, &place, &mut |values| {
            let mut writer = Writer {
                text: Text::default(),
                at: 0,
                segments: Vec::new(),
                source_map: source_map.as_deref(),
            };
            for part in &parts {
                match part {
                    Part::Literal { text, start, len } => writer.literal(text, *start, *len),
                    Part::Hole { name, start, len } => {
                        let value = names
                            .iter()
                            .position(|n| n == name)
                            .and_then(|i| values.get(i));
                        writer.value(value, *start, *len);
                    }
                }
            }
            let mut text = writer.finish();
            if let Some(literal) = text.as_literal()
                && literal.contains("{{resolve:")
            {
                text = self.dynamic(literal);
            }
            Value::new(ValueKind::Text(limited(text)), place.clone())
        })
    }

    /// A variable of `Fn::Sub`: from its own map, a name, or a logical id with an attribute.
    fn variable(&self, name: &str, own: Option<&Arc<Map>>, place: &Place) -> Value {
        if let Some(node) = own.and_then(|map| map.get(name)) {
            return self.value(node);
        }
        let null = || Value::null(place.clone());
        if name.starts_with("AWS::") || self.loops.iter().any(|(n, _)| &**n == name) {
            return self.reference(name, place).unwrap_or_else(null);
        }
        match name.split_once('.') {
            Some((id, attribute)) => self.attribute(id, attribute, place),
            None => self.reference(name, place).unwrap_or_else(null),
        }
    }
}

enum Part<'t> {
    Literal {
        text: &'t str,
        start: usize,
        len: usize,
    },
    Hole {
        name: &'t str,
        start: usize,
        len: usize,
    },
}

/// The text of `Fn::Sub` in its parts: `${!X}` is the text `${X}`.
fn holes(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut at = 0;
    let mut from = 0;
    while let Some(found) = text
        .get(from..)
        .and_then(|rest| rest.find("${"))
        .map(|i| i + from)
    {
        let Some(inner) = text.get(found + 2..) else {
            break;
        };
        let Some(len) = inner.find('}') else { break };
        let name = inner.get(..len).unwrap_or("");
        let end = found + 2 + len + 1;
        if let Some(escaped) = name.strip_prefix('!') {
            // `$` and `{` stand before the mark, the rest behind it.
            let before = text.get(at..found + 2).unwrap_or("");
            parts.push(Part::Literal {
                text: before,
                start: at,
                len: before.len(),
            });
            let rest = text.get(found + 3..end).unwrap_or("");
            parts.push(Part::Literal {
                text: rest,
                start: found + 3,
                len: escaped.len() + 1,
            });
            at = end;
        } else if name.trim().is_empty() || name.contains(['$', '{']) {
            from = found + 2;
            continue;
        } else {
            let before = text.get(at..found).unwrap_or("");
            parts.push(Part::Literal {
                text: before,
                start: at,
                len: before.len(),
            });
            parts.push(Part::Hole {
                name: name.trim(),
                start: found,
                len: end - found,
            });
            at = end;
        }
        from = end;
    }
    let rest = text.get(at..).unwrap_or("");
    parts.push(Part::Literal {
        text: rest,
        start: at,
        len: rest.len(),
    });
    parts
}

/// Writes a text and the map of where its bytes stand.
struct Writer<'m> {
    text: Text,
    at: usize,
    segments: Vec<Segment>,
    source_map: Option<&'m SourceMap>,
}

impl Writer<'_> {
    fn literal(&mut self, text: &str, start: usize, len: usize) {
        self.text.push_str(text);
        let end = start + len;
        for segment in self
            .source_map
            .map(|m| m.segments.as_slice())
            .unwrap_or_default()
        {
            let (first, last) = (
                segment.value as usize,
                (segment.value + segment.len) as usize,
            );
            let (from, to) = (first.max(start), last.min(end));
            if from >= to {
                continue;
            }
            let same = segment.len == segment.span.end - segment.span.start;
            let span = if same {
                let base = segment.span.start as usize;
                Span::new(segment.span.file, base + from - first, base + to - first)
            } else {
                segment.span
            };
            self.segment(self.at + from - start, to - from, span);
        }
        self.at += text.len();
    }

    fn value(&mut self, value: Option<&Value>, start: usize, len: usize) {
        let text = value.map(text_of).unwrap_or_default();
        let hole = self.source_map.and_then(|m| m.locate(start, start + len));
        for piece in text.pieces() {
            // A symbolic piece is as wide as its placeholder.
            let width = match piece {
                Piece::Literal(literal) => literal.len(),
                Piece::Unknown(_) => '\u{e000}'.len_utf8(),
            };
            if let Some(hole) = hole {
                self.segment(self.at, width, hole);
            }
            self.at += width;
        }
        self.text.push(&text);
    }

    fn segment(&mut self, value: usize, len: usize, span: Span) {
        if let (Ok(value), Ok(len)) = (u32::try_from(value), u32::try_from(len)) {
            self.segments.push(Segment { value, len, span });
        }
    }

    fn finish(self) -> Text {
        let map = (!self.segments.is_empty()).then(|| {
            Arc::new(SourceMap {
                segments: self.segments,
            })
        });
        self.text.with_source_map(map)
    }
}
