//! The evaluator of template nodes: maps and lists, references, and the way to each intrinsic function.
//!
//! `None` as a result is `AWS::NoValue`: the entry or element disappears. Under a choice it cannot disappear, so
//! an arm without a value is `Null`; who reads lists of statements takes a `Null` arm for "not there".

use std::rc::Rc;
use std::sync::Arc;

use super::choice;
use super::template::{Entry, Loops, Run, STEPS, Template};
use crate::source::GapKind;
use crate::source::encode;
use crate::value::{
    Guards, Map, Piece, Place, Span, Step, Symbol, SymbolKind, Text, Unknown, Value, ValueKind,
};

/// Depth of nodes, references into other templates included.
const DEPTH: usize = 250;

/// Evaluates nodes in one template.
#[derive(Clone)]
pub(super) struct Evaluator<'r, 'f> {
    pub run: &'r Run<'f>,
    pub template: &'r Template,
    pub loops: Loops,
    /// What holds where the node stands: the guards of its resource.
    pub assumed: Guards,
    pub depth: usize,
    /// `Fn::ToJsonString` around the node.
    pub encodings: usize,
}

/// Encodings inside encodings: each doubles the escapes of the ones within.
const ENCODINGS: usize = 4;
/// Bytes of a text that functions make; a symbol counts as many as a name has.
const TEXT_BYTES: usize = 1 << 20;
const SYMBOL_BYTES: usize = 64;

impl<'r, 'f> Evaluator<'r, 'f> {
    pub fn new(run: &'r Run<'f>, template: &'r Template) -> Evaluator<'r, 'f> {
        Evaluator {
            run,
            template,
            loops: Rc::default(),
            assumed: Guards::new(),
            depth: 0,
            encodings: 0,
        }
    }

    /// The same evaluator inside the loops of a section's member.
    pub fn within(&self, entry: &Entry) -> Evaluator<'r, 'f> {
        Evaluator {
            loops: entry.loops.clone(),
            ..self.clone()
        }
    }

    /// Evaluates where a missing value is a null.
    pub fn value(&self, node: &Value) -> Value {
        self.evaluate(node)
            .unwrap_or_else(|| Value::null(node.place.clone()))
    }

    /// The value of a node; `None` is `AWS::NoValue`.
    pub fn evaluate(&self, node: &Value) -> Option<Value> {
        let steps = self.run.steps.get();
        self.run.steps.set(steps.saturating_add(1));
        if self.depth > DEPTH || steps > STEPS {
            let why = if steps > STEPS {
                format!("the run evaluates more than {STEPS} nodes")
            } else {
                format!("nested deeper than {DEPTH} levels")
            };
            self.run.gap(
                GapKind::Reading,
                self.template.path.clone(),
                why.clone(),
                &node.place,
            );
            return Some(Value::unknown(Unknown::because(why), node.place.clone()));
        }
        let deeper = Evaluator {
            depth: self.depth + 1,
            ..self.clone()
        };
        match &node.kind {
            ValueKind::Map(map) => deeper.map(node, map),
            ValueKind::List(items) => Some(deeper.list(node, items)),
            ValueKind::Text(text) => Some(deeper.plain_text(node, text)),
            _ => Some(node.clone()),
        }
    }

