//! The literal parts of templates: decoding with a map back to the source, strip markers, dedent, nesting.

use std::ops::Range;
use std::sync::Arc;

use super::document::{Expression, Part};
use super::parse::Origin;
use crate::value::{Segment, Span};

/// How the text between the holes is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// `"…"`: escapes mean something.
    Quoted,
    /// Heredoc, template file, JSON string.
    Plain,
    /// `<<-`: the common indentation goes.
    Dedented,
}

/// A template as a flat sequence; strip markers and dedent work on this form.
pub enum Token {
    Literal {
        text: String,
        segments: Vec<Segment>,
    },
    Hole {
        expression: Expression,
        span: Span,
        strip: (bool, bool),
    },
    If {
        test: Expression,
        span: Span,
        strip: (bool, bool),
    },
    Else {
        strip: (bool, bool),
    },
    For {
        key_name: Option<Arc<str>>,
        value_name: Arc<str>,
        collection: Expression,
        span: Span,
        strip: (bool, bool),
    },
    End {
        strip: (bool, bool),
    },
}

impl Token {
    fn strip(&self) -> (bool, bool) {
        match self {
            Token::Literal { .. } => (false, false),
            Token::Hole { strip, .. }
            | Token::If { strip, .. }
            | Token::Else { strip }
            | Token::For { strip, .. }
            | Token::End { strip } => *strip,
        }
    }
}

struct Decoder<'o, 'm> {
    origin: Origin<'m>,
    text: String,
    segments: Vec<Segment>,
    out: &'o mut Vec<Token>,
}

impl Decoder<'_, '_> {
    /// Source bytes that stand for themselves.
    fn same(&mut self, text: &str, start: usize) {
        if text.is_empty() {
            return;
        }
        let span = self.origin.span(start, start + text.len());
        let value = self.text.len() as u32;
        let linear = (span.end - span.start) as usize == text.len();
        match self.segments.last_mut() {
            Some(last)
                if linear
                    && last.value + last.len == value
                    && last.span.file == span.file
                    && last.span.end == span.start
                    && last.len == last.span.end - last.span.start =>
            {
                last.len += text.len() as u32;
                last.span.end = span.end;
            }
            _ => self.segments.push(Segment {
                value,
                len: text.len() as u32,
                span,
            }),
        }
        self.text.push_str(text);
    }

    fn escape(&mut self, text: &str, start: usize, end: usize) {
        let span = self.origin.span(start, end);
        self.segments.push(Segment {
            value: self.text.len() as u32,
            len: text.len() as u32,
            span,
        });
        self.text.push_str(text);
    }

    fn finish(&mut self) {
        if !self.text.is_empty() {
            self.out.push(Token::Literal {
                text: std::mem::take(&mut self.text),
                segments: std::mem::take(&mut self.segments),
            });
        }
    }
}

/// Decodes source text, one token for each line (a quoted text is one line).
pub fn read_literal(
    text: &str,
    range: Range<usize>,
    flavour: Flavour,
    origin: Origin<'_>,
    out: &mut Vec<Token>,
) {
    let Some(raw) = text.get(range.clone()) else {
        return;
    };
    let mut decoder = Decoder {
        origin,
        text: String::new(),
        segments: Vec::new(),
        out,
    };
    let mut done = 0;
    let mut at = 0;
    let bytes = raw.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        let rest = raw.get(at..).unwrap_or("");
        if rest.starts_with("$${") || rest.starts_with("%%{") {
            decoder.same(raw.get(done..at).unwrap_or(""), range.start + done);
            decoder.escape(
                rest.get(1..3).unwrap_or(""),
                range.start + at,
                range.start + at + 3,
            );
            at += 3;
            done = at;
        } else if byte == b'\\' && flavour == Flavour::Quoted {
            decoder.same(raw.get(done..at).unwrap_or(""), range.start + done);
            let (decoded, length) = unescape(rest);
            decoder.escape(&decoded, range.start + at, range.start + at + length);
            at += length;
            done = at;
        } else if byte == b'\n' && flavour != Flavour::Quoted {
            at += 1;
            decoder.same(raw.get(done..at).unwrap_or(""), range.start + done);
            decoder.finish();
            done = at;
        } else {
            at += 1;
        }
    }
    decoder.same(raw.get(done..).unwrap_or(""), range.start + done);
    decoder.finish();
}

fn unescape(rest: &str) -> (String, usize) {
    let simple = |text: &str| (text.to_string(), 2);
    let code = |digits: usize| {
        let decoded = rest
            .get(2..2 + digits)
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .and_then(char::from_u32)
            .map_or_else(|| "\u{fffd}".to_string(), String::from);
        (decoded, (2 + digits).min(rest.len()))
    };
    match rest.as_bytes().get(1) {
        Some(b'n') => simple("\n"),
        Some(b'r') => simple("\r"),
        Some(b't') => simple("\t"),
        Some(b'"') => simple("\""),
        Some(b'\\') => simple("\\"),
        Some(b'u') => code(4),
        Some(b'U') => code(8),
        _ => ("\\".to_string(), 1),
    }
}

