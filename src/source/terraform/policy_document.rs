//! `aws_iam_policy_document`: statement blocks to a policy-shaped value, merged by Sid as the provider does it.

use std::sync::Arc;

use super::choice::{assume, compatible, otherwise};
use super::document::Body;
use super::evaluate::{Env, Evaluator};
use super::resource::under;
use crate::source::json;
use crate::value::{Arm, Entry, Guard, Map, Piece, Place, Span, Text, Unknown, Value, ValueKind};

/// Choices and lists inside each other, beyond which marks are left as they are.
const NESTED: usize = 64;

impl<'l, 'f> Evaluator<'l, 'f> {
    /// The document of a data block.
    pub fn policy_document(&mut self, body: &Body, env: Env<'_>, header: Span) -> Value {
        let place = Place::at(header);
        let mut map = Map::default();
        let text = |this: &mut Self, name: &str| {
            body.expression(name).map(|e| {
                this.eval(e, env).unwrap_or_else(|f| {
                    Value::unknown(Unknown::because(f.message), Place::at(e.span))
                })
            })
        };
        let version = text(self, "version")
            .filter(|v| !v.is_null())
            .unwrap_or_else(|| Value::text("2012-10-17", place.clone()));
        map.insert("Version", place.clone(), version);
        if let Some(id) = text(self, "policy_id").filter(|v| !v.is_null()) {
            map.insert("Id", id.place.clone(), id);
        }
        let mut statements: Vec<Value> = Vec::new();
        for name in ["source_policy_documents", "source_json"] {
            if let Some(documents) = text(self, name) {
                self.take(&documents, &mut statements, false);
            }
        }
        let mut own = Vec::new();
        self.each_block(body, "statement", env, &mut |this, block, env, guards| {
            let statement = this.statement(block.body, env, block.span);
            own.push(under(guards, statement));
        });
        for statement in own {
            overlay(&mut statements, statement);
        }
        for name in ["override_policy_documents", "override_json"] {
            if let Some(documents) = text(self, name) {
                self.take(&documents, &mut statements, true);
            }
        }
        map.insert(
            "Statement",
            place.clone(),
            Value::list(statements, place.clone()),
        );
        Value::map(map, place)
    }

    /// Statements of other documents, given as JSON.
    fn take(&mut self, documents: &Value, statements: &mut Vec<Value>, overriding: bool) {
        for (guards, documents) in documents.arms() {
            let one = [documents.clone()];
            let items = match &documents.kind {
                ValueKind::List(items) | ValueKind::Set(items) => items.as_slice(),
                _ => &one,
            };
            for (inner, arm) in items.iter().flat_map(Value::arms) {
                if !compatible(&guards, &inner) {
                    continue;
                }
                let all: Vec<Guard> = guards.iter().chain(&inner).cloned().collect();
                for statement in statements_of(arm) {
                    let statement = under(&all, statement);
                    if overriding {
                        overlay(statements, statement)
                    } else {
                        statements.push(statement)
                    }
                }
            }
        }
    }

    fn statement(&mut self, body: &Body, env: Env<'_>, span: Span) -> Value {
        let mut map = Map::default();
        let mut effect = false;
        for (written, name) in [
            ("sid", "Sid"),
            ("effect", "Effect"),
            ("actions", "Action"),
            ("not_actions", "NotAction"),
            ("resources", "Resource"),
            ("not_resources", "NotResource"),
        ] {
            let Some(attribute) = body.attributes.get(written) else {
                continue;
            };
            let value = self.eval(&attribute.expression, env).unwrap_or_else(|f| {
                Value::unknown(
                    Unknown::because(f.message),
                    Place::at(attribute.expression.span),
                )
            });
            // An empty list is as good as none.
            let empty = value.is_null()
                || value.as_items().is_some_and(<[Value]>::is_empty)
                || (name == "Sid" && value.as_str() == Some(""));
            if empty {
                continue;
            }
            let value = match name {
                "Resource" | "NotResource" => policy_variables(value, 0),
                _ => value,
            };
            effect |= name == "Effect";
            map.insert(name, Place::at(attribute.name_span), value);
        }
        if !effect {
            map.insert(
                "Effect",
                Place::at(span),
                Value::text("Allow", Place::at(span)),
            );
        }
        for (kind, name) in [
            ("principals", "Principal"),
            ("not_principals", "NotPrincipal"),
        ] {
            if let Some(value) = self.principals(body, kind, env) {
                map.insert(name, value.place.clone(), value);
            }
        }
        if let Some(value) = self.conditions(body, env) {
            map.insert("Condition", value.place.clone(), value);
        }
        Value::map(map, Place::at(span))
    }

