//! Templates to texts: pieces stay symbolic, and the source map says where each byte was written.

use std::sync::Arc;

use super::choice::{ARMS, choose, spread, width};
use super::document::{Part, Template};
use super::evaluate::{Binding, Env, Evaluator, Failure, Frame, Outcome, failure};
use super::traverse::members;
use super::unknown::{is_unknown, unknown_from};
use crate::source::functions::convert;
use crate::value::{
    Arm, Piece, Place, Segment, SourceMap, Span, Step, Text, Unknown, Value, ValueKind,
};

/// Bytes that a symbolic piece takes in a source map.
const PLACEHOLDER_BYTES: u32 = crate::source::json::PLACEHOLDER_BYTES as u32;
/// Bytes of one rendered text.
const BYTES: usize = 8 << 20;

/// Bytes that a symbolic piece is counted as.
const PIECE: usize = 256;

/// A piece of a template that was evaluated.
enum Rendered<'t> {
    Literal {
        text: &'t Arc<str>,
        segments: &'t Arc<[Segment]>,
    },
    Value {
        value: usize,
        span: Span,
    },
}

impl Evaluator<'_, '_> {
    pub fn template(&mut self, template: &Template, span: Span, env: Env<'_>) -> Outcome {
        match template.parts.as_slice() {
            [] => return Ok(Value::text("", Place::at(span))),
            [Part::Literal { text, segments }] => {
                let simple = segments.len() == 1
                    && segments
                        .iter()
                        .all(|s| s.len + 2 == span.end.saturating_sub(span.start));
                let map = (!simple).then(|| {
                    Arc::new(SourceMap {
                        segments: segments.to_vec(),
                    })
                });
                let text = Text::literal(text.clone()).with_source_map(map);
                return Ok(Value::new(ValueKind::Text(text), Place::at(span)));
            }
            [Part::Hole(expression, _)] if template.unwraps => return self.eval(expression, env),
            _ => {}
        }
        self.parts(&template.parts, span, env)
    }

    fn parts(&mut self, parts: &[Part], span: Span, env: Env<'_>) -> Outcome {
        let mut values = Vec::new();
        let mut rendered = Vec::with_capacity(parts.len());
        for part in parts {
            let (value, at) = match part {
                Part::Literal { text, segments } => {
                    rendered.push(Rendered::Literal { text, segments });
                    continue;
                }
                Part::Hole(expression, at) => (self.eval(expression, env)?, *at),
                Part::If {
                    test,
                    then,
                    otherwise,
                    span: at,
                } => {
                    let holds = self.eval(test, env)?;
                    let place = Place::at(*at);
                    let value = spread(&[holds], &place, &mut |v| {
                        let Some(holds) = v.first() else {
                            return Ok(Value::text("", Place::at(*at)));
                        };
                        if is_unknown(holds) {
                            let (yes, no) = self.guards(holds, test);
                            let arms = vec![
                                Arm {
                                    guard: yes,
                                    value: self.parts(then, *at, env)?,
                                },
                                Arm {
                                    guard: no,
                                    value: self.parts(otherwise, *at, env)?,
                                },
                            ];
                            return Ok(choose(arms, &Place::at(*at)));
                        }
                        let holds = convert::boolean(holds).map_err(|e| failure(e, test.span))?;
                        self.parts(if holds { then } else { otherwise }, *at, env)
                    })?;
                    (value, *at)
                }
                Part::For {
                    key_name,
                    value_name,
                    collection,
                    body,
                    span: at,
                } => {
                    let over = self.eval(collection, env)?;
                    let place = Place::at(*at);
                    let value = spread(&[over], &place, &mut |v| {
                        let Some(over) = v.first() else {
                            return Ok(Value::text("", Place::at(*at)));
                        };
                        let Some(members) = members(over) else {
                            if is_unknown(over) {
                                return Ok(unknown_from("for", over, *at));
                            }
                            let what = convert::type_name(over);
                            return Err(Failure::new(
                                format!("cannot iterate over {what}"),
                                collection.span,
                            ));
                        };
                        let mut items = Vec::with_capacity(members.len());
                        for (key, value) in members {
                            let value_frame = Frame {
                                binding: Binding::One(value_name, &value),
                                next: env.frame,
                            };
                            let key_frame;
                            let frame = match key_name {
                                Some(name) => {
                                    key_frame = Frame {
                                        binding: Binding::One(name, &key),
                                        next: Some(&value_frame),
                                    };
                                    &key_frame
                                }
                                None => &value_frame,
                            };
                            items.push(self.parts(
                                body,
                                *at,
                                Env {
                                    frame: Some(frame),
                                    ..env
                                },
                            )?);
                        }
                        let pieces: Vec<Rendered> = (0..items.len())
                            .map(|value| Rendered::Value { value, span: *at })
                            .collect();
                        assemble_spread(&items, &pieces, *at, true)
                    })?;
                    (value, *at)
                }
            };
            rendered.push(Rendered::Value {
                value: values.len(),
                span: at,
            });
            values.push(value);
        }
        assemble_spread(&values, &rendered, span, false)
    }
}

