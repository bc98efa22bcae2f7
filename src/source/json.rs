//! JSON text to values with places; also JSON inside a text, with holes where the text is symbolic.
//!
//! One parser serves both: a text with symbols is laid out flat, each symbol as one placeholder character of
//! three bytes whose offsets are known, so that offsets agree with those of the text's source map.

use std::sync::Arc;

use crate::value::{
    FileId, Map, Number, Piece, Place, Segment, SourceMap, Span, Text, Unknown, Value, ValueKind,
};

/// Why a text is not JSON: a message and the place of the fault.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonError {
    pub message: String,
    pub place: Place,
}

/// Stands for a symbolic piece in the flat text; three bytes wide.
const PLACEHOLDER: char = '\u{e000}';
/// Bytes of the placeholder.
pub const PLACEHOLDER_BYTES: usize = 3;
/// Arrays and objects inside each other.
const DEPTH: usize = 200;

/// Parses a text that is meant to be JSON (a policy in a heredoc, `file("p.json")`). Symbolic pieces may stand
/// inside strings or in place of a whole value. Places are found through the text's source map, else all are `place`.
pub fn parse_text(text: &Text, place: &Place) -> Result<Value, JsonError> {
    let mut flat = String::new();
    let mut holes = Vec::new();
    for piece in text.pieces() {
        match piece {
            Piece::Literal(literal) => flat.push_str(literal),
            Piece::Unknown(unknown) => {
                holes.push((flat.len(), unknown));
                flat.push(PLACEHOLDER);
            }
        }
    }
    let width = (place.span.end - place.span.start) as usize;
    let source = match text.source_map() {
        Some(map) => Source::Mapped(map),
        None if text.is_literal() && width == flat.len() => {
            Source::Direct(place.span.file, place.span.start)
        }
        None if text.is_literal() && width == flat.len() + 2 => {
            Source::Direct(place.span.file, place.span.start.saturating_add(1))
        }
        None => Source::Whole,
    };
    Parser {
        text: &flat,
        bytes: flat.as_bytes(),
        at: 0,
        depth: 0,
        holes: &holes,
        source,
        place,
    }
    .document()
}

/// Parses a JSON file: a template, variables, a plan. A byte-order mark is tolerated.
pub fn parse_file(file: FileId, text: &str) -> Result<Value, JsonError> {
    let place = Place::at(Span::new(file, 0, text.len()));
    let source = Source::Direct(file, 0);
    Parser {
        text,
        bytes: text.as_bytes(),
        at: 0,
        depth: 0,
        holes: &[],
        source,
        place: &place,
    }
    .document()
}

/// How offsets of the flat text become places.
#[derive(Clone, Copy)]
enum Source<'t> {
    /// The text stands in the file as it is, from that byte.
    Direct(FileId, u32),
    /// Through the source map of the text.
    Mapped(&'t SourceMap),
    /// Nothing is known but the place of the whole.
    Whole,
}

struct Parser<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    depth: usize,
    holes: &'t [(usize, &'t Unknown)],
    source: Source<'t>,
    place: &'t Place,
}

impl<'t> Parser<'t> {
    fn document(mut self) -> Result<Value, JsonError> {
        if self.bytes.starts_with(b"\xef\xbb\xbf") && self.hole().is_none() {
            self.at = 3;
        }
        self.blanks();
        let value = self.value()?;
        self.blanks();
        match self.peek() {
            None => Ok(value),
            Some(_) => Err(self.unexpected("nothing after the value")),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// The symbolic piece at the current offset.
    fn hole(&self) -> Option<&'t Unknown> {
        self.hole_at(self.at)
    }

    fn hole_at(&self, offset: usize) -> Option<&'t Unknown> {
        let index = self.holes.binary_search_by_key(&offset, |h| h.0).ok()?;
        self.holes.get(index).map(|h| h.1)
    }

    fn place(&self, start: usize, end: usize) -> Place {
        let span = match self.source {
            Source::Direct(file, base) => {
                Some(Span::new(file, base as usize + start, base as usize + end))
            }
            Source::Mapped(map) => map.locate(start, end),
            Source::Whole => None,
        };
        Place {
            span: span.unwrap_or(self.place.span),
            via: self.place.via.clone(),
        }
    }

    fn error(&self, message: impl Into<String>, start: usize, end: usize) -> JsonError {
        JsonError {
            message: message.into(),
            place: self.place(start, end.max(start + 1).min(self.text.len().max(start))),
        }
    }

