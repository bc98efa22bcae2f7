//! Serverless functions and state machines: what the transform makes of them, with the places of their source.
//!
//! A function becomes a function of Lambda; without a role of its own it gets the role `<Id>Role`, whose policies
//! are the statements, policy templates and managed policies that the source lists.

use std::sync::Arc;

use super::evaluate::{Evaluator, text_of};
use super::sam_connectors;
use super::sam_policies::{self, ROWS};
use super::template::Entry;
use crate::source::{GapKind, Resource};
use crate::value::{Arm, Map, Place, Step, Symbol, SymbolKind, Text, Unknown, Value, ValueKind};

/// Properties of the serverless kind that its Lambda or Step Functions resource does not have.
const OWN_PROPERTIES: &[&str] = &[
    "Policies",
    "PermissionsBoundary",
    "AssumeRolePolicyDocument",
    "Events",
    "RolePath",
    "AutoPublishAlias",
    "DeploymentPreference",
    "ProvisionedConcurrencyConfig",
    "FunctionUrlConfig",
    "EventInvokeConfig",
];

struct Kind {
    section: &'static str,
    made: &'static str,
    role_property: &'static str,
    service: &'static str,
}

const FUNCTION: Kind = Kind {
    section: "Function",
    made: "AWS::Lambda::Function",
    role_property: "Role",
    service: "lambda.amazonaws.com",
};
const MACHINE: Kind = Kind {
    section: "StateMachine",
    made: "AWS::StepFunctions::StateMachine",
    role_property: "RoleArn",
    service: "states.amazonaws.com",
};

/// Puts what the transform makes in place of a serverless resource; gives back what is none.
pub(super) fn transform(
    evaluator: &Evaluator<'_, '_>,
    entry: &Entry,
    resource: Resource,
    out: &mut Vec<Resource>,
) {
    out.extend(sam_connectors::embedded(evaluator, &resource, &entry.name));
    let kind = match &*resource.type_name {
        "AWS::Serverless::Function" => FUNCTION,
        "AWS::Serverless::StateMachine" => MACHINE,
        "AWS::Serverless::Connector" => {
            sam_connectors::connector(evaluator, resource, out);
            return;
        }
        _ => {
            out.push(resource);
            return;
        }
    };
    let globals = evaluator
        .template
        .section("Globals")
        .and_then(|g| g.get(kind.section))
        .map(|g| evaluator.value(g));
    let properties = match (
        resource.properties.as_map(),
        globals.as_ref().and_then(Value::as_map),
    ) {
        (Some(own), Some(globals)) => merged(globals, own),
        (Some(own), None) => own.as_ref().clone(),
        (None, _) => {
            out.push(resource);
            return;
        }
    };
    let place = resource.properties.place.clone();
    let mut made = Map::default();
    for (key, property) in properties.iter() {
        if !OWN_PROPERTIES.contains(&&**key) {
            let name: &str = match &**key {
                "CodeUri" | "InlineCode" => "Code",
                "Role" => kind.role_property,
                name => name,
            };
            made.insert(name, property.key_place.clone(), property.value.clone());
        }
    }
    let role = properties.get("Role");
    if role.is_none_or(Value::is_null) {
        let role_name: Arc<str> = format!("{}Role", entry.name).into();
        let role_address = evaluator.template.address(&role_name);
        let symbol = evaluator.symbol(SymbolKind::Resource, role_address.clone(), "Arn");
        let reason = format!("{} is known after deployment", symbol.display());
        made.insert(
            kind.role_property,
            resource.place.clone(),
            Value::unknown(Unknown::symbol(symbol, reason), resource.place.clone()),
        );
        out.push(Resource {
            address: role_address,
            type_name: "AWS::IAM::Role".into(),
            properties: Role {
                evaluator,
                kind: &kind,
                properties: &properties,
                place: &resource.place,
            }
            .build(),
            attributes: Value::map(Map::default(), resource.place.clone()),
            ..resource.clone()
        });
    }
    out.push(Resource {
        type_name: kind.made.into(),
        properties: Value::map(made, place),
        ..resource
    });
}

/// Globals under the resource's own properties: maps are merged, lists are joined, the rest is replaced.
fn merged(globals: &Map, own: &Map) -> Map {
    let mut out = globals.clone();
    for (key, entry) in own.iter() {
        let value = match (out.get(key).map(|v| &v.kind), &entry.value.kind) {
            (Some(ValueKind::Map(general)), ValueKind::Map(special)) => {
                Value::map(merged(general, special), entry.value.place.clone())
            }
            (Some(ValueKind::List(general)), ValueKind::List(special)) => Value::list(
                general.iter().chain(special.iter()).cloned().collect(),
                entry.value.place.clone(),
            ),
            _ => entry.value.clone(),
        };
        let entry = crate::value::Entry {
            key_place: entry.key_place.clone(),
            value,
        };
        out.entries.insert(key.clone(), entry);
    }
    out
}

