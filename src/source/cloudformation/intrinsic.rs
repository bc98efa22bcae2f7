//! The intrinsic functions of templates.
//!
//! Each takes its operands evaluated; operands that are choices are met by [`choice::lift`], so that a function
//! sees plain values only. What a function cannot compute is unknown, with the reason.

use std::sync::Arc;

use base64::Engine;

use super::choice;
use super::evaluate::{Evaluator, limited, made, text_of};
use crate::source::{GapKind, yaml};
use crate::value::{
    Arm, Guard, Map, Number, Piece, Place, Step, Symbol, Text, Unknown, Value, ValueKind,
};

/// Keys of a mapping that are told apart where the key is unknown.
const MAPPING_KEYS: usize = 16;

impl Evaluator<'_, '_> {
    /// One intrinsic function; `None` is `AWS::NoValue`.
    pub fn call(&self, function: &str, operand: &Value, node: &Value) -> Option<Value> {
        Some(match function {
            "Fn::Sub" => self.sub(operand, node),
            "Fn::Join" => self.join(operand, node),
            "Fn::GetAtt" => self.get_att(operand, node),
            "Fn::If" => return self.branch(operand, node),
            "Fn::Select" => return self.select(operand, node),
            "Fn::Split" => self.split(operand, node),
            "Fn::FindInMap" => return self.find_in_map(operand, node),
            "Fn::ImportValue" => self.import(operand, node),
            "Fn::Base64" => self.base64(operand, node),
            "Fn::Cidr" => self.cidr(operand, node),
            "Fn::GetAZs" => {
                let why = "the availability zones of the account are known to AWS only";
                Value::unknown(Unknown::because(why), node.place.clone())
            }
            "Fn::ToJsonString" => self.encoded(operand, node),
            "Fn::Length" => self.length(operand, node),
            "Fn::Equals" => self.equals(operand, node),
            "Fn::And" | "Fn::Or" => self.all_or_any(function, operand, node),
            "Fn::Not" => self.not(operand, node),
            "Fn::Transform" => return self.transform(operand, node),
            "Fn::Ref" => return self.call_reference(operand, node),
            _ => self.not_understood(function, "unknown function", node),
        })
    }

    fn call_reference(&self, operand: &Value, node: &Value) -> Option<Value> {
        match operand.as_str() {
            Some(name) => self.reference(name, &node.place),
            None => Some(self.not_understood("Ref", "what it refers to is no text", node)),
        }
    }

    fn get_att(&self, operand: &Value, node: &Value) -> Value {
        let parts: Vec<Value> = match operand.as_items() {
            Some(items) => items.iter().map(|item| self.value(item)).collect(),
            None => vec![self.value(operand)],
        };
        choice::lift(&parts, &node.place, &mut |parts| {
            let texts: Option<Vec<&str>> = parts.iter().map(Value::as_str).collect();
            let joined = texts.map(|t| t.join("."));
            match joined.as_deref().and_then(|t| t.split_once('.')) {
                Some((name, attribute)) => self.attribute(name, attribute, &node.place),
                None => {
                    self.not_understood("Fn::GetAtt", "takes a logical id and an attribute", node)
                }
            }
        })
    }

    fn join(&self, operand: &Value, node: &Value) -> Value {
        let Some([delimiter, list]) = operand.as_items() else {
            return self.not_understood("Fn::Join", "takes a delimiter and a list", node);
        };
        // The members are operands of their own, so that a choice among them stays one.
        let members = match list.as_items() {
            Some(items) => items
                .iter()
                .filter_map(|item| self.evaluate(item))
                .collect(),
            None => vec![self.value(list)],
        };
        let written = list.as_items().is_some();
        let mut operands = vec![self.value(delimiter)];
        operands.extend(members);

        choice::lift(&operands, &node.place, &mut |operands| {
            let Some((delimiter, members)) = operands.split_first() else {
                return Value::null(node.place.clone());
            };
            let members = match members {
                [one] if !written => match one.as_items() {
                    Some(items) => items,
                    None if matches!(one.kind, ValueKind::Unknown(_)) => {
                        return Value::unknown(
                            Unknown::because("a list that is not known, joined"),
                            node.place.clone(),
                        );
                    }
                    None => {
                        return self.not_understood(
                            "Fn::Join",
                            "its second operand is no list",
                            node,
                        );
                    }
                },
                members => members,
            };
            let delimiter = text_of(delimiter);
            let mut text = Text::default();
            let mut first = true;
            // A list that a reference gave stands in its place.
            let flat = members.iter().flat_map(|m| match m.as_items() {
                Some(items) => items,
                None => std::slice::from_ref(m),
            });
            for member in flat.filter(|m| !m.is_null()) {
                if !first {
                    text.push(&delimiter);
                }
                first = false;
                text.push(&text_of(member));
            }
            if let Some(literal) = text.as_literal()
                && literal.contains("{{resolve:")
            {
                text = self.dynamic(literal);
            }
            made(ValueKind::Text(limited(text)), "Fn::Join", node)
        })
    }

