//! Values as written: every node knows its place, and what cannot be computed is a value too.
//!
//! Text is a sequence of literal pieces and symbols, so that `"${aws_s3_bucket.b.arn}/*"` keeps its
//! meaning before the bucket exists. A value may be a choice between arms under guards.
//! Readers produce these values, facts and policies consume them.

use std::sync::Arc;

use indexmap::IndexMap;

/// A file of the run; the file table that gave the number turns it back into a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// Files and scopes numbered from here on belong to other repositories, of which only facts are at hand.
pub const ELSEWHERE: u32 = 1 << 31;

impl FileId {
    /// True for a file of another repository: its places are known, its text is not.
    pub fn is_elsewhere(self) -> bool {
        self.0 >= ELSEWHERE
    }
}

/// Half-open byte range in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span {
            file,
            start: clamp(start),
            end: clamp(end.max(start)),
        }
    }

    /// The smallest span that covers both; the first one where they lie in different files.
    pub fn cover(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span {
            file: self.file,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// Where a value comes from: the bytes a person would change, and the uses it went through to get here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The literal bytes.
    pub span: Span,
    /// Uses on the way, innermost (nearest the literal) first reached through [`Via::next`] outwards.
    pub via: Option<Arc<Via>>,
}

/// One use of a value on its way to where it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    pub step: Step,
    /// Where the use stands.
    pub span: Span,
    /// The use before this one, nearer to the literal.
    pub next: Option<Arc<Via>>,
}

/// The kind of a use; it decides whether an edit of the literal changes this one value only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Reference to a variable or template parameter of that name.
    Input(Arc<str>),
    /// Reference to a Terraform local or a template mapping.
    Local(Arc<str>),
    /// Reference to a module output, stack output or export.
    Output(Arc<str>),
    /// The block stands in a module; this is the call with that address.
    ModuleCall(Arc<str>),
    /// `count`, `for_each`, `for`, `dynamic` or `Fn::ForEach` made this instance.
    Instance(Arc<str>),
    /// A function or intrinsic of that name computed the value from its operands.
    Function(Arc<str>),
    /// The value is a hole in a longer text.
    Interpolation,
    /// A policy document block or a policy resource rendered the value.
    Document(Arc<str>),
    /// The value was read from another file.
    File,
}

impl Place {
    pub fn at(span: Span) -> Place {
        Place { span, via: None }
    }

    /// The same bytes, seen through one more use.
    pub fn through(&self, step: Step, span: Span) -> Place {
        Place {
            span: self.span,
            via: Some(Arc::new(Via {
                step,
                span,
                next: self.via.clone(),
            })),
        }
    }

    /// The uses, the outermost first.
    pub fn uses(&self) -> impl Iterator<Item = &Via> {
        std::iter::successors(self.via.as_deref(), |v| v.next.as_deref())
    }

    /// The module calls that the value's block went through, the outermost first.
    pub fn module_calls(&self) -> Vec<(&str, Span)> {
        self.uses()
            .filter_map(|v| match &v.step {
                Step::ModuleCall(address) => Some((&**address, v.span)),
                _ => None,
            })
            .collect()
    }

    /// True where the bytes stand for this one value alone: no loop, shared input or function between.
    pub fn is_literal(&self) -> bool {
        self.uses().all(|v| matches!(v.step, Step::Document(_)))
    }
}

/// One root module or one template: names mean something only inside their scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(pub u32);

impl ScopeId {
    /// True for a root module or template of another repository.
    pub fn is_elsewhere(self) -> bool {
        self.0 >= ELSEWHERE
    }
}

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

/// One possibility: the conjunction of nested guards leads to an arm.
///
/// Guards over the same `input` are correlated: in one world each input has one `arm`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guard {
    pub scope: ScopeId,
    /// Identity of the test inside its scope: a condition's name, the text of an unknown test.
    pub input: Arc<str>,
    /// For a reader: "condition `Enforce` is true", "`var.env == \"prod\"`".
    pub label: Arc<str>,
    /// Which arm of the input: 1 and 0 for true and false.
    pub arm: u32,
    /// How many arms the input has.
    pub arms: u32,
}