    fn list(&self, node: &Value, items: &[Value]) -> Value {
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            out.extend(self.evaluate(item));
        }
        Value::list(out, node.place.clone())
    }

    fn map(&self, node: &Value, map: &Arc<Map>) -> Option<Value> {
        if map.len() == 1
            && let Some((name, entry)) = map.iter().next()
        {
            let function = &**name;
            if function == "Ref" {
                return self.reference_node(&entry.value, node);
            }
            if function == "Condition" {
                if let Some(condition) = entry.value.as_str()
                    && self.template.condition(condition).is_some()
                {
                    return Some(self.condition(condition, &node.place));
                }
            } else if function.starts_with("Fn::") && !function.starts_with("Fn::ForEach") {
                return self.call(function, &entry.value, node);
            }
        }
        let mut out = Map {
            duplicates: map.duplicates.clone(),
            ..Map::default()
        };
        for (key, entry) in map.iter() {
            if key.starts_with("Fn::ForEach::") {
                for member in super::for_each::expand_loop(self, key, entry, &self.loops) {
                    if let Some(value) = self.within(&member).evaluate(&member.node) {
                        out.insert(member.name, member.key_place, value);
                    }
                }
            } else if &**key == "Fn::Transform" {
                let included = self.call(key, &entry.value, node);
                match included.as_ref().and_then(Value::as_map) {
                    Some(included) => {
                        for (key, entry) in included.iter() {
                            out.insert(key.clone(), entry.key_place.clone(), entry.value.clone());
                        }
                    }
                    None => return included,
                }
            } else if let Some(value) = self.evaluate(&entry.value) {
                let key =
                    super::for_each::fill(key, &self.loops).map_or_else(|| key.clone(), Arc::from);
                out.entries.insert(
                    key,
                    crate::value::Entry {
                        key_place: entry.key_place.clone(),
                        value,
                    },
                );
            }
        }
        Some(Value::map(out, node.place.clone()))
    }

    /// A text as it stands: loop variables filled in, dynamic references made symbols.
    fn plain_text(&self, node: &Value, text: &Text) -> Value {
        let Some(literal) = text.as_literal() else {
            return node.clone();
        };
        let filled = super::for_each::fill(literal, &self.loops);
        let literal = filled.as_deref().unwrap_or(literal);
        if literal.contains("{{resolve:") {
            return Value::new(ValueKind::Text(self.dynamic(literal)), node.place.clone());
        }
        match filled {
            Some(filled) => Value::text(filled, node.place.clone()),
            None => node.clone(),
        }
    }

    /// `{{resolve:…}}` is known only at deployment; the same reference is the same unknown.
    pub fn dynamic(&self, literal: &str) -> Text {
        let mut out = Text::default();
        let mut rest = literal;
        while let Some((before, after)) = rest.split_once("{{resolve:") {
            let Some((reference, behind)) = after.split_once("}}") else {
                break;
            };
            out.push_str(before);
            let symbol = self.symbol(SymbolKind::Data, format!("resolve:{reference}"), "");
            out.push_unknown(Unknown::symbol(
                symbol,
                format!("dynamic reference `{reference}`"),
            ));
            rest = behind;
        }
        out.push_str(rest);
        out
    }

    pub fn symbol(
        &self,
        kind: SymbolKind,
        subject: impl Into<Arc<str>>,
        attribute: &str,
    ) -> Symbol {
        Symbol {
            scope: self.template.scope,
            kind,
            subject: subject.into(),
            attribute: attribute.into(),
        }
    }

    fn reference_node(&self, operand: &Value, node: &Value) -> Option<Value> {
        let name = self.evaluate(operand)?;
        let mut result = None;
        let mut none = false;
        let value = choice::lift(&[name], &node.place, &mut |names| match names
            .first()
            .and_then(Value::as_str)
        {
            Some(name) => self.reference(name, &node.place).unwrap_or_else(|| {
                none = true;
                Value::null(node.place.clone())
            }),
            None => self.not_understood("Ref", "what it refers to is no text", node),
        });
        if !(none && value.is_null()) {
            result = Some(value);
        }
        result
    }

    /// `Ref`: a loop variable, a pseudo parameter, a parameter or a resource.
    pub fn reference(&self, name: &str, place: &Place) -> Option<Value> {
        let span = place.span;
        if let Some((_, value)) = self.loops.iter().rev().find(|(n, _)| &**n == name) {
            return Some(value.clone());
        }
        if let Some(pseudo) = name.strip_prefix("AWS::") {
            return self.pseudo(pseudo, place);
        }
        if let Some(value) = self.template.parameters.get(name) {
            return Some(
                self.under_assumption(value)
                    .through(Step::Input(name.into()), span),
            );
        }
        if let Some(resource) = self.template.resource(name) {
            if self.run.known
                && let Some(known) = self.known_name(resource)
            {
                return Some(known);
            }
            return Some(self.resource_symbol(name, "Ref", place));
        }
        if self.template.serverless || self.template.macros {
            return Some(self.resource_symbol(name, "Ref", place));
        }
        let why = "neither a parameter nor a resource of the template";
        self.run.gap(GapKind::Unknown, name, why, place);
        Some(Value::unknown(
            Unknown::because(format!("`{name}` is {why}")),
            place.clone(),
        ))
    }

    fn resource_symbol(&self, name: &str, attribute: &str, place: &Place) -> Value {
        // The output of a stack that is not at hand.
        let away = attribute.starts_with("Outputs.")
            && self
                .template
                .resource(name)
                .is_some_and(|r| super::nested::location(&r.node).is_some());
        let kind = if away {
            SymbolKind::Import
        } else {
            SymbolKind::Resource
        };
        let symbol = self.symbol(kind, self.template.address(name), attribute);
        let reason = format!("{} is known after deployment", symbol.display());
        Value::unknown(Unknown::symbol(symbol, reason), place.clone())
    }

    fn pseudo(&self, name: &str, place: &Place) -> Option<Value> {
        let (kind, subject, known) = match name {
            "NoValue" => return None,
            "AccountId" => (SymbolKind::Account, "", self.run.inputs.account.clone()),
            "Region" => (SymbolKind::Region, "", self.run.inputs.region.clone()),
            "Partition" => (
                SymbolKind::Partition,
                "",
                self.region().map(|r| partition(&r).0.to_string()),
            ),
            "URLSuffix" => (
                SymbolKind::UrlSuffix,
                "",
                self.region().map(|r| partition(&r).1.to_string()),
            ),
            "StackName" | "StackId" | "NotificationARNs" => (SymbolKind::Input, name, None),
            _ => {
                self.run.gap(
                    GapKind::Unsupported,
                    format!("AWS::{name}"),
                    "unknown pseudo parameter",
                    place,
                );
                let why = format!("unknown pseudo parameter `AWS::{name}`");
                return Some(Value::unknown(Unknown::because(why), place.clone()));
            }
        };
        if self.run.known
            && let Some(known) = known
        {
            return Some(Value::text(known, place.clone()));
        }
        let subject: Arc<str> = if subject.is_empty() {
            "".into()
        } else {
            format!("{}AWS::{subject}", self.template.prefix).into()
        };
        let symbol = self.symbol(kind, subject, "");
        Some(Value::unknown(
            Unknown::symbol(symbol, format!("`AWS::{name}` is known at deployment")),
            place.clone(),
        ))
    }

    pub fn region(&self) -> Option<String> {
        self.run.inputs.region.clone()
    }

    /// The text with account, region and what follows from it as the options state them: for tests and lookups.
    pub fn settle(&self, text: &Text) -> Text {
        if text.is_literal() {
            return text.clone();
        }
        let stated = |unknown: &Unknown| {
            let kind = unknown.symbol.as_ref()?.kind;
            match kind {
                SymbolKind::Account => self.run.inputs.account.clone(),
                SymbolKind::Region => self.region(),
                SymbolKind::Partition => self.region().map(|r| partition(&r).0.to_string()),
                SymbolKind::UrlSuffix => self.region().map(|r| partition(&r).1.to_string()),
                _ => None,
            }
        };
        Text::from_pieces(text.pieces().iter().map(|piece| match piece {
            Piece::Unknown(unknown) => match stated(unknown) {
                Some(text) => Piece::Literal(text.into()),
                None => piece.clone(),
            },
            Piece::Literal(_) => piece.clone(),
        }))
    }

    /// `Fn::GetAtt` of a logical id and an attribute.
    pub fn attribute(&self, name: &str, attribute: &str, place: &Place) -> Value {
        if let Some(output) = attribute.strip_prefix("Outputs.")
            && let Some(value) = super::nested::output(self, name, output, place)
        {
            return value;
        }
        match self.template.resource(name) {
            Some(resource) => {
                if self.run.known
                    && let Some(known) = self.known_attribute(resource, attribute)
                {
                    return known;
                }
            }
            None if !(self.template.serverless || self.template.macros) => {
                let why = "no resource of the template";
                self.run.gap(GapKind::Unknown, name, why, place);
                return Value::unknown(
                    Unknown::because(format!("`{name}` is {why}")),
                    place.clone(),
                );
            }
            None => {}
        }
        self.resource_symbol(name, attribute, place)
    }

    /// What `Ref` gives for a resource whose name the template states.
    fn known_name(&self, resource: &Entry) -> Option<Value> {
        let property = match resource.node.get("Type")?.as_str()? {
            "AWS::IAM::Role" => "RoleName",
            "AWS::IAM::User" => "UserName",
            "AWS::IAM::Group" => "GroupName",
            "AWS::IAM::InstanceProfile" => "InstanceProfileName",
            "AWS::S3::Bucket" => "BucketName",
            "AWS::Lambda::Function" | "AWS::Serverless::Function" => "FunctionName",
            "AWS::DynamoDB::Table" => "TableName",
            "AWS::Kinesis::Stream" => "Name",
            "AWS::Logs::LogGroup" => "LogGroupName",
            "AWS::KMS::Alias" => "AliasName",
            _ => return None,
        };
        self.stated(resource, property)
    }

    /// An attribute that the template states as a property of the same name.
    fn known_attribute(&self, resource: &Entry, attribute: &str) -> Option<Value> {
        self.stated(resource, attribute)
    }

    fn stated(&self, resource: &Entry, property: &str) -> Option<Value> {
        let node = resource.node.get("Properties")?.get(property)?;
        let inner = Evaluator {
            depth: self.depth + 10,
            ..self.within(resource)
        };
        inner
            .evaluate(node)
            .filter(|v| v.as_text().is_some_and(|t| t.is_literal()))
    }

    /// The value where the guards of the resource hold.
    pub fn under_assumption(&self, value: &Value) -> Value {
        self.assumed
            .iter()
            .fold(value.clone(), |value, guard| choice::select(&value, guard))
    }

    /// `Fn::ToJsonString`: the parts keep their places.
    pub fn encoded(&self, operand: &Value, node: &Value) -> Value {
        if self.encodings >= ENCODINGS {
            return self.not_understood("Fn::ToJsonString", "encodings inside encodings", node);
        }
        let inner = Evaluator {
            encodings: self.encodings + 1,
            ..self.clone()
        };
        made(
            ValueKind::Json(Arc::new(inner.value(operand))),
            "Fn::ToJsonString",
            node,
        )
    }

    /// An unknown, and the gap that lists it.
    pub fn not_understood(&self, function: &str, why: &str, node: &Value) -> Value {
        self.run
            .gap(GapKind::Unsupported, function, why, &node.place);
        Value::unknown(
            Unknown::because(format!("{function}: {why}")),
            node.place.clone(),
        )
    }
}