    fn select(&self, operand: &Value, node: &Value) -> Option<Value> {
        let Some([index, list]) = operand.as_items() else {
            return Some(self.not_understood("Fn::Select", "takes an index and a list", node));
        };
        let operands = [self.value(index), self.value(list)];
        Some(choice::lift(&operands, &node.place, &mut |operands| {
            let [index, list] = operands else {
                return Value::null(node.place.clone());
            };
            let number = text_of(index)
                .as_literal()
                .and_then(|t| t.trim().parse::<usize>().ok());
            match (&list.kind, number) {
                (ValueKind::Unknown(unknown), number) => {
                    let why = format!("a member of what is not known: {}", unknown.reason);
                    // The same member of the same list is the same unknown.
                    let member = unknown.symbol.as_ref().zip(number).map(|(list, number)| {
                        let attribute = if list.attribute.is_empty() {
                            number.to_string()
                        } else {
                            format!("{}.{number}", list.attribute)
                        };
                        Symbol {
                            attribute: attribute.into(),
                            ..list.as_ref().clone()
                        }
                    });
                    let unknown = match member {
                        Some(symbol) => Unknown::symbol(symbol, why),
                        None => Unknown::because(why),
                    };
                    Value::unknown(unknown, node.place.clone())
                }
                (ValueKind::List(items), Some(number)) => match items.get(number) {
                    Some(item) => item
                        .clone()
                        .through(Step::Function("Fn::Select".into()), node.place.span),
                    None => {
                        self.not_understood("Fn::Select", "the index is outside of the list", node)
                    }
                },
                (ValueKind::List(_), None) if matches!(index.kind, ValueKind::Unknown(_)) => {
                    Value::unknown(
                        Unknown::because("the index of Fn::Select is not known"),
                        node.place.clone(),
                    )
                }
                _ => self.not_understood("Fn::Select", "takes an index and a list", node),
            }
        }))
    }

    fn split(&self, operand: &Value, node: &Value) -> Value {
        let Some([delimiter, text]) = operand.as_items() else {
            return self.not_understood("Fn::Split", "takes a delimiter and a text", node);
        };
        let operands = [self.value(delimiter), self.value(text)];
        choice::lift(&operands, &node.place, &mut |operands| {
            let [delimiter, whole] = operands else {
                return Value::null(node.place.clone());
            };
            let delimiter = text_of(delimiter);
            let Some(delimiter) = delimiter.as_literal().filter(|d| !d.is_empty()) else {
                return self.not_understood("Fn::Split", "its delimiter is not known", node);
            };
            let text = text_of(whole);
            // What stands inside a symbol may hold the delimiter: an ARN or a name is split at its own.
            let opaque = text
                .pieces()
                .iter()
                .any(|p| matches!(p, Piece::Unknown(u) if !whole_part(u, delimiter)));
            if opaque {
                let why = format!("{} split at `{delimiter}`", text.display());
                return Value::unknown(Unknown::because(why), node.place.clone());
            }
            let mut parts = vec![Text::default()];
            for piece in text.pieces() {
                match piece {
                    Piece::Literal(literal) => {
                        for (i, part) in literal.split(delimiter).enumerate() {
                            if i > 0 {
                                parts.push(Text::default());
                            }
                            if let Some(last) = parts.last_mut() {
                                last.push_str(part);
                            }
                        }
                    }
                    Piece::Unknown(unknown) => {
                        if let Some(last) = parts.last_mut() {
                            last.push_unknown(unknown.clone());
                        }
                    }
                }
            }
            let items = parts
                .into_iter()
                .map(|part| made(ValueKind::Text(part), "Fn::Split", node))
                .collect();
            Value::list(items, node.place.clone())
        })
    }