/// The role that the transform makes.
struct Role<'e, 'r, 'f> {
    evaluator: &'e Evaluator<'r, 'f>,
    kind: &'e Kind,
    properties: &'e Map,
    place: &'e Place,
}

impl Role<'_, '_, '_> {
    fn build(&self) -> Value {
        let at = || self.place.clone();
        let mut role = Map::default();
        let trust = match self.properties.get("AssumeRolePolicyDocument") {
            Some(own) => own.clone(),
            None => self.trust(),
        };
        role.insert("AssumeRolePolicyDocument", at(), trust);
        for (from, to) in [
            ("PermissionsBoundary", "PermissionsBoundary"),
            ("RolePath", "Path"),
        ] {
            if let Some(entry) = self.properties.entries.get(from) {
                role.insert(to, entry.key_place.clone(), entry.value.clone());
            }
        }
        let mut managed = Vec::new();
        if self.kind.section == "Function" {
            managed.push(self.aws_managed("service-role/AWSLambdaBasicExecutionRole"));
            if self
                .properties
                .get("VpcConfig")
                .is_some_and(|v| !v.is_null())
            {
                managed.push(self.aws_managed("service-role/AWSLambdaVPCAccessExecutionRole"));
            }
            if self.properties.get("Tracing").and_then(Value::as_str) == Some("Active") {
                managed.push(self.aws_managed("AWSXrayWriteOnlyAccess"));
            }
        }
        let mut inline = Vec::new();
        if let Some(policies) = self.properties.get("Policies") {
            match policies.as_items() {
                Some(items) => items
                    .iter()
                    .for_each(|item| self.policy(item, &mut managed, &mut inline)),
                None => self.policy(policies, &mut managed, &mut inline),
            }
        }
        role.insert("ManagedPolicyArns", at(), Value::list(managed, at()));
        if !inline.is_empty() {
            role.insert("Policies", at(), Value::list(inline, at()));
        }
        Value::map(role, at())
    }

    fn text(&self, text: &str, place: &Place) -> Value {
        Value::text(
            text,
            place.through(Step::Document("AWS::Serverless".into()), place.span),
        )
    }

    fn map(&self, entries: Vec<(&str, Value)>, place: &Place) -> Value {
        let mut map = Map::default();
        for (key, value) in entries {
            map.insert(key, place.clone(), value);
        }
        Value::map(map, place.clone())
    }

    fn trust(&self) -> Value {
        let place = self.place;
        let principal = self.map(
            vec![("Service", self.text(self.kind.service, place))],
            place,
        );
        let statement = self.map(
            vec![
                ("Effect", self.text("Allow", place)),
                ("Principal", principal),
                ("Action", self.text("sts:AssumeRole", place)),
            ],
            place,
        );
        self.document(vec![statement], place)
    }

    fn document(&self, statements: Vec<Value>, place: &Place) -> Value {
        let statements = Value::list(statements, place.clone());
        self.map(
            vec![
                ("Version", self.text("2012-10-17", place)),
                ("Statement", statements),
            ],
            place,
        )
    }

    fn inline(&self, document: Value, index: usize) -> Value {
        let place = document.place.clone();
        let name = format!("policy{index}");
        self.map(
            vec![
                ("PolicyName", self.text(&name, &place)),
                ("PolicyDocument", document),
            ],
            &place,
        )
    }

    fn pseudo(&self, kind: SymbolKind) -> Text {
        let symbol: Symbol = self.evaluator.symbol(kind, "", "");
        let text = Text::symbol(symbol, "known at deployment");
        if self.evaluator.run.known {
            self.evaluator.settle(&text)
        } else {
            text
        }
    }

    fn aws_managed(&self, name: &str) -> Value {
        self.managed_arn(name, self.place)
    }

    fn managed_arn(&self, name: &str, place: &Place) -> Value {
        let mut text = Text::literal("arn:");
        text.push(&self.pseudo(SymbolKind::Partition));
        text.push_str(":iam::aws:policy/");
        text.push_str(name);
        Value::new(ValueKind::Text(text), place.clone())
    }

    fn policy(&self, policy: &Value, managed: &mut Vec<Value>, inline: &mut Vec<Value>) {
        match &policy.kind {
            ValueKind::Null => {}
            ValueKind::Text(text) => managed.push(match text.as_literal() {
                Some(name) if !name.starts_with("arn:") => self.managed_arn(name, &policy.place),
                _ => policy.clone(),
            }),
            ValueKind::Map(map) if map.get("Statement").is_some() => {
                inline.push(self.inline(policy.clone(), inline.len()));
            }
            ValueKind::Map(map) => {
                for (name, entry) in map.iter() {
                    let place = entry.key_place.clone();
                    let document = self.expand(name, &entry.value, &place);
                    inline.extend(document.map(|d| self.inline(d, inline.len())));
                }
            }
            ValueKind::Choice(arms) => self.choice(policy, arms, managed, inline),
            ValueKind::List(items) => items
                .iter()
                .for_each(|item| self.policy(item, managed, inline)),
            _ => managed.push(policy.clone()),
        }
    }

    /// A policy that hangs on a condition: each arm is a policy of its kind, or nothing.
    fn choice(
        &self,
        policy: &Value,
        arms: &[Arm],
        managed: &mut Vec<Value>,
        inline: &mut Vec<Value>,
    ) {
        let mut managed_arms = Vec::new();
        let mut inline_arms = Vec::new();
        for arm in arms {
            let (mut arns, mut documents) = (Vec::new(), Vec::new());
            self.policy(&arm.value, &mut arns, &mut documents);
            let one = |list: Vec<Value>, arms: &mut Vec<Arm>| {
                let mut list = list.into_iter();
                let value = list
                    .next()
                    .unwrap_or_else(|| Value::null(policy.place.clone()));
                if list.next().is_some() {
                    let why = "one arm of a condition holds several policies";
                    self.evaluator
                        .run
                        .gap(GapKind::Unsupported, "Policies", why, &policy.place);
                }
                arms.push(Arm {
                    guard: arm.guard.clone(),
                    value,
                });
            };
            one(arns, &mut managed_arms);
            one(documents, &mut inline_arms);
        }
        for (arms, list) in [(managed_arms, managed), (inline_arms, inline)] {
            if arms.iter().any(|a| !a.value.is_null()) {
                list.push(Value::new(
                    ValueKind::Choice(Arc::new(arms)),
                    policy.place.clone(),
                ));
            }
        }
    }

    /// The document of a policy template; `None` where it grants nothing that an upload needs.
    fn expand(&self, name: &str, parameters: &Value, place: &Place) -> Option<Value> {
        let rows: Vec<_> = ROWS.iter().filter(|row| row.name == name).collect();
        if rows.is_empty() {
            if !sam_policies::is_other(name) {
                self.evaluator.run.gap(
                    GapKind::Unsupported,
                    name,
                    "unknown policy template",
                    place,
                );
            }
            return None;
        }
        let statements = rows
            .iter()
            .map(|row| {
                let actions = row.actions.iter().map(|a| self.text(a, place)).collect();
                let resources = row
                    .resources
                    .iter()
                    .map(|r| self.fill(r, parameters, place))
                    .collect();
                self.map(
                    vec![
                        ("Effect", self.text("Allow", place)),
                        ("Action", Value::list(actions, place.clone())),
                        ("Resource", Value::list(resources, place.clone())),
                    ],
                    place,
                )
            })
            .collect();
        Some(self.document(statements, place))
    }

    /// A resource pattern with its parameters; a choice among them stays one.
    fn fill(&self, pattern: &str, parameters: &Value, place: &Place) -> Value {
        let mut parts: Vec<Value> = Vec::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, behind)) = after.split_once('}') else {
                break;
            };
            parts.push(Value::text(before, place.clone()));
            let part = match name {
                "partition" => Value::new(
                    ValueKind::Text(self.pseudo(SymbolKind::Partition)),
                    place.clone(),
                ),
                "region" => Value::new(
                    ValueKind::Text(self.pseudo(SymbolKind::Region)),
                    place.clone(),
                ),
                "account" => Value::new(
                    ValueKind::Text(self.pseudo(SymbolKind::Account)),
                    place.clone(),
                ),
                name => parameters.get(name).cloned().unwrap_or_else(|| {
                    let why = format!("the policy template has no `{name}`");
                    Value::unknown(Unknown::because(why), place.clone())
                }),
            };
            parts.push(part);
            rest = behind;
        }
        parts.push(Value::text(rest, place.clone()));
        super::choice::lift(&parts, place, &mut |parts| {
            let mut text = Text::default();
            parts.iter().for_each(|part| text.push(&text_of(part)));
            Value::new(
                ValueKind::Text(text),
                place.through(Step::Document("AWS::Serverless".into()), place.span),
            )
        })
    }
}
