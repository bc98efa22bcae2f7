//! YAML text to values with places: a tree over the events of the parser.
//!
//! Short tags become the long form that JSON templates use (`!Sub x` is `{"Fn::Sub": x}`), so that one
//! evaluator serves both. Keys written twice are kept by [`Map::insert`]; aliases share their anchor's value and
//! count towards a limit. Texts that stand in the source as they are carry a source map.

use std::borrow::Cow;
use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle, Tag};
use rustc_hash::FxHashMap;

use crate::source::Comment;
use crate::value::{
    FileId, Map, Number, Place, Segment, SourceMap, Span, Step, Text, Value, ValueKind,
};

/// Nodes of one file, counted with every use of an alias.
const NODE_LIMIT: usize = 4_000_000;
/// Depth of collections.
const DEPTH_LIMIT: usize = 200;
/// Bytes between a key's beginning and its colon.
const KEY_BYTES: usize = 64 << 10;

/// Why a text is not YAML: a message and the place of the fault.
#[derive(Debug, Clone, PartialEq)]
pub struct YamlError {
    pub message: String,
    pub place: Place,
}

/// What a text holds: its documents up to the first fault, the comments for this program, and the fault.
#[derive(Debug, Clone, Default)]
pub struct Yaml {
    pub documents: Vec<Value>,
    pub comments: Vec<Comment>,
    pub error: Option<YamlError>,
}

/// Reads every document of a file.
pub fn parse_file(file: FileId, text: &str) -> Yaml {
    let mut options = Options::default();
    options.simple_key_max_lookahead = KEY_BYTES;
    options.flow_nesting_limit = DEPTH_LIMIT;
    options.block_nesting_limit = DEPTH_LIMIT;
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder {
        source: text,
        frames: Vec::new(),
        anchors: FxHashMap::default(),
        nodes: 0,
        root: None,
    };
    let mut yaml = Yaml::default();
    while let Some(next) = parser.next_event() {
        let (event, span) = match next {
            Ok(pair) => pair,
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(0).min(text.len());
                let message = match builder.open_flow() {
                    Some(open) => format!(
                        "{} (inside the brackets that open at byte {open})",
                        error.info()
                    ),
                    None => error.info(),
                };
                yaml.error = Some(YamlError {
                    message,
                    place: Place::at(Span::new(file, at, at)),
                });
                break;
            }
        };
        let range = span.byte_range().unwrap_or(0..0);
        let place = Span::new(file, range.start, range.end);
        let tag_place = span
            .tag_span()
            .and_then(|t| t.byte_range())
            .map(|t| Span::new(file, t.start, t.end));
        let step = match event {
            Event::Comment(comment, _) => {
                if comment.contains("iaclint:") {
                    yaml.comments.push(remark(text, place, &comment));
                }
                Ok(())
            }
            Event::Scalar(content, style, anchor, tag) => {
                builder.scalar(&content, style, place, anchor, tag.as_deref(), tag_place)
            }
            Event::SequenceStart(style, anchor, tag) => {
                let flow = matches!(style, granit_parser::StructureStyle::Flow);
                builder.open(Kind::List(Vec::new()), place, flow, anchor, tag, tag_place)
            }
            Event::MappingStart(style, anchor, tag) => {
                let flow = matches!(style, granit_parser::StructureStyle::Flow);
                builder.open(
                    Kind::Map(Map::default(), Vec::new(), None),
                    place,
                    flow,
                    anchor,
                    tag,
                    tag_place,
                )
            }
            Event::SequenceEnd | Event::MappingEnd => builder.close(place),
            Event::Alias(anchor) => builder.alias(anchor, place),
            Event::DocumentEnd => {
                if let Some(root) = builder.root.take() {
                    yaml.documents.push(root);
                }
                builder.frames.clear();
                builder.anchors.clear();
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(message) = step {
            yaml.error = Some(YamlError {
                message: message.into(),
                place: Place::at(place),
            });
            break;
        }
    }
    yaml
}

fn remark(text: &str, span: Span, comment: &str) -> Comment {
    let before = text.get(..span.start as usize).unwrap_or("");
    let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
    Comment {
        span,
        text: comment.trim().into(),
        own_line: line.trim().is_empty(),
    }
}

enum Kind {
    List(Vec<Value>),
    /// Entries so far, the values of merge keys, and a key that waits for its value.
    Map(Map, Vec<Value>, Option<(Arc<str>, Place, bool)>),
}

struct Frame {
    kind: Kind,
    span: Span,
    flow: bool,
    anchor: usize,
    tag: Option<(Arc<str>, Span)>,
    nodes_before: usize,
}

struct Builder<'t> {
    source: &'t str,
    frames: Vec<Frame>,
    /// Value, and number of nodes in it.
    anchors: FxHashMap<usize, (Value, usize)>,
    nodes: usize,
    root: Option<Value>,
}