/// Partition and DNS suffix of a region.
pub(super) fn partition(region: &str) -> (&'static str, &'static str) {
    match region {
        r if r.starts_with("cn-") => ("aws-cn", "amazonaws.com.cn"),
        r if r.starts_with("us-gov-") => ("aws-us-gov", "amazonaws.com"),
        r if r.starts_with("us-iso-") => ("aws-iso", "c2s.ic.gov"),
        r if r.starts_with("us-isob-") => ("aws-iso-b", "sc2s.sgov.gov"),
        r if r.starts_with("eu-isoe-") => ("aws-iso-e", "cloud.adc-e.uk"),
        r if r.starts_with("us-isof-") => ("aws-iso-f", "csp.hci.ic.gov"),
        r if r.starts_with("eusc-") => ("aws-eusc", "amazonaws.eu"),
        _ => ("aws", "amazonaws.com"),
    }
}

/// The value as a text; what is no text becomes an unknown piece.
pub(super) fn text_of(value: &Value) -> Text {
    match &value.kind {
        ValueKind::Json(inner) => encode::json_text(inner),
        ValueKind::Null => Text::default(),
        _ => value.as_text().unwrap_or_else(|| {
            Text::unknown(Unknown::because("a collection where a text is meant"))
        }),
    }
}

/// The text, unless it is larger than the limit.
pub(super) fn limited(text: Text) -> Text {
    let size: usize = text
        .pieces()
        .iter()
        .map(|piece| match piece {
            Piece::Literal(literal) => literal.len(),
            Piece::Unknown(_) => SYMBOL_BYTES,
        })
        .sum();
    if size > TEXT_BYTES {
        Text::unknown(Unknown::because(format!(
            "a text larger than {TEXT_BYTES} bytes"
        )))
    } else {
        text
    }
}

/// A value made by a function from its operands.
pub(super) fn made(kind: ValueKind, function: &str, node: &Value) -> Value {
    let span: Span = node.place.span;
    Value::new(
        kind,
        node.place.through(Step::Function(function.into()), span),
    )
}