    fn principals(&mut self, body: &Body, kind: &str, env: Env<'_>) -> Option<Value> {
        let mut found: Vec<(Value, Value, Span, Vec<Guard>)> = Vec::new();
        self.each_block(body, kind, env, &mut |this, block, env, guards| {
            let get = |this: &mut Self, name: &str| {
                block.body.expression(name).map_or_else(
                    || Value::null(Place::at(block.span)),
                    |e| {
                        this.eval(e, env).unwrap_or_else(|f| {
                            Value::unknown(Unknown::because(f.message), Place::at(e.span))
                        })
                    },
                )
            };
            let (name, identifiers) = (get(this, "type"), get(this, "identifiers"));
            let identifiers = policy_variables(identifiers, 0);
            found.push((name, identifiers, block.span, guards.to_vec()));
        });
        let (.., first, _) = found.first()?;
        let place = Place::at(*first);
        let mut map = Map::default();
        for (name, identifiers, span, guards) in found {
            let Some(name) = name.as_text().map(|t| t.display()) else {
                continue;
            };
            if name == "*" {
                return Some(under(&guards, Value::text("*", identifiers.place.clone())));
            }
            let items: Vec<Value> = match &identifiers.kind {
                ValueKind::List(items) | ValueKind::Set(items) => {
                    items.iter().map(|i| under(&guards, i.clone())).collect()
                }
                _ => vec![under(&guards, identifiers.clone())],
            };
            let known = map
                .entries
                .get(name.as_str())
                .map(|e: &Entry| e.value.clone());
            let all: Vec<Value> = match known.as_ref().and_then(|v| v.as_items()) {
                Some(before) => before.iter().cloned().chain(items).collect(),
                None => items,
            };
            map.entries.insert(
                Arc::from(name),
                Entry {
                    key_place: Place::at(span),
                    value: Value::list(all, identifiers.place.clone()),
                },
            );
        }
        Some(Value::map(map, place))
    }

    fn conditions(&mut self, body: &Body, env: Env<'_>) -> Option<Value> {
        let mut found: Vec<(Value, Value, Value, Span, Vec<Guard>)> = Vec::new();
        self.each_block(body, "condition", env, &mut |this, block, env, guards| {
            let get = |this: &mut Self, name: &str| {
                block.body.expression(name).map_or_else(
                    || Value::null(Place::at(block.span)),
                    |e| {
                        this.eval(e, env).unwrap_or_else(|f| {
                            Value::unknown(Unknown::because(f.message), Place::at(e.span))
                        })
                    },
                )
            };
            let (test, variable, values) = (
                get(this, "test"),
                get(this, "variable"),
                get(this, "values"),
            );
            let values = policy_variables(values, 0);
            found.push((test, variable, values, block.span, guards.to_vec()));
        });
        let (.., first, _) = found.first()?;
        let place = Place::at(*first);
        // Conditions that stand under guards make alternatives of the whole element.
        let guards: Vec<Guard> = found.iter().flat_map(|(.., g)| g.iter().cloned()).collect();
        let build = |skip_guarded: bool| {
            let mut map = Map::default();
            for (test, variable, values, span, guards) in &found {
                if skip_guarded && !guards.is_empty() {
                    continue;
                }
                let (Some(test), Some(key)) = (
                    test.as_text().map(|t| t.display()),
                    variable.as_text().map(|t| t.display()),
                ) else {
                    continue;
                };
                let mut inner = match map
                    .entries
                    .get(test.as_str())
                    .map(|e: &Entry| e.value.clone())
                {
                    Some(Value {
                        kind: ValueKind::Map(inner),
                        ..
                    }) => (*inner).clone(),
                    _ => Map::default(),
                };
                inner.insert(key, variable.place.clone(), values.clone());
                map.entries.insert(
                    Arc::from(test),
                    Entry {
                        key_place: Place::at(*span),
                        value: Value::map(inner, Place::at(*span)),
                    },
                );
            }
            Value::map(map, place.clone())
        };
        let all = build(false);
        let Some(guard) = guards.first() else {
            return Some(all);
        };
        if guards.iter().any(|g| g != guard) {
            // Several independent guards: which conditions hold is not known.
            return Some(Value::unknown(
                Unknown::because("which conditions there are is not known"),
                place,
            ));
        }
        let fewer = build(true);
        let mut arms = vec![Arm {
            guard: guard.clone(),
            value: all,
        }];
        for arm in 0..guard.arms {
            if arm != guard.arm {
                arms.push(Arm {
                    guard: otherwise(guard, arm),
                    value: fewer.clone(),
                });
            }
        }
        Some(Value::new(ValueKind::Choice(Arc::new(arms)), place))
    }
}