/// Strip markers, then dedent, in this order, as Terraform has them.
pub fn shape_tokens(mut tokens: Vec<Token>, flavour: Flavour) -> Vec<Token> {
    for i in 0..tokens.len() {
        let Some((before, after)) = tokens.get(i).map(Token::strip) else {
            continue;
        };
        if before
            && let Some(Token::Literal { text, .. }) =
                i.checked_sub(1).and_then(|p| tokens.get_mut(p))
        {
            text.truncate(text.trim_end().len());
        }
        if after && let Some(Token::Literal { text, segments }) = tokens.get_mut(i + 1) {
            let cut = text.len() - text.trim_start().len();
            drop_front(text, segments, cut);
        }
    }
    if flavour == Flavour::Dedented {
        dedent(&mut tokens);
    }
    tokens
}

fn drop_front(text: &mut String, segments: &mut Vec<Segment>, bytes: usize) {
    if bytes == 0 || text.get(bytes..).is_none() {
        return;
    }
    text.drain(..bytes);
    let cut = bytes as u32;
    segments.retain_mut(|segment| {
        if segment.value + segment.len <= cut {
            return false;
        }
        if segment.value < cut {
            let gone = cut - segment.value;
            if segment.len == segment.span.end - segment.span.start {
                segment.span.start += gone;
            }
            segment.len -= gone;
            segment.value = 0;
        } else {
            segment.value -= cut;
        }
        true
    });
}

fn dedent(tokens: &mut [Token]) {
    let mut least = usize::MAX;
    let mut line_start = true;
    let mut adjust = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        if line_start {
            line_start = false;
            let mut spaces = 0;
            if let Token::Literal { text, .. } = token {
                let trimmed = text.trim_start();
                if trimmed.is_empty() && text.ends_with('\n') {
                    spaces = usize::MAX;
                } else {
                    spaces = text.chars().count() - trimmed.chars().count();
                    adjust.push(i);
                }
            }
            least = least.min(spaces);
        }
        if let Token::Literal { text, .. } = token
            && text.ends_with('\n')
        {
            line_start = true;
        }
    }
    for i in adjust {
        if let Some(Token::Literal { text, segments }) = tokens.get_mut(i) {
            let cut: usize = text.chars().take(least).map(char::len_utf8).sum();
            drop_front(text, segments, cut);
        }
    }
}

/// The flat sequence as nested parts; adjacent literals are joined.
pub fn nest(tokens: Vec<Token>) -> Vec<Part> {
    struct Open {
        head: Option<Token>,
        then: Option<Vec<Part>>,
        parts: Vec<Part>,
    }
    let mut stack = vec![Open {
        head: None,
        then: None,
        parts: Vec::new(),
    }];
    let mut literal = (String::new(), Vec::<Segment>::new());
    for token in tokens {
        if !matches!(token, Token::Literal { .. }) {
            flush(&mut literal, stack.last_mut().map(|o| &mut o.parts));
        }
        match token {
            Token::Literal { text, segments } => {
                let base = literal.0.len() as u32;
                for mut segment in segments {
                    let room = text.len() as u32;
                    if segment.value >= room {
                        continue;
                    }
                    // A right strip leaves segments longer than the text.
                    if segment.value + segment.len > room {
                        let linear = segment.len == segment.span.end - segment.span.start;
                        segment.len = room - segment.value;
                        if linear {
                            segment.span.end = segment.span.start + segment.len;
                        }
                    }
                    segment.value += base;
                    match literal.1.last_mut() {
                        Some(last)
                            if last.span.end == segment.span.start
                                && last.span.file == segment.span.file
                                && last.len == last.span.end - last.span.start
                                && segment.len == segment.span.end - segment.span.start =>
                        {
                            last.len += segment.len;
                            last.span.end = segment.span.end;
                        }
                        _ => literal.1.push(segment),
                    }
                }
                literal.0.push_str(&text);
            }
            Token::Hole {
                expression, span, ..
            } => {
                if let Some(open) = stack.last_mut() {
                    open.parts.push(Part::Hole(expression, span));
                }
            }
            head @ (Token::If { .. } | Token::For { .. }) => {
                stack.push(Open {
                    head: Some(head),
                    then: None,
                    parts: Vec::new(),
                });
            }
            Token::Else { .. } => {
                if let Some(open) = stack.last_mut() {
                    open.then = Some(std::mem::take(&mut open.parts));
                }
            }
            Token::End { .. } => {
                let Some(open) = stack.pop() else { continue };
                let part = match open.head {
                    Some(Token::If { test, span, .. }) => match open.then {
                        Some(then) => Part::If {
                            test,
                            then,
                            otherwise: open.parts,
                            span,
                        },
                        None => Part::If {
                            test,
                            then: open.parts,
                            otherwise: Vec::new(),
                            span,
                        },
                    },
                    Some(Token::For {
                        key_name,
                        value_name,
                        collection,
                        span,
                        ..
                    }) => Part::For {
                        key_name,
                        value_name,
                        collection,
                        body: open.parts,
                        span,
                    },
                    _ => continue,
                };
                if let Some(outer) = stack.last_mut() {
                    outer.parts.push(part);
                }
            }
        }
    }
    flush(&mut literal, stack.last_mut().map(|o| &mut o.parts));
    stack
        .into_iter()
        .next()
        .map(|o| o.parts)
        .unwrap_or_default()
}

fn flush(literal: &mut (String, Vec<Segment>), parts: Option<&mut Vec<Part>>) {
    let text = std::mem::take(&mut literal.0);
    let segments = std::mem::take(&mut literal.1);
    if let Some(parts) = parts
        && !text.is_empty()
    {
        parts.push(Part::Literal {
            text: text.into(),
            segments: segments.into(),
        });
    }
}