type Built = Result<(), &'static str>;

impl Builder<'_> {
    fn open_flow(&self) -> Option<u32> {
        self.frames
            .iter()
            .rev()
            .find(|f| f.flow)
            .map(|f| f.span.start)
    }

    fn count(&mut self, nodes: usize) -> Built {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > NODE_LIMIT {
            Err("more than 4,000,000 nodes, with aliases expanded")
        } else {
            Ok(())
        }
    }

    fn open(
        &mut self,
        kind: Kind,
        span: Span,
        flow: bool,
        anchor: usize,
        tag: Option<Cow<'_, Tag>>,
        tag_span: Option<Span>,
    ) -> Built {
        if self.frames.len() >= DEPTH_LIMIT {
            return Err("nested deeper than 200 levels");
        }
        self.count(1)?;
        // A map or list as a key of a map: no template has a use for it.
        if let Some(Frame {
            kind: Kind::Map(_, _, None),
            ..
        }) = self.frames.last()
        {
            return Err("a collection is the key of a map");
        }
        let tag = tag
            .as_deref()
            .and_then(long_name)
            .map(|name| (name, tag_span.unwrap_or(span)));
        self.frames.push(Frame {
            kind,
            span,
            flow,
            anchor,
            tag,
            nodes_before: self.nodes,
        });
        Ok(())
    }

    fn close(&mut self, end: Span) -> Built {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        let mut span = frame.span;
        if frame.flow {
            span = span.cover(end);
        }
        let value = match frame.kind {
            Kind::List(items) => {
                if let Some(last) = items.last() {
                    span = span.cover(last.place.span);
                }
                Value::list(items, Place::at(span))
            }
            Kind::Map(mut map, merged, _) => {
                for (_, entry) in map.iter() {
                    span = span.cover(entry.key_place.span);
                    // The value of an alias may stand elsewhere.
                    let inside = match entry.value.place.via.as_deref() {
                        Some(via) if matches!(via.step, Step::Local(_)) => via.span,
                        _ => entry.value.place.span,
                    };
                    span = span.cover(inside);
                }
                for source in merged {
                    merge(&mut map, &source);
                }
                Value::map(map, Place::at(span))
            }
        };
        let size = self.nodes.saturating_sub(frame.nodes_before) + 1;
        self.put(value, frame.anchor, size, frame.tag)
    }

    fn scalar(
        &mut self,
        content: &str,
        style: ScalarStyle,
        span: Span,
        anchor: usize,
        tag: Option<&Tag>,
        tag_span: Option<Span>,
    ) -> Built {
        self.count(1)?;
        if let Some(Frame {
            kind: Kind::Map(_, _, waiting @ None),
            ..
        }) = self.frames.last_mut()
        {
            let merge = content == "<<" && matches!(style, ScalarStyle::Plain);
            *waiting = Some((content.into(), Place::at(span), merge));
            if anchor != 0 {
                self.anchors
                    .insert(anchor, (Value::text(content, Place::at(span)), 1));
            }
            return Ok(());
        }
        let place = Place::at(span);
        let forced_text = tag.and_then(|t| t.core_suffix()) == Some("str");
        let empty = span.start == span.end && content == "~";
        let value = match style {
            ScalarStyle::Plain if empty && forced_text => Value::text("", place),
            ScalarStyle::Plain if empty => Value::null(place),
            ScalarStyle::Plain if !forced_text => plain(content, place, self.source),
            _ => text(content, style, span, self.source),
        };
        let tag = tag
            .and_then(long_name)
            .map(|name| (name, tag_span.unwrap_or(span)));
        self.put(value, anchor, 1, tag)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Built {
        let Some((value, size)) = self.anchors.get(&anchor).cloned() else {
            return Err("an alias inside its own anchor, or without one");
        };
        self.count(size)?;
        if let Some(Frame {
            kind: Kind::Map(_, _, waiting @ None),
            ..
        }) = self.frames.last_mut()
        {
            let Some(key) = value
                .as_text()
                .and_then(|t| t.as_literal().map(Arc::<str>::from))
            else {
                return Err("a collection is the key of a map");
            };
            *waiting = Some((key, Place::at(span), false));
            return Ok(());
        }
        let name = self
            .source
            .get(span.start as usize..span.end as usize)
            .unwrap_or("*");
        self.put(value.through(Step::Local(name.into()), span), 0, size, None)
    }

    fn put(
        &mut self,
        value: Value,
        anchor: usize,
        size: usize,
        tag: Option<(Arc<str>, Span)>,
    ) -> Built {
        let value = match tag {
            Some((name, span)) => {
                let place = Place::at(span.cover(value.place.span));
                let mut map = Map::default();
                map.insert(name, Place::at(span), value);
                Value::map(map, place)
            }
            None => value,
        };
        if anchor != 0 {
            self.anchors.insert(anchor, (value.clone(), size));
        }
        match self.frames.last_mut() {
            None => self.root = Some(value),
            Some(Frame {
                kind: Kind::List(items),
                ..
            }) => items.push(value),
            Some(Frame {
                kind: Kind::Map(map, merged, waiting),
                ..
            }) => {
                if let Some((key, place, merge)) = waiting.take() {
                    match (&value.kind, merge) {
                        (ValueKind::Map(_), true) => merged.push(value),
                        (ValueKind::List(items), true) => merged.extend(items.iter().cloned()),
                        _ => map.insert(key, place, value),
                    }
                }
            }
        }
        Ok(())
    }
}

