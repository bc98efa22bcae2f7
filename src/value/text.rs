//! Texts of literal pieces and symbols, with maps from their bytes to those of the source.

use std::sync::Arc;

use super::{ScopeId, Span};

/// Something that has an identity before it has a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol {
    pub scope: ScopeId,
    pub kind: SymbolKind,
    /// What it belongs to, as the user types it: `aws_s3_bucket.b`, `module.a.var.name`, `TrailBucket`.
    /// Empty for the pseudo kinds; then [`Symbol::attribute`] names the provider configuration, if not the default.
    pub subject: Arc<str>,
    /// The attribute: `arn`, `Arn`, `id`; empty where there is none.
    pub attribute: Arc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SymbolKind {
    /// Attribute of a resource declared in the scope (`Ref` of a resource has the attribute `Ref`).
    Resource,
    /// Attribute of a data source.
    Data,
    /// A variable or parameter without a value.
    Input,
    /// Output of something that is not at hand: a remote module, an import, a remote state.
    Import,
    /// The account that the scope is deployed to (12 digits).
    Account,
    /// The same, in a scope that also writes account numbers: none of those that are written is it.
    OwnAccount,
    /// The region that the scope is deployed to.
    Region,
    /// The partition of that region.
    Partition,
    /// The DNS suffix of that region.
    UrlSuffix,
    /// The name, without anything else, that AWS or the tool will generate for a declared resource.
    GeneratedName,
}

impl Symbol {
    /// As the user types it: `aws_s3_bucket.b.arn`.
    pub fn display(&self) -> String {
        let pseudo = match self.kind {
            SymbolKind::Account | SymbolKind::OwnAccount => "account",
            SymbolKind::Region => "region",
            SymbolKind::Partition => "partition",
            SymbolKind::UrlSuffix => "url suffix",
            _ => {
                return if self.attribute.is_empty() {
                    self.subject.to_string()
                } else {
                    format!("{}.{}", self.subject, self.attribute)
                };
            }
        };
        if self.attribute.is_empty() {
            pseudo.to_string()
        } else {
            format!("{pseudo} of {}", self.attribute)
        }
    }
}

/// Why a value is not known, and its identity where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// For a reader: "variable `env` has no value", "function `timestamp` has no fixed result".
    pub reason: Arc<str>,
    pub symbol: Option<Arc<Symbol>>,
}

impl Unknown {
    pub fn because(reason: impl Into<Arc<str>>) -> Unknown {
        Unknown {
            reason: reason.into(),
            symbol: None,
        }
    }

    pub fn symbol(symbol: Symbol, reason: impl Into<Arc<str>>) -> Unknown {
        Unknown {
            reason: reason.into(),
            symbol: Some(Arc::new(symbol)),
        }
    }
}

/// Part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Literal(Arc<str>),
    Unknown(Unknown),
}

/// A text of which parts may be symbolic. Adjacent literals are joined, empty literals do not occur.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    pieces: Vec<Piece>,
    /// Where the bytes of the value stand in the source, if that is more than the place says (heredocs, escapes, files).
    map: Option<Arc<SourceMap>>,
}

impl Text {
    pub fn literal(text: impl Into<Arc<str>>) -> Text {
        let text = text.into();
        Text {
            pieces: if text.is_empty() {
                Vec::new()
            } else {
                vec![Piece::Literal(text)]
            },
            map: None,
        }
    }

    pub fn unknown(unknown: Unknown) -> Text {
        Text {
            pieces: vec![Piece::Unknown(unknown)],
            map: None,
        }
    }

    pub fn symbol(symbol: Symbol, reason: impl Into<Arc<str>>) -> Text {
        Text::unknown(Unknown::symbol(symbol, reason))
    }

    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    pub fn source_map(&self) -> Option<&Arc<SourceMap>> {
        self.map.as_ref()
    }

    pub fn with_source_map(mut self, map: Option<Arc<SourceMap>>) -> Text {
        self.map = map;
        self
    }

    /// The whole text, where all of it is known.
    pub fn as_literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub fn is_literal(&self) -> bool {
        self.as_literal().is_some()
    }

