//! Texts with symbols as one flat string, cut and joined so that symbols and source maps survive.

use std::sync::Arc;

use crate::source::json::PLACEHOLDER_BYTES;
use crate::value::{Piece, Place, Segment, SourceMap, Span, SymbolKind, Text, Unknown, ValueKind};

/// A text laid out flat; each symbol is a placeholder character of three bytes.
pub(super) struct Flat {
    pub text: String,
    holes: Vec<(usize, Unknown)>,
    map: Option<Arc<SourceMap>>,
}

/// Part of a new text made from a flat one.
pub(super) enum Part {
    /// These bytes.
    Slice(usize, usize),
    /// Another text in place of these bytes.
    Insert(Text, usize, usize),
}

impl Flat {
    pub fn of(text: &Text, place: &Place) -> Flat {
        let mut flat = String::with_capacity(width(text));
        let mut holes = Vec::new();
        for piece in text.pieces() {
            match piece {
                Piece::Literal(literal) => flat.push_str(literal),
                Piece::Unknown(unknown) => {
                    holes.push((flat.len(), unknown.clone()));
                    flat.push('\u{e000}');
                }
            }
        }
        let map = text
            .source_map()
            .cloned()
            .or_else(|| direct(&flat, &holes, place));
        Flat {
            text: flat,
            holes,
            map,
        }
    }

    /// The symbols with their offsets.
    pub fn holes(&self) -> &[(usize, Unknown)] {
        &self.holes
    }

    pub fn slice(&self, start: usize, end: usize) -> Text {
        self.build(&[Part::Slice(start, end)])
    }

    pub fn build(&self, parts: &[Part]) -> Text {
        let mut out = Builder::default();
        let mut segments = Vec::new();
        for part in parts {
            match part {
                Part::Slice(start, end) => {
                    if let Some(map) = &self.map {
                        copy_segments(map, *start, *end, out.width, &mut segments);
                    }
                    self.copy(*start, *end, &mut out);
                }
                Part::Insert(text, start, end) => {
                    let len = width(text);
                    if let Some(span) = self.map.as_ref().and_then(|m| m.locate(*start, *end))
                        && len > 0
                    {
                        segments.push(Segment {
                            value: out.width as u32,
                            len: len as u32,
                            span,
                        });
                    }
                    out.push(text);
                }
            }
        }
        let map = if segments.is_empty() {
            None
        } else {
            Some(Arc::new(SourceMap { segments }))
        };
        out.finish().with_source_map(map)
    }

    fn copy(&self, start: usize, end: usize, out: &mut Builder) {
        let mut at = start;
        let first = self.holes.partition_point(|h| h.0 < start);
        for (offset, unknown) in self.holes.get(first..).unwrap_or(&[]) {
            if *offset >= end {
                break;
            }
            out.push_str(self.text.get(at..*offset).unwrap_or(""));
            out.push_unknown(unknown.clone());
            at = offset + PLACEHOLDER_BYTES;
        }
        out.push_str(self.text.get(at..end.max(at)).unwrap_or(""));
    }
}

fn direct(flat: &str, holes: &[(usize, Unknown)], place: &Place) -> Option<Arc<SourceMap>> {
    if !holes.is_empty() || flat.is_empty() {
        return None;
    }
    let Span { file, start, end } = place.span;
    let quote = match (end.saturating_sub(start) as usize).checked_sub(flat.len())? {
        0 => 0,
        2 => 1,
        _ => return None,
    };
    let base = start as usize + quote;
    let span = Span::new(file, base, base + flat.len());
    Some(Arc::new(SourceMap {
        segments: vec![Segment {
            value: 0,
            len: flat.len() as u32,
            span,
        }],
    }))
}

fn copy_segments(map: &SourceMap, start: usize, end: usize, value: usize, out: &mut Vec<Segment>) {
    let (from, to) = (start as u32, end as u32);
    let first = map
        .segments
        .partition_point(|s| s.value.saturating_add(s.len) <= from);
    for segment in map.segments.get(first..).unwrap_or(&[]) {
        if segment.value >= to {
            break;
        }
        let low = segment.value.max(from);
        let high = segment.value.saturating_add(segment.len).min(to);
        let exact = segment.len == segment.span.end - segment.span.start;
        let offset = |v: u32| segment.span.start as usize + (v - segment.value) as usize;
        let span = if exact {
            Span::new(segment.span.file, offset(low), offset(high.max(low)))
        } else {
            segment.span
        };
        out.push(Segment {
            value: value as u32 + (low - from),
            len: high.saturating_sub(low),
            span,
        });
    }
}

/// Joins pieces without copying what was joined before.
#[derive(Default)]
pub(super) struct Builder {
    pieces: Vec<Piece>,
    literal: String,
    pub width: usize,
}

impl Builder {
    pub fn push_str(&mut self, text: &str) {
        self.literal.push_str(text);
        self.width += text.len();
    }

    pub fn push_unknown(&mut self, unknown: Unknown) {
        self.flush();
        self.pieces.push(Piece::Unknown(unknown));
        self.width += PLACEHOLDER_BYTES;
    }