    fn find_in_map(&self, operand: &Value, node: &Value) -> Option<Value> {
        let Some((mapping, key, second, options)) = (match operand.as_items() {
            Some([mapping, key, second]) => Some((mapping, key, second, None)),
            Some([mapping, key, second, options]) => Some((mapping, key, second, Some(options))),
            _ => None,
        }) else {
            return Some(self.not_understood(
                "Fn::FindInMap",
                "takes a mapping and two keys",
                node,
            ));
        };
        let default = options
            .and_then(|o| o.get("DefaultValue"))
            .map(|node| self.value(node));
        let operands = [self.value(mapping), self.value(key), self.value(second)];
        Some(choice::lift(&operands, &node.place, &mut |operands| {
            let [mapping, key, second] = operands else {
                return Value::null(node.place.clone());
            };
            let name = self.settle(&text_of(mapping));
            let Some(name) = name.as_literal() else {
                return Value::unknown(
                    Unknown::because("which mapping is read is not known"),
                    node.place.clone(),
                );
            };
            let Some(mapping) = self
                .template
                .section("Mappings")
                .and_then(|m| m.get(name))
                .and_then(Value::as_map)
            else {
                return match &default {
                    Some(default) => default.clone(),
                    None => {
                        self.not_understood("Fn::FindInMap", &format!("no mapping `{name}`"), node)
                    }
                };
            };
            let found = self.pick_key(mapping, key, default.as_ref(), node, &|top| match top
                .as_map()
            {
                Some(map) => self.pick_key(map, second, default.as_ref(), node, &|value| {
                    self.value(value)
                }),
                None => self.not_understood("Fn::FindInMap", "a top level key holds no map", node),
            });
            found.through(Step::Local(name.into()), node.place.span)
        }))
    }

    /// The entry under a key; where the key is not known, a choice over the keys that there are, since every other
    /// one fails to deploy.
    fn pick_key(
        &self,
        map: &Map,
        key: &Value,
        default: Option<&Value>,
        node: &Value,
        read: &dyn Fn(&Value) -> Value,
    ) -> Value {
        let text = self.settle(&text_of(key));
        if let Some(key) = text.as_literal() {
            return match (map.get(key), default) {
                (Some(value), _) => read(value),
                (None, Some(default)) => default.clone(),
                (None, None) => {
                    self.not_understood("Fn::FindInMap", &format!("no key `{key}`"), node)
                }
            };
        }
        let said = text.display();
        let arms = map.len() + usize::from(default.is_some());
        if arms == 0 || arms > MAPPING_KEYS {
            return Value::unknown(
                Unknown::because(format!("depends on {said}")),
                node.place.clone(),
            );
        }
        let input: Arc<str> = format!("{said} as a key of {}", keys_of(map)).into();
        let guard = |arm: usize, label: String| Guard {
            scope: self.template.scope,
            input: input.clone(),
            label: label.into(),
            arm: arm as u32,
            arms: arms as u32,
        };
        let mut out: Vec<Arm> = map
            .iter()
            .enumerate()
            .map(|(i, (key, entry))| Arm {
                guard: guard(i, format!("`{said}` is `{key}`")),
                value: read(&entry.value),
            })
            .collect();
        if let Some(default) = default {
            out.push(Arm {
                guard: guard(map.len(), format!("`{said}` is no key")),
                value: default.clone(),
            });
        }
        choice::choice(out, node.place.clone())
    }

    fn import(&self, operand: &Value, node: &Value) -> Value {
        let name = self.value(operand);
        choice::lift(&[name], &node.place, &mut |names| {
            let Some(name) = names.first() else {
                return Value::null(node.place.clone());
            };
            super::nested::import(self, &text_of(name), node)
        })
    }

    /// Of a text that is known in whole, its encoding, when a node is asked for; else the text itself, marked by
    /// the use on its place: the script of a user data is evidence, its encoding is not.
    fn base64(&self, operand: &Value, node: &Value) -> Value {
        let step = || Step::Function("Fn::Base64".into());
        choice::lift(&[self.value(operand)], &node.place, &mut |values| {
            let Some(value) = values.first() else {
                return Value::null(node.place.clone());
            };
            let text = text_of(value);
            match text.as_literal().filter(|_| self.run.known) {
                Some(literal) => {
                    let encoded = base64::engine::general_purpose::STANDARD.encode(literal);
                    Value::text(encoded, value.place.through(step(), node.place.span))
                }
                None => value.clone().through(step(), node.place.span),
            }
        })
    }