impl Guard {
    /// The input that asks whether something equals a written value.
    pub fn equality(subject: &str, value: &str) -> Arc<str> {
        format!("{subject}{EQUALS}{value}").into()
    }

    /// The arms that each leaves, as bits, where both speak of one input and one of them of several of its arms.
    fn arms_left(&self, other: &Guard) -> Option<(u64, u64)> {
        if self.scope != other.scope {
            return None;
        }
        arms_left((&self.input, self.arm), (&other.input, other.arm))
    }

    pub fn same_input(&self, other: &Guard) -> bool {
        self.scope == other.scope && self.input == other.input
    }

    /// True where both say that one subject is a written value, and the values differ.
    fn rivals(&self, other: &Guard) -> bool {
        self.scope == other.scope && rivals(&self.input, &other.input)
    }

    /// The input that asks whether another one has one of several arms, given by their bits.
    pub fn among(input: &str, arms: u32, bits: u64) -> Arc<str> {
        format!("{input}{AMONG}{arms}:{bits:x}").into()
    }

    /// True where the guards cannot hold in one world.
    pub fn excludes(&self, other: &Guard) -> bool {
        if self.same_input(other) {
            return self.arm != other.arm;
        }
        if let Some((a, b)) = self.arms_left(other) {
            return a & b == 0;
        }
        self.arm == 1 && other.arm == 1 && self.rivals(other)
    }

    /// True where the other guard holds in every world in which this one does.
    pub fn implies(&self, other: &Guard) -> bool {
        if self.same_input(other) {
            return self.arm == other.arm;
        }
        if let Some((a, b)) = self.arms_left(other) {
            return a & !b == 0;
        }
        self.arm == 1 && other.arm == 0 && self.rivals(other)
    }
}

/// Stands between subject and value in the input of an equality.
const EQUALS: char = '\u{1}';

/// True for the equalities of one subject with two values.
pub fn rivals(a: &str, b: &str) -> bool {
    match (a.split_once(EQUALS), b.split_once(EQUALS)) {
        (Some((a, x)), Some((b, y))) => a == b && x != y,
        _ => false,
    }
}

/// Stands between an input and some of its arms.
const AMONG: char = '\u{2}';

/// The arms that two answers leave of the input that both speak of, as bits; `None` where none of them speaks of
/// several arms.
pub fn arms_left(a: (&str, u32), b: (&str, u32)) -> Option<(u64, u64)> {
    fn read((input, arm): (&str, u32)) -> Option<(&str, u32, u64)> {
        let (input, rest) = input.split_once(AMONG)?;
        let (arms, bits) = rest.split_once(':')?;
        let arms: u32 = arms.parse().ok()?;
        let all = u64::MAX.checked_shr(64_u32.checked_sub(arms)?)?;
        let bits = u64::from_str_radix(bits, 16).ok()?;
        Some((input, arms, all & if arm == 1 { bits } else { !bits }))
    }
    let one = |(input, arm): (&str, u32), (of, arms, bits): (&str, u32, u64)| {
        (input == of && arm < arms).then(|| (1_u64 << arm, bits))
    };
    match (read(a), read(b)) {
        (Some(a), Some(b)) => (a.0 == b.0).then_some((a.2, b.2)),
        (None, Some(b)) => one(a, b),
        (Some(a), None) => one(b, a).map(|(b, a)| (a, b)),
        (None, None) => None,
    }
}

/// A conjunction of guards; empty means always.
pub type Guards = Vec<Guard>;

#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    pub guard: Guard,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key_place: Place,
    pub value: Value,
}

/// A mapping in the order of the source. A key written twice keeps its last value; the earlier ones are in `duplicates`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Map {
    pub entries: IndexMap<Arc<str>, Entry, rustc_hash::FxBuildHasher>,
    /// Earlier writings of a key: (key, place of the earlier key).
    pub duplicates: Vec<(Arc<str>, Place)>,
}