/// What a merge key brings stands behind what is written.
fn merge(map: &mut Map, source: &Value) {
    let Some(other) = source.as_map() else { return };
    for (key, entry) in other.iter() {
        if map.get(key).is_none() {
            map.insert(key.clone(), entry.key_place.clone(), entry.value.clone());
        }
    }
}

/// The long form of a short tag; `None` for tags of YAML itself.
fn long_name(tag: &Tag) -> Option<Arc<str>> {
    if tag.handle() != "!" || tag.suffix().is_empty() {
        return None;
    }
    Some(match tag.suffix() {
        name @ ("Ref" | "Condition") => name.into(),
        name if name.starts_with("Fn::") => name.into(),
        name => format!("Fn::{name}").into(),
    })
}

/// A scalar without quotes. Only what JSON calls a number is one, so that dates, account ids with leading
/// zeros and file modes stay text.
fn plain(content: &str, place: Place, source: &str) -> Value {
    match content {
        "~" | "null" | "Null" | "NULL" => Value::null(place),
        "true" | "True" | "TRUE" => Value::bool(true, place),
        "false" | "False" | "FALSE" => Value::bool(false, place),
        _ => match json_number(content) {
            Some(number) => Value::number(number, place),
            None => {
                let span = place.span;
                text(content, ScalarStyle::Plain, span, source)
            }
        },
    }
}

/// A number in JSON's grammar; `None` for anything else and for what no number can hold.
pub fn json_number(content: &str) -> Option<Number> {
    let unsigned = content.strip_prefix('-').unwrap_or(content);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || (digits > 1 && unsigned.starts_with('0')) {
        return None;
    }
    if digits == unsigned.len() {
        return match content.parse::<i128>() {
            Ok(number) if digits <= 38 => Some(Number::Int(number)),
            _ => None,
        };
    }
    let mut rest = unsigned.get(digits..)?;
    if let Some(fraction) = rest.strip_prefix('.') {
        let n = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if n == 0 {
            return None;
        }
        rest = fraction.get(n..)?;
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let n = exponent.bytes().take_while(u8::is_ascii_digit).count();
        if n == 0 {
            return None;
        }
        rest = exponent.get(n..)?;
    }
    if !rest.is_empty() {
        return None;
    }
    content
        .parse::<f64>()
        .ok()
        .filter(|f| f.is_finite())
        .map(Number::Float)
}