    fn cidr(&self, operand: &Value, node: &Value) -> Value {
        let operands: Vec<Value> = match operand.as_items() {
            Some(items) if items.len() == 2 || items.len() == 3 => {
                items.iter().map(|i| self.value(i)).collect()
            }
            _ => {
                return self.not_understood(
                    "Fn::Cidr",
                    "takes a block, a count and the bits of a host",
                    node,
                );
            }
        };
        choice::lift(&operands, &node.place, &mut |operands| {
            let texts: Vec<Text> = operands.iter().map(text_of).collect();
            let known: Option<Vec<&str>> = texts.iter().map(Text::as_literal).collect();
            let Some(known) = known else {
                return Value::unknown(
                    Unknown::because("blocks of a network that is not known"),
                    node.place.clone(),
                );
            };
            match blocks(&known) {
                Some(blocks) => {
                    let items = blocks
                        .into_iter()
                        .map(|b| made(ValueKind::Text(Text::literal(b)), "Fn::Cidr", node));
                    Value::list(items.collect(), node.place.clone())
                }
                None => self.not_understood("Fn::Cidr", "the block cannot be divided so", node),
            }
        })
    }

    fn length(&self, operand: &Value, node: &Value) -> Value {
        choice::lift(
            &[self.value(operand)],
            &node.place,
            &mut |values| match values.first().map(|v| &v.kind) {
                Some(ValueKind::List(items)) => made(
                    ValueKind::Number(Number::Int(items.len() as i128)),
                    "Fn::Length",
                    node,
                ),
                Some(ValueKind::Unknown(_)) => Value::unknown(
                    Unknown::because("the length of what is not known"),
                    node.place.clone(),
                ),
                _ => self.not_understood("Fn::Length", "takes a list", node),
            },
        )
    }

    /// `AWS::Include` from disk; every other macro is not understood.
    fn transform(&self, operand: &Value, node: &Value) -> Option<Value> {
        let name = operand
            .get("Name")
            .and_then(Value::as_str)
            .unwrap_or("Fn::Transform");
        if name != "AWS::Include" {
            return Some(self.not_understood(name, "a macro runs at AWS", node));
        }
        let location = operand
            .get("Parameters")
            .and_then(|p| p.get("Location"))
            .map(|l| self.value(l));
        let text = location.as_ref().map(text_of).unwrap_or_default();
        super::nested::include(self, &text, node)
    }
}

/// True where the symbol is one part of any text split at the delimiter: account ids, regions and generated names
/// hold neither colons nor slashes, commas or dots.
fn whole_part(unknown: &Unknown, delimiter: &str) -> bool {
    use crate::value::SymbolKind::{Account, GeneratedName, Partition, Region};
    let Some(symbol) = &unknown.symbol else {
        return false;
    };
    matches!(symbol.kind, Account | Partition | Region | GeneratedName)
        && delimiter
            .chars()
            .any(|c| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
}

fn keys_of(map: &Map) -> String {
    let mut out = String::new();
    for (key, _) in map.iter() {
        out.push_str(key);
        out.push(' ');
    }
    out.trim_end().to_string()
}

/// The first `count` blocks of a network whose hosts have that many bits.
fn blocks(operands: &[&str]) -> Option<Vec<String>> {
    let (block, count, bits) = match operands {
        [block, count, bits] => (*block, *count, Some(*bits)),
        [block, count] => (*block, *count, None),
        _ => return None,
    };
    let net: ipnet::IpNet = block.trim().parse().ok()?;
    let count = count
        .trim()
        .parse::<usize>()
        .ok()
        .filter(|n| (1..=256).contains(n))?;
    let whole = net.max_prefix_len();
    let bits = match bits {
        Some(bits) => bits.trim().parse::<u8>().ok()?,
        None => whole
            .checked_sub(net.prefix_len())?
            .checked_sub(count.next_power_of_two().trailing_zeros() as u8)?,
    };
    let prefix = whole.checked_sub(bits)?;
    let blocks: Vec<String> = net
        .trunc()
        .subnets(prefix)
        .ok()?
        .take(count)
        .map(|b| b.to_string())
        .collect();
    (blocks.len() == count).then_some(blocks)
}

/// A text from the command line as the value of a parameter: a number where JSON has one.
pub(super) fn number_or_text(text: &str, place: Place) -> Value {
    match yaml::json_number(text) {
        Some(number) => Value::number(number, place),
        None => Value::text(text, place),
    }
}

/// What is missing beside a template.
pub(super) fn missing(evaluator: &Evaluator<'_, '_>, what: &str, why: &str, node: &Value) -> Value {
    evaluator.run.gap(GapKind::Missing, what, why, &node.place);
    Value::unknown(
        Unknown::because(format!("{what}: {why}")),
        node.place.clone(),
    )
}