impl Map {
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.get(key).map(|e| &e.value)
    }

    pub fn insert(&mut self, key: impl Into<Arc<str>>, key_place: Place, value: Value) {
        let key = key.into();
        if let Some(earlier) = self.entries.insert(key.clone(), Entry { key_place, value }) {
            self.duplicates.push((key, earlier.key_place));
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Entry)> {
        self.entries.iter()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// A number as JSON and HCL write it. Whole numbers of up to 38 digits are exact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Int(n) => n as f64,
            Number::Float(f) => f,
        }
    }

    pub fn as_i128(self) -> Option<i128> {
        match self {
            Number::Int(n) => Some(n),
            Number::Float(f) if f.fract() == 0.0 && f.abs() < 1e36 => Some(f as i128),
            Number::Float(_) => None,
        }
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.as_i128() {
            Some(n) => write!(f, "{n}"),
            None => write!(f, "{}", self.as_f64()),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum ValueKind {
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    /// A text that is the JSON encoding of a value (`jsonencode`, a policy document's `json`, `Fn::ToJsonString`):
    /// its parts keep their places.
    Json(Arc<Value>),
    List(Arc<Vec<Value>>),
    /// A Terraform set: a list whose order means nothing and whose members are distinct where they are known.
    Set(Arc<Vec<Value>>),
    Map(Arc<Map>),
    Unknown(Unknown),
    /// One of the arms, which exclude each other; together they are all that can be.
    Choice(Arc<Vec<Arm>>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    pub kind: ValueKind,
    pub place: Place,
    /// Takes part in decisions and is printed as `(sensitive)`.
    pub sensitive: bool,
}

impl Value {
    /// Visits every literal text inside the value, and numbers as they are written.
    pub fn literals(&self, visit: &mut dyn FnMut(&str)) {
        match &self.kind {
            ValueKind::Text(text) => text.as_literal().into_iter().for_each(visit),
            ValueKind::Number(number) => visit(&number.to_string()),
            ValueKind::Json(inner) => inner.literals(visit),
            ValueKind::List(items) | ValueKind::Set(items) => {
                items.iter().for_each(|item| item.literals(visit));
            }
            ValueKind::Map(map) => map.iter().for_each(|(_, e)| e.value.literals(visit)),
            ValueKind::Choice(arms) => arms.iter().for_each(|arm| arm.value.literals(visit)),
            ValueKind::Null | ValueKind::Bool(_) | ValueKind::Unknown(_) => {}
        }
    }

    pub fn new(kind: ValueKind, place: Place) -> Value {
        Value {
            kind,
            place,
            sensitive: false,
        }
    }

    pub fn null(place: Place) -> Value {
        Value::new(ValueKind::Null, place)
    }

    pub fn bool(value: bool, place: Place) -> Value {
        Value::new(ValueKind::Bool(value), place)
    }

    pub fn number(value: Number, place: Place) -> Value {
        Value::new(ValueKind::Number(value), place)
    }

    pub fn int(value: i128, place: Place) -> Value {
        Value::new(ValueKind::Number(Number::Int(value)), place)
    }

    pub fn text(value: impl Into<Arc<str>>, place: Place) -> Value {
        Value::new(ValueKind::Text(Text::literal(value)), place)
    }

    pub fn list(items: Vec<Value>, place: Place) -> Value {
        Value::new(ValueKind::List(Arc::new(items)), place)
    }

    pub fn map(map: Map, place: Place) -> Value {
        Value::new(ValueKind::Map(Arc::new(map)), place)
    }

    pub fn unknown(unknown: Unknown, place: Place) -> Value {
        Value::new(ValueKind::Unknown(unknown), place)
    }

    /// The same value with the use added to its place (and to those of all its parts, lazily: parts keep
    /// their own chains, only the node itself is marked).
    pub fn through(mut self, step: Step, span: Span) -> Value {
        self.place = self.place.through(step, span);
        self
    }

    pub fn is_null(&self) -> bool {
        matches!(self.kind, ValueKind::Null)
    }

    pub fn as_map(&self) -> Option<&Arc<Map>> {
        match &self.kind {
            ValueKind::Map(map) => Some(map),
            _ => None,
        }
    }

    pub fn as_items(&self) -> Option<&[Value]> {
        match &self.kind {
            ValueKind::List(items) | ValueKind::Set(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match &self.kind {
            ValueKind::Bool(b) => Some(*b),
            ValueKind::Text(text) => match text.as_literal() {
                Some("true") => Some(true),
                Some("false") => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The value as a text: scalars in their written form, a symbol as its piece. `None` for null,
    /// collections, choices. Encoded JSON is not rendered here (see `source/encode.rs`).
    pub fn as_text(&self) -> Option<Text> {
        match &self.kind {
            ValueKind::Text(text) => Some(text.clone()),
            ValueKind::Bool(b) => Some(Text::literal(if *b { "true" } else { "false" })),
            ValueKind::Number(n) => Some(Text::literal(n.to_string())),
            ValueKind::Unknown(unknown) => Some(Text::unknown(unknown.clone())),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            ValueKind::Text(text) => text.as_literal(),
            _ => None,
        }
    }

    /// Member of a map; `None` where the value is no map or lacks it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match &self.kind {
            ValueKind::Map(map) => map.get(key),
            _ => None,
        }
    }

    /// The arms a value can be, nested choices flattened; a plain value is its own only arm. Past
    /// [`ARM_LIMIT`] arms the rest is one unknown value under no guard.
    pub fn arms(&self) -> Vec<(Guards, &Value)> {
        /// False where arms were left out.
        fn walk<'v>(
            value: &'v Value,
            guards: &mut Guards,
            out: &mut Vec<(Guards, &'v Value)>,
        ) -> bool {
            let ValueKind::Choice(arms) = &value.kind else {
                let fits = out.len() < ARM_LIMIT;
                if fits {
                    out.push((guards.clone(), value));
                }
                return fits;
            };
            // Each level of nesting adds a guard.
            if guards.len() >= ARM_LIMIT {
                return false;
            }
            for arm in arms.iter() {
                if guards.iter().any(|g| g.excludes(&arm.guard)) {
                    continue;
                }
                guards.push(arm.guard.clone());
                let whole = walk(&arm.value, guards, out);
                guards.pop();
                if !whole {
                    return false;
                }
            }
            true
        }
        let mut out = Vec::new();
        if !walk(self, &mut Vec::new(), &mut out) {
            out.push((Vec::new(), &FURTHER_ARMS));
        }
        out
    }
}

/// Arms of one value that are told apart.
pub const ARM_LIMIT: usize = 64;

static FURTHER_ARMS: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| {
    let place = Place::at(Span::new(FileId(0), 0, 0));
    Value::unknown(
        Unknown::because("the value has more cases than are told apart"),
        place,
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_are_bounded() {
        let place = || Place::at(Span::new(FileId(0), 0, 0));
        let choice = |input: String, inner: Value| {
            let arm = |arm: u32, value: Value| Arm {
                guard: Guard {
                    scope: ScopeId(0),
                    input: input.as_str().into(),
                    label: "".into(),
                    arm,
                    arms: 2,
                },
                value,
            };
            Value::new(
                ValueKind::Choice(Arc::new(vec![arm(1, inner.clone()), arm(0, inner)])),
                place(),
            )
        };
        let nested =
            |depth: usize| (0..depth).fold(Value::null(place()), |v, n| choice(n.to_string(), v));
        assert_eq!(nested(0).arms().len(), 1);
        assert_eq!(nested(3).arms().len(), 8);
        assert_eq!(nested(6).arms().len(), ARM_LIMIT);
        let cut = nested(9);
        let cut = cut.arms();
        assert_eq!(cut.len(), ARM_LIMIT + 1);
        assert!(
            cut.last()
                .is_some_and(|(g, v)| g.is_empty() && matches!(v.kind, ValueKind::Unknown(_)))
        );
        assert_eq!(nested(500).arms().len(), 1);
    }
}