    pub fn push(&mut self, text: &Text) {
        for piece in text.pieces() {
            match piece {
                Piece::Literal(literal) => self.push_str(literal),
                Piece::Unknown(unknown) => self.push_unknown(unknown.clone()),
            }
        }
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.pieces
                .push(Piece::Literal(std::mem::take(&mut self.literal).into()));
        }
    }

    pub fn finish(mut self) -> Text {
        self.flush();
        Text::from_pieces(self.pieces)
    }
}

/// Bytes of the flat form.
pub(super) fn width(text: &Text) -> usize {
    text.pieces()
        .iter()
        .map(|p| match p {
            Piece::Literal(literal) => literal.len(),
            Piece::Unknown(_) => PLACEHOLDER_BYTES,
        })
        .sum()
}

/// A text as a value; one that is a symbol alone is that symbol.
pub(super) fn kind(text: Text) -> ValueKind {
    match text.pieces() {
        [Piece::Unknown(unknown)] => ValueKind::Unknown(unknown.clone()),
        _ => ValueKind::Text(text),
    }
}

/// Why the text is not known.
pub(super) fn reason(text: &Text) -> String {
    text.pieces()
        .iter()
        .find_map(|p| match p {
            Piece::Unknown(unknown) => Some(unknown.reason.to_string()),
            Piece::Literal(_) => None,
        })
        .unwrap_or_else(|| "not known".into())
}

/// What the values of a symbol are made of: true where the character may occur in one.
fn may_hold_char(unknown: &Unknown, c: char) -> bool {
    let Some(symbol) = &unknown.symbol else {
        return true;
    };
    match symbol.kind {
        SymbolKind::Account => c.is_ascii_digit(),
        SymbolKind::Region | SymbolKind::Partition => {
            c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
        }
        SymbolKind::UrlSuffix => c.is_ascii_lowercase() || c == '.',
        SymbolKind::GeneratedName => c.is_ascii_alphanumeric() || "-_.+=,@".contains(c),
        SymbolKind::Resource | SymbolKind::Data
            if symbol.subject.contains("aws_s3_bucket.")
                && matches!(&*symbol.attribute, "id" | "bucket") =>
        {
            c.is_ascii_alphanumeric() || "-_.".contains(c)
        }
        SymbolKind::Resource | SymbolKind::Data if matches!(&*symbol.attribute, "arn" | "Arn") => {
            !c.is_whitespace() && !c.is_control() && !"\"'{}%$".contains(c)
        }
        _ => true,
    }
}

/// `_S3_BUCKET_ID_`: a mark to be replaced, which no name or ARN of a resource is taken to hold.
fn is_placeholder(pattern: &str) -> bool {
    let mark = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    pattern.len() > 4
        && pattern.starts_with('_')
        && pattern.ends_with('_')
        && pattern.chars().all(mark)
}

/// False where no value of the symbol can hold a whole or a part of the pattern.
pub(super) fn may_touch(unknown: &Unknown, pattern: &str) -> bool {
    if is_placeholder(pattern) && is_scalar(unknown) {
        return false;
    }
    pattern.is_empty()
        || pattern.chars().any(|c| may_hold_char(unknown, c)) && {
            // A pattern that needs a character the symbol cannot hold may still straddle its edge.
            let first = pattern
                .chars()
                .next()
                .is_some_and(|c| may_hold_char(unknown, c));
            let last = pattern
                .chars()
                .next_back()
                .is_some_and(|c| may_hold_char(unknown, c));
            first || last
        }
}

/// What every value of the symbol begins with.
pub(super) fn sure_prefix(unknown: &Unknown) -> &'static str {
    match &unknown.symbol {
        Some(s)
            if matches!(s.kind, SymbolKind::Resource | SymbolKind::Data)
                && matches!(&*s.attribute, "arn" | "Arn") =>
        {
            "arn:"
        }
        Some(s) if s.kind == SymbolKind::Partition => "aws",
        _ => "",
    }
}

/// True where lower case changes no value of the symbol.
pub(super) fn is_lower(unknown: &Unknown) -> bool {
    unknown.symbol.as_ref().is_some_and(|s| {
        matches!(
            s.kind,
            SymbolKind::Account
                | SymbolKind::Region
                | SymbolKind::Partition
                | SymbolKind::UrlSuffix
        )
    })
}

/// True where the symbol is certainly neither null nor empty.
pub(super) fn is_present(unknown: &Unknown) -> bool {
    unknown.symbol.as_ref().is_some_and(|s| match s.kind {
        SymbolKind::Account
        | SymbolKind::Region
        | SymbolKind::Partition
        | SymbolKind::UrlSuffix
        | SymbolKind::GeneratedName => true,
        SymbolKind::Resource => matches!(&*s.attribute, "arn" | "id" | "Arn" | "Ref"),
        _ => false,
    })
}

/// True where the symbol is certainly no list or map.
pub(super) fn is_scalar(unknown: &Unknown) -> bool {
    is_present(unknown)
        || unknown.symbol.as_ref().is_some_and(|s| {
            matches!(s.kind, SymbolKind::Resource | SymbolKind::Data)
                && matches!(
                    &*s.attribute,
                    "arn"
                        | "id"
                        | "name"
                        | "bucket"
                        | "url"
                        | "account_id"
                        | "key_id"
                        | "unique_id"
                        | "json"
                )
        })
}