    fn unexpected(&self, wanted: &str) -> JsonError {
        let message = match (
            self.hole(),
            self.text.get(self.at..).and_then(|t| t.chars().next()),
        ) {
            (Some(unknown), _) => {
                let name = unknown.symbol.as_ref().map_or_else(
                    || unknown.reason.to_string(),
                    |s| format!("`{}`", s.display()),
                );
                format!("the shape of this JSON depends on {name}")
            }
            (None, None) => format!("expected {wanted}, but the text ends"),
            (None, Some(found)) => format!("expected {wanted}, found `{}`", found.escape_debug()),
        };
        self.error(message, self.at, self.at + 1)
    }

    fn value(&mut self) -> Result<Value, JsonError> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => {
                let start = self.at;
                let text = self.string()?;
                Ok(Value::new(
                    ValueKind::Text(text),
                    self.place(start, self.at),
                ))
            }
            Some(b',' | b'}' | b']' | b':') | None => Err(self.unexpected("a value")),
            Some(_) => self.bare(),
        }
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Value, JsonError>,
    ) -> Result<Value, JsonError> {
        if self.depth >= DEPTH {
            return Err(self.error(
                format!("nested deeper than {DEPTH} levels"),
                self.at,
                self.at + 1,
            ));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn array(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.peek() != Some(b']') {
            loop {
                items.push(self.value()?);
                self.blanks();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b']') => break,
                    _ => return Err(self.unexpected("`,` or `]`")),
                }
                self.blanks();
            }
        }
        self.at += 1;
        Ok(Value::list(items, self.place(start, self.at)))
    }

    fn object(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        self.at += 1;
        let mut map = Map::default();
        self.blanks();
        if self.peek() != Some(b'}') {
            loop {
                if self.peek() != Some(b'"') {
                    return Err(self.unexpected("a key in double quotes"));
                }
                let key_start = self.at;
                let key = self.string()?;
                let key_place = self.place(key_start, self.at);
                self.blanks();
                if self.peek() != Some(b':') {
                    return Err(self.unexpected("`:` after the key"));
                }
                self.at += 1;
                self.blanks();
                let value = self.value()?;
                map.insert(key_name(&key, &map), key_place, value);
                self.blanks();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => break,
                    _ => return Err(self.unexpected("`,` or `}`")),
                }
                self.blanks();
            }
        }
        self.at += 1;
        Ok(Value::map(map, self.place(start, self.at)))
    }

    /// A number, `true`, `false`, `null`, or a symbol in place of a value.
    fn bare(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        let mut symbols = 0;
        let mut symbol = None;
        while let Some(byte) = self.peek() {
            if let Some(unknown) = self.hole() {
                symbols += 1;
                symbol = Some(unknown);
                self.at += PLACEHOLDER_BYTES;
                continue;
            }
            if matches!(
                byte,
                b' ' | b'\n' | b'\r' | b'\t' | b',' | b'}' | b']' | b':' | b'"' | b'[' | b'{'
            ) {
                break;
            }
            self.at += 1;
        }
        let place = self.place(start, self.at);
        if let Some(unknown) = symbol {
            let alone = symbols == 1 && self.at - start == PLACEHOLDER_BYTES;
            let unknown = if alone {
                unknown.clone()
            } else {
                Unknown::because(unknown.reason.clone())
            };
            return Ok(Value::unknown(unknown, place));
        }
        let word = self.text.get(start..self.at).unwrap_or("");
        match word {
            "true" => Ok(Value::bool(true, place)),
            "false" => Ok(Value::bool(false, place)),
            "null" => Ok(Value::null(place)),
            _ => match number(word) {
                Some(number) => Ok(Value::number(number, place)),
                None => {
                    let shown: String = word.chars().take(20).collect();
                    Err(self.error(
                        format!("expected a value, found `{}`", shown.escape_debug()),
                        start,
                        self.at,
                    ))
                }
            },
        }
    }

    /// A string with its quotes; the text has a source map where its bytes are not those of the source.
    fn string(&mut self) -> Result<Text, JsonError> {
        let open = self.at;
        self.at += 1;
        let end_of_plain = self.run_end();
        if self.bytes.get(end_of_plain) == Some(&b'"') && !self.holes_between(self.at, end_of_plain)
        {
            let inner = self.text.get(self.at..end_of_plain).unwrap_or("");
            self.check_controls(inner)?;
            let mut text = Text::literal(inner);
            if let Source::Mapped(map) = self.source {
                let width = end_of_plain + 1 - open;
                let direct = map
                    .locate(open, end_of_plain + 1)
                    .is_some_and(|s| (s.end - s.start) as usize == width);
                if !direct {
                    let mut segments = Vec::new();
                    self.segments(&mut segments, 0, self.at, end_of_plain);
                    text = text.with_source_map(source_map(segments));
                }
            }
            self.at = end_of_plain + 1;
            return Ok(text);
        }
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut segments = Vec::new();
        let mut width = 0; // bytes of the value so far
        loop {
            if let Some(unknown) = self.hole() {
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal).into()));
                }
                pieces.push(Piece::Unknown(unknown.clone()));
                self.segments(&mut segments, width, self.at, self.at + PLACEHOLDER_BYTES);
                width += PLACEHOLDER_BYTES;
                self.at += PLACEHOLDER_BYTES;
                continue;
            }
            match self.peek() {
                None => return Err(self.error("the string has no end", open, open + 1)),
                Some(b'"') => break,
                Some(b'\\') => {
                    let start = self.at;
                    let before = literal.len();
                    literal.push(self.escape()?);
                    let added = literal.len() - before;
                    let span = self.place(start, self.at).span;
                    if !matches!(self.source, Source::Whole) {
                        push_segment(&mut segments, width, added, span);
                    }
                    width += added;
                }
                Some(_) => {
                    let start = self.at;
                    let end = self.run_end().min(self.next_hole(start));
                    let run = self.text.get(start..end).unwrap_or("");
                    self.check_controls(run)?;
                    literal.push_str(run);
                    self.segments(&mut segments, width, start, end);
                    width += end - start;
                    self.at = end.max(start + 1);
                }
            }
        }
        self.at += 1;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.into()));
        }
        Ok(Text::from_pieces(pieces).with_source_map(source_map(segments)))
    }

    /// The next quote or backslash.
    fn run_end(&self) -> usize {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        memchr::memchr2(b'"', b'\\', rest).map_or(self.bytes.len(), |i| self.at + i)
    }

    fn next_hole(&self, from: usize) -> usize {
        let index = self.holes.partition_point(|h| h.0 < from);
        self.holes.get(index).map_or(usize::MAX, |h| h.0)
    }

    fn holes_between(&self, start: usize, end: usize) -> bool {
        !self.holes.is_empty() && self.next_hole(start) < end
    }

    fn check_controls(&self, run: &str) -> Result<(), JsonError> {
        match run.bytes().position(|b| b < 0x20) {
            None => Ok(()),
            Some(i) => Err(self.error(
                "a string holds a control character or a line break",
                self.at + i,
                self.at + i + 1,
            )),
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        self.at += 1;
        let byte = self.peek();
        self.at += 1;
        Ok(match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let high = self.hex(start)?;
                if (0xd800..0xdc00).contains(&high)
                    && self.bytes.get(self.at..self.at + 2) == Some(b"\\u")
                {
                    let back = self.at;
                    self.at += 2;
                    let low = self.hex(start)?;
                    if (0xdc00..0xe000).contains(&low) {
                        let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                        return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    self.at = back;
                }
                char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(self.error("an escape that JSON does not have", start, start + 2)),
        })
    }

    fn hex(&mut self, escape: usize) -> Result<u32, JsonError> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|d| u32::from_str_radix(d, 16).ok()) {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => Err(self.error("`\\u` needs four hexadecimal digits", escape, escape + 2)),
        }
    }

    /// Adds where the bytes `start..end` of the flat text stand, as bytes from `value` of the string's own text.
    fn segments(&self, out: &mut Vec<Segment>, value: usize, start: usize, end: usize) {
        match self.source {
            Source::Whole => {}
            Source::Direct(..) => {
                push_segment(out, value, end - start, self.place(start, end).span)
            }
            Source::Mapped(map) => {
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
                    let span = if exact {
                        let base = segment.span.start as usize;
                        let offset = |v: u32| base + (v - segment.value) as usize;
                        Span::new(segment.span.file, offset(low), offset(high))
                    } else {
                        segment.span
                    };
                    push_segment(
                        out,
                        value + (low - from) as usize,
                        high.saturating_sub(low) as usize,
                        span,
                    );
                }
            }
        }
    }
}