fn assemble_spread(
    values: &[Value],
    rendered: &[Rendered<'_>],
    span: Span,
    keep_maps: bool,
) -> Outcome {
    let sensitive = values.iter().any(|v| v.sensitive);
    let ways = values
        .iter()
        .map(width)
        .fold(1usize, |a, b| a.saturating_mul(b));
    let mut out = if ways <= ARMS {
        spread(values, &Place::at(span), &mut |v| {
            assemble(v, rendered, span, keep_maps)
        })?
    } else {
        // Too many ways: each choice is one unknown piece, the rest of the text stays.
        let flat: Vec<Value> = values
            .iter()
            .map(|v| match v.kind {
                ValueKind::Choice(_) => {
                    Value::unknown(Unknown::because("one of several texts"), v.place.clone())
                }
                _ => v.clone(),
            })
            .collect();
        assemble(&flat, rendered, span, keep_maps)?
    };
    out.sensitive |= sensitive;
    Ok(out)
}

fn assemble(values: &[Value], rendered: &[Rendered<'_>], span: Span, keep_maps: bool) -> Outcome {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut buffer = String::new();
    let mut segments: Vec<Segment> = Vec::new();
    let mut offset = 0u32;
    let mut bytes = 0usize;
    for part in rendered {
        match part {
            Rendered::Literal {
                text,
                segments: own,
            } => {
                buffer.push_str(text);
                segments.extend(own.iter().map(|s| Segment {
                    value: s.value + offset,
                    ..*s
                }));
                offset = offset.saturating_add(text.len() as u32);
                bytes += text.len();
            }
            Rendered::Value { value, span: at } => {
                let Some(value) = values.get(*value) else {
                    continue;
                };
                if value.is_null() {
                    return Err(Failure::new(
                        "the value of a template hole must not be null",
                        *at,
                    ));
                }
                let text = convert::text(value).map_err(|e| failure(e, *at))?;
                let start = offset;
                for piece in text.pieces() {
                    match piece {
                        Piece::Literal(literal) => {
                            buffer.push_str(literal);
                            offset = offset.saturating_add(literal.len() as u32);
                            bytes += literal.len();
                        }
                        Piece::Unknown(unknown) => {
                            if !buffer.is_empty() {
                                pieces.push(Piece::Literal(std::mem::take(&mut buffer).into()));
                            }
                            pieces.push(Piece::Unknown(unknown.clone()));
                            offset = offset.saturating_add(PLACEHOLDER_BYTES);
                            bytes += PIECE;
                        }
                    }
                }
                match text.source_map() {
                    // The parts of a loop or branch stand in the template themselves.
                    Some(map) if keep_maps || span.file == at.file && value.place.span == *at => {
                        segments.extend(map.segments.iter().map(|s| Segment {
                            value: s.value + start,
                            ..*s
                        }));
                    }
                    _ => segments.push(Segment {
                        value: start,
                        len: offset - start,
                        span: *at,
                    }),
                }
            }
        }
        if bytes > BYTES {
            return Ok(Value::unknown(
                Unknown::because(format!("a text is larger than {BYTES} bytes")),
                Place::at(span),
            ));
        }
    }
    if !buffer.is_empty() {
        pieces.push(Piece::Literal(buffer.into()));
    }
    let text = Text::from_pieces(pieces).with_source_map(Some(Arc::new(SourceMap { segments })));
    let mut place = Place::at(span);
    // A text that is made of a variable is no literal of its own.
    if let Some(used) = values.iter().find(|v| v.place.via.is_some()) {
        place = Place { span, via: None }.through(Step::Interpolation, used.place.span);
    }
    Ok(Value::new(ValueKind::Text(text), place))
}