    /// The known beginning, up to the first symbolic piece.
    pub fn known_prefix(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Literal(text)) => text,
            _ => "",
        }
    }

    pub fn push_str(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(Piece::Literal(last)) = self.pieces.last_mut() {
            let mut joined = String::with_capacity(last.len() + text.len());
            joined.push_str(last);
            joined.push_str(text);
            *last = joined.into();
        } else {
            self.pieces.push(Piece::Literal(text.into()));
        }
    }

    pub fn push_unknown(&mut self, unknown: Unknown) {
        self.pieces.push(Piece::Unknown(unknown));
    }

    /// Appends; the source map of the receiver is dropped, that of the argument too.
    pub fn push(&mut self, other: &Text) {
        self.map = None;
        for piece in &other.pieces {
            match piece {
                Piece::Literal(text) => self.push_str(text),
                Piece::Unknown(unknown) => self.push_unknown(unknown.clone()),
            }
        }
    }

    pub fn from_pieces(pieces: impl IntoIterator<Item = Piece>) -> Text {
        let mut text = TextBuilder::default();
        for piece in pieces {
            match piece {
                Piece::Literal(l) => text.push_str(&l),
                Piece::Unknown(u) => text.push_unknown(u),
            }
        }
        text.finish()
    }

    /// A key under which equal texts meet in a map; `None` where a piece is unknown without an identity,
    /// because such a text equals nothing for certain. A literal with the marks of symbols in it has none either.
    pub fn identity(&self) -> Option<String> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) if text.contains(['\u{1}', '\u{2}', '\u{3}']) => return None,
                Piece::Literal(text) => out.push_str(text),
                Piece::Unknown(Unknown {
                    symbol: Some(symbol),
                    ..
                }) => {
                    out.push('\u{1}');
                    out.push_str(&symbol.scope.0.to_string());
                    out.push(char::from(b'a' + symbol.kind as u8));
                    out.push_str(&symbol.subject);
                    out.push('\u{2}');
                    out.push_str(&symbol.attribute);
                    out.push('\u{3}');
                }
                Piece::Unknown(Unknown { symbol: None, .. }) => return None,
            }
        }
        Some(out)
    }

    /// The part before the first `separator` that stands in a literal piece, and the part after it.
    pub fn split_once(&self, separator: &str) -> Option<(Text, Text)> {
        let (at, literal, offset) =
            self.pieces
                .iter()
                .enumerate()
                .find_map(|(i, piece)| match piece {
                    Piece::Literal(text) => text.find(separator).map(|offset| (i, text, offset)),
                    Piece::Unknown(_) => None,
                })?;
        let mut before = Text::from_pieces(self.pieces.iter().take(at).cloned());
        before.push_str(literal.get(..offset)?);
        let mut after = Text::literal(literal.get(offset + separator.len()..)?);
        for piece in self.pieces.iter().skip(at + 1) {
            match piece {
                Piece::Literal(text) => after.push_str(text),
                Piece::Unknown(unknown) => after.push_unknown(unknown.clone()),
            }
        }
        Some((before, after))
    }

    /// For a reader: symbols in `${…}`.
    pub fn display(&self) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Unknown(Unknown {
                    symbol: Some(symbol),
                    ..
                }) => {
                    out.push_str("${");
                    out.push_str(&symbol.display());
                    out.push('}');
                }
                Piece::Unknown(_) => out.push_str("${?}"),
            }
        }
        out
    }
}

/// Builds a text from many small parts: each byte is written once.
#[derive(Debug, Clone, Default)]
pub struct TextBuilder {
    pieces: Vec<Piece>,
    literal: String,
}

impl TextBuilder {
    pub fn push_str(&mut self, text: &str) {
        self.literal.push_str(text);
    }

    pub fn push_unknown(&mut self, unknown: Unknown) {
        self.close();
        self.pieces.push(Piece::Unknown(unknown));
    }

    pub fn push(&mut self, text: &Text) {
        for piece in text.pieces() {
            match piece {
                Piece::Literal(literal) => self.push_str(literal),
                Piece::Unknown(unknown) => self.push_unknown(unknown.clone()),
            }
        }
    }

    pub fn finish(mut self) -> Text {
        self.close();
        Text {
            pieces: self.pieces,
            map: None,
        }
    }

    fn close(&mut self) {
        if !self.literal.is_empty() {
            self.pieces
                .push(Piece::Literal(std::mem::take(&mut self.literal).into()));
        }
    }
}

/// Piecewise map from offsets in a text's value to bytes of the source.
///
/// A value offset inside a symbolic piece has no entry of its own; the piece's width in value offsets is
/// that of its placeholder (one private-use character, see `source/json.rs`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceMap {
    /// Sorted by `value`.
    pub segments: Vec<Segment>,
}

/// `len` bytes of the value, from `value`, stand at `span` in the source. Where the lengths differ (an
/// escape, a hole), the whole span stands for every byte of the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub value: u32,
    pub len: u32,
    pub span: Span,
}

impl SourceMap {
    /// The source of the value bytes `start..end`; `None` outside the map.
    pub fn locate(&self, start: usize, end: usize) -> Option<Span> {
        let first = self.byte(start, false)?;
        let last = self.byte(end.saturating_sub(1).max(start), true)?;
        Some(first.cover(last))
    }

    fn byte(&self, offset: usize, _last: bool) -> Option<Span> {
        let offset = u32::try_from(offset).ok()?;
        let index = self
            .segments
            .partition_point(|s| s.value <= offset)
            .checked_sub(1)?;
        let segment = self.segments.get(index)?;
        let inside = offset - segment.value;
        if segment.len == segment.span.end - segment.span.start && inside < segment.len {
            let start = segment.span.start + inside;
            Some(Span {
                file: segment.span.file,
                start,
                end: start + 1,
            })
        } else {
            Some(segment.span)
        }
    }
}