fn push_segment(out: &mut Vec<Segment>, value: usize, len: usize, span: Span) {
    if len > 0 {
        out.push(Segment {
            value: value as u32,
            len: len as u32,
            span,
        });
    }
}

fn source_map(segments: Vec<Segment>) -> Option<Arc<SourceMap>> {
    if segments.is_empty() {
        None
    } else {
        Some(Arc::new(SourceMap { segments }))
    }
}

/// A key with symbols is named as a person reads it; two keys that only look alike stay two.
fn key_name(key: &Text, map: &Map) -> Arc<str> {
    match key.pieces() {
        [] => "".into(),
        [Piece::Literal(literal)] => literal.clone(),
        _ => {
            let name = key.display();
            let anonymous = key
                .pieces()
                .iter()
                .any(|p| matches!(p, Piece::Unknown(u) if u.symbol.is_none()));
            if anonymous && map.get(&name).is_some() {
                return format!("{name} ({})", map.len() + 1).into();
            }
            name.into()
        }
    }
}

/// A number of JSON's grammar: exact where it is whole, else the nearest double.
fn number(word: &str) -> Option<Number> {
    let digits = |t: &str| t.len() - t.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let unsigned = word.strip_prefix('-').unwrap_or(word);
    let whole = digits(unsigned);
    if whole == 0 || (whole > 1 && unsigned.starts_with('0')) {
        return None;
    }
    let mut rest = unsigned.get(whole..)?;
    if rest.is_empty()
        && let Ok(n) = word.parse::<i128>()
    {
        return Some(Number::Int(n));
    }
    if let Some(fraction) = rest.strip_prefix('.') {
        let n = digits(fraction);
        if n == 0 {
            return None;
        }
        rest = fraction.get(n..)?;
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let n = digits(exponent);
        if n == 0 {
            return None;
        }
        rest = exponent.get(n..)?;
    }
    if !rest.is_empty() {
        return None;
    }
    let float: f64 = word.parse().ok().filter(|f: &f64| f.is_finite())?;
    if float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0 {
        return Some(Number::Int(float as i128));
    }
    Some(Number::Float(float))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::show::to_json;

    fn file(text: &str) -> Result<Value, JsonError> {
        parse_file(FileId(0), text)
    }

    #[test]
    fn reads_what_json_is() {
        for text in [
            r#"{"a":[1,-2.5,"x\"y",true,false,null],"b":{}}"#,
            " [ ] ",
            r#""\ud83d\ude00 \u00e9""#,
            "\u{feff}{}",
            "123456789012345678",
        ] {
            let want: serde_json::Value =
                serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
            assert_eq!(to_json(&file(text).unwrap()), want, "{text}");
        }
    }

    #[test]
    fn says_where_it_is_wrong() {
        for (text, message, start) in [
            ("{bad", "expected a key in double quotes, found `b`", 1),
            ("[1,]", "expected a value, found `]`", 3),
            ("[1 2]", "expected `,` or `]`, found `2`", 3),
            ("{\"a\"}", "expected `:` after the key, found `}`", 4),
            ("\"a", "the string has no end", 0),
            ("01", "expected a value, found `01`", 0),
            ("\"\\x\"", "an escape that JSON does not have", 1),
            ("{} x", "expected nothing after the value, found `x`", 3),
            ("", "expected a value, but the text ends", 0),
        ] {
            let error = file(text).unwrap_err();
            assert_eq!(
                (error.message.as_str(), error.place.span.start),
                (message, start),
                "{text}"
            );
        }
        assert!(
            file(&"[".repeat(100_000))
                .unwrap_err()
                .message
                .contains("deeper")
        );
    }

    #[test]
    fn keeps_places_through_escaped_documents() {
        let text = r#"{"Policy": "{\"Version\":\"2012\",\"Sid\":\"a\\nb\"}", "Policy": 1}"#;
        let value = file(text).unwrap();
        assert_eq!(value.as_map().unwrap().duplicates.len(), 1);
        let text = r#"{"Policy": "{\"Version\":\"2012\",\"Sid\":\"a\\nb\"}"}"#;
        let value = file(text).unwrap();
        let policy = value.get("Policy").unwrap();
        let ValueKind::Text(inner) = &policy.kind else {
            panic!()
        };
        let inner = parse_text(inner, &policy.place).unwrap();
        let cut = |v: &Value| {
            text.get(v.place.span.start as usize..v.place.span.end as usize)
                .unwrap()
        };
        assert_eq!(cut(inner.get("Version").unwrap()), r#"\"2012\""#);
        assert_eq!(cut(inner.get("Sid").unwrap()), r#"\"a\\nb\""#);
        assert_eq!(inner.get("Sid").unwrap().as_str(), Some("a\nb"));
    }

    #[test]
    fn holes_stand_in_strings_and_for_values() {
        let unknown = |name: &str| Unknown::because(name);
        let mut text = Text::literal(r#"{"a": "x/"#);
        text.push_unknown(unknown("one"));
        text.push_str(r#"/*", "b": ["#);
        text.push_unknown(unknown("two"));
        text.push_str("]}");
        let place = Place::at(Span::new(FileId(0), 5, 9));
        let value = parse_text(&text, &place).unwrap();
        let ValueKind::Text(a) = &value.get("a").unwrap().kind else {
            panic!()
        };
        assert_eq!((a.pieces().len(), a.display().as_str()), (3, "x/${?}/*"));
        let b = value.get("b").unwrap().as_items().unwrap();
        assert_eq!(b[0].kind, ValueKind::Unknown(unknown("two")));
        assert_eq!(b[0].place, place);
    }
}