fn text(content: &str, style: ScalarStyle, span: Span, source: &str) -> Value {
    let written = source
        .get(span.start as usize..span.end as usize)
        .unwrap_or("");
    let map = match style {
        ScalarStyle::Literal => literal_map(content, span, written),
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => written
            .get(1..written.len().saturating_sub(1))
            .filter(|inner| *inner == content)
            .and_then(|_| {
                whole_map(
                    content,
                    Span {
                        start: span.start + 1,
                        ..span
                    },
                )
            }),
        ScalarStyle::Plain if written == content => whole_map(content, span),
        _ => None,
    };
    let text = Text::literal(content).with_source_map(map);
    Value::new(ValueKind::Text(text), Place::at(span))
}

fn whole_map(content: &str, span: Span) -> Option<Arc<SourceMap>> {
    let len = u32::try_from(content.len()).ok().filter(|n| *n > 0)?;
    let span = Span {
        end: span.start.saturating_add(len),
        ..span
    };
    Some(Arc::new(SourceMap {
        segments: vec![Segment {
            value: 0,
            len,
            span,
        }],
    }))
}

/// Lines of a block literal stand in the source behind their indentation.
fn literal_map(content: &str, span: Span, written: &str) -> Option<Arc<SourceMap>> {
    let mut segments = Vec::new();
    let mut value = 0usize;
    let mut at = 0usize;
    let mut lines = content.split_inclusive('\n');
    for source_line in written.split_inclusive('\n') {
        let begin = at;
        at += source_line.len();
        let bare = source_line.trim_end_matches(['\n', '\r']);
        if segments.is_empty()
            && value == 0
            && bare.trim_start().starts_with('|')
            && !content.starts_with(bare.trim_start())
        {
            continue;
        }
        let Some(line) = lines.next() else { break };
        let want = line.trim_end_matches('\n');
        if bare.ends_with(want) {
            let start = span.start as usize + begin + bare.len() - want.len();
            let len = line.len().min(want.len() + source_line.len() - bare.len());
            if len > 0 {
                segments.push(Segment {
                    value: u32::try_from(value).ok()?,
                    len: u32::try_from(len).ok()?,
                    span: Span::new(span.file, start, start + len),
                });
            }
        } else if !want.is_empty() {
            return None;
        }
        value += line.len();
    }
    if segments.is_empty() {
        None
    } else {
        Some(Arc::new(SourceMap { segments }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileId = FileId(0);

    fn one(text: &str) -> Value {
        let yaml = parse_file(FILE, text);
        assert_eq!(yaml.error, None, "{text}");
        yaml.documents.into_iter().next().unwrap()
    }

    fn slice<'t>(text: &'t str, value: &Value) -> &'t str {
        text.get(value.place.span.start as usize..value.place.span.end as usize)
            .unwrap()
    }

    #[test]
    fn plain_scalars_are_numbers_only_where_json_says_so() {
        for (text, want) in [
            ("2012-10-17", "text"),
            ("0123", "text"),
            ("012345678901", "text"),
            ("123456789012", "number"),
            ("1.5", "number"),
            ("-0", "number"),
            ("+1", "text"),
            ("1_000", "text"),
            ("0x1f", "text"),
            (".5", "text"),
            ("1e400", "text"),
            ("yes", "text"),
            ("true", "bool"),
            ("True", "bool"),
            ("tRue", "text"),
            ("'true'", "text"),
            ("~", "null"),
            ("", "null"),
            ("!!str 12", "text"),
        ] {
            let value = one(&format!("a: {text}"));
            let got = match value.get("a").map(|v| &v.kind) {
                Some(ValueKind::Text(_)) => "text",
                Some(ValueKind::Number(_)) => "number",
                Some(ValueKind::Bool(_)) => "bool",
                Some(ValueKind::Null) => "null",
                _ => "other",
            };
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn short_tags_become_the_long_form_with_places() {
        let text = "a: !Sub 'x${Y}'\nb: !GetAtt R.Arn\nc: !Join ['', [p, q]]\nd: !Ref R\n";
        let value = one(text);
        let sub = value.get("a").unwrap();
        assert_eq!(slice(text, sub), "!Sub 'x${Y}'");
        assert_eq!(slice(text, sub.get("Fn::Sub").unwrap()), "'x${Y}'");
        assert_eq!(
            value.get("b").unwrap().get("Fn::GetAtt").unwrap().as_str(),
            Some("R.Arn")
        );
        assert_eq!(
            slice(text, value.get("c").unwrap().get("Fn::Join").unwrap()),
            "['', [p, q]]"
        );
        assert_eq!(
            value.get("d").unwrap().get("Ref").unwrap().as_str(),
            Some("R")
        );
    }

    #[test]
    fn collections_end_with_their_last_child() {
        let text = "a:\n  b: 1\n  c:\n    - x\n    - yy\n\n# end\nd: 2\n";
        let value = one(text);
        assert_eq!(
            slice(text, value.get("a").unwrap()),
            "b: 1\n  c:\n    - x\n    - yy"
        );
    }

    #[test]
    fn duplicates_merge_keys_and_aliases() {
        let value = one("a: 1\na: 2\nx: &X {p: 1, q: 2}\ny:\n  <<: *X\n  q: 3\nz: *X\n");
        let map = value.as_map().unwrap();
        assert_eq!(map.duplicates.len(), 1);
        assert_eq!(value.get("a"), value.get("a"));
        assert_eq!(
            value
                .get("y")
                .unwrap()
                .get("q")
                .unwrap()
                .as_text()
                .unwrap()
                .display(),
            "3"
        );
        assert_eq!(
            value
                .get("y")
                .unwrap()
                .get("p")
                .unwrap()
                .as_text()
                .unwrap()
                .display(),
            "1"
        );
        assert!(!value.get("z").unwrap().place.is_literal());
    }

    #[test]
    fn block_literals_know_their_bytes() {
        let text = "a: |\n  {\n    \"k\": 1\n  }\nb: 1\n";
        let value = one(text);
        let ValueKind::Text(body) = &value.get("a").unwrap().kind else {
            panic!()
        };
        assert_eq!(body.as_literal(), Some("{\n  \"k\": 1\n}\n"));
        let at = body.as_literal().unwrap().find("\"k\"").unwrap();
        let span = body.source_map().unwrap().locate(at, at + 3).unwrap();
        assert_eq!(
            text.get(span.start as usize..span.end as usize),
            Some("\"k\"")
        );
    }

    #[test]
    fn bombs_and_faults_are_errors() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..12 {
            let previous = format!("*a{}", i - 1);
            bomb.push_str(&format!(
                "a{i}: &a{i} [{}]\n",
                [previous.as_str(); 10].join(", ")
            ));
        }
        for text in [
            bomb,
            "[".repeat(10_000),
            "a: [1, 2\nb: 3\n".into(),
            "? [a]\n: b\n".into(),
            "a: *nope".into(),
            "a: &a [*a]".into(),
        ] {
            assert!(
                parse_file(FILE, &text).error.is_some(),
                "{}",
                text.get(..40).unwrap_or(&text)
            );
        }
    }

    #[test]
    fn comments_for_this_program_are_kept() {
        let yaml = parse_file(
            FILE,
            "# iaclint: ignore[x] why\na: 1 # iaclint: ignore\n# other\n---\nb: 1\n",
        );
        let comments: Vec<_> = yaml
            .comments
            .iter()
            .map(|c| (&*c.text, c.own_line))
            .collect();
        assert_eq!(
            comments,
            [("iaclint: ignore[x] why", true), ("iaclint: ignore", false)]
        );
        assert_eq!(yaml.documents.len(), 2);
    }
}