/// The statements of a document; an unknown document is one unknown statement.
fn statements_of(document: &Value) -> Vec<Value> {
    let unknown = |unknown: Unknown, place: &Place| vec![Value::unknown(unknown, place.clone())];
    let parsed = match &document.kind {
        ValueKind::Json(inner) => (**inner).clone(),
        ValueKind::Text(text) => match text.pieces() {
            [] => return Vec::new(),
            [Piece::Unknown(whole)] => return unknown(whole.clone(), &document.place),
            _ => match json::parse_text(text, &document.place) {
                Ok(value) => value,
                Err(error) => return unknown(Unknown::because(error.message), &error.place),
            },
        },
        ValueKind::Null => return Vec::new(),
        _ => document.clone(),
    };
    let mut out = Vec::new();
    for (guards, document) in parsed.arms() {
        let list = match &document.kind {
            ValueKind::Map(map) => match map.get("Statement") {
                Some(list) => list.clone(),
                None => continue,
            },
            ValueKind::Null => continue,
            ValueKind::Unknown(_) => document.clone(),
            _ => Value::unknown(
                Unknown::because("is no policy document"),
                document.place.clone(),
            ),
        };
        match &list.kind {
            ValueKind::List(items) | ValueKind::Set(items) => {
                out.extend(items.iter().map(|item| under(&guards, item.clone())));
            }
            _ => out.push(under(&guards, list)),
        }
    }
    out
}

/// Policy variables are written `&{…}` here, as `${…}` means something to Terraform. Both marks have the
/// same length, so that places inside the text stay.
fn policy_variables(value: Value, depth: usize) -> Value {
    if depth > NESTED {
        return value;
    }
    let all = |items: &[Value]| -> Arc<Vec<Value>> {
        Arc::new(
            items
                .iter()
                .map(|i| policy_variables(i.clone(), depth + 1))
                .collect(),
        )
    };
    let kind = match &value.kind {
        ValueKind::Text(text) if text.pieces().iter().any(marked) => {
            let pieces = text.pieces().iter().map(|piece| match piece {
                Piece::Literal(literal) => Piece::Literal(literal.replace("&{", "${").into()),
                Piece::Unknown(_) => piece.clone(),
            });
            let map = text.source_map().cloned();
            ValueKind::Text(Text::from_pieces(pieces).with_source_map(map))
        }
        ValueKind::List(items) => ValueKind::List(all(items)),
        ValueKind::Set(items) => ValueKind::Set(all(items)),
        ValueKind::Choice(arms) => {
            let arm = |arm: &Arm| Arm {
                guard: arm.guard.clone(),
                value: policy_variables(arm.value.clone(), depth + 1),
            };
            ValueKind::Choice(Arc::new(arms.iter().map(arm).collect()))
        }
        _ => return value,
    };
    Value { kind, ..value }
}

fn marked(piece: &Piece) -> bool {
    matches!(piece, Piece::Literal(literal) if literal.contains("&{"))
}

/// Replaces the statement with the same Sid, else appends. One that stands under guards replaces in its worlds.
fn overlay(statements: &mut Vec<Value>, statement: Value) {
    if let Some(wanted) = sid(&statement)
        && let Some(known) = statements
            .iter_mut()
            .find(|s| sid(s).as_ref() == Some(&wanted))
    {
        *known = laid_over(&statement, known, 0);
        return;
    }
    statements.push(statement);
}

fn sid(statement: &Value) -> Option<String> {
    let found = statement
        .arms()
        .into_iter()
        .find_map(|(_, arm)| arm.get("Sid")?.as_str().map(str::to_string));
    found.filter(|sid| !sid.is_empty())
}

fn laid_over(statement: &Value, below: &Value, depth: usize) -> Value {
    match &statement.kind {
        ValueKind::Null => below.clone(),
        ValueKind::Choice(arms) if depth < NESTED => {
            let arms = arms.iter().map(|arm| Arm {
                value: laid_over(&arm.value, &assume(below, &arm.guard), depth + 1),
                guard: arm.guard.clone(),
            });
            Value::new(
                ValueKind::Choice(Arc::new(arms.collect())),
                statement.place.clone(),
            )
        }
        _ => statement.clone(),
    }
}
