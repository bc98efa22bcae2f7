//! From sources to the estate: each format declares, the linker resolves, the assembly joins.

use crate::facts::declare::Declarations;
use crate::facts::exchange::{self, Joined, Published};
use crate::facts::link::Linker;
use crate::facts::{Estate, assemble, cloudformation, terraform};
use crate::source::{Format, Gap, Inputs, Sources};

/// All facts that the sources state, joined with those of other repositories. The scopes of these stand among the
/// sources' own.
pub fn build(sources: &Sources, inputs: &Inputs, joined: &Joined) -> Estate {
    let linker = linker(sources, inputs, joined);
    let mut declarations = declare(&linker);
    // Those of the environment at hand.
    let others = joined.declarations.iter();
    let others = others.filter(|d| linker.scope(d.scope).is_some());
    declarations.items.extend(others.cloned());
    assemble::assemble(&linker, &declarations)
}

/// The content of a facts file for other repositories, from the sources of each environment. Sensitive values are
/// taken out of them.
pub fn publish(
    worlds: &mut [Sources],
    gaps: &[Gap],
    inputs: &Inputs,
    repository: &str,
    prefix: &str,
) -> String {
    worlds.iter_mut().for_each(exchange::redact);
    let nothing = Joined::default();
    let mut gaps = gaps.to_vec();
    let published: Vec<Published<'_>> = worlds
        .iter()
        .map(|sources| {
            let linker = linker(sources, inputs, &nothing);
            let declarations = declare(&linker);
            gaps.extend(assemble::assemble(&linker, &declarations).gaps);
            Published {
                linker,
                declarations,
            }
        })
        .collect();
    exchange::write(&published, &gaps, repository, prefix)
}

fn linker<'s>(sources: &'s Sources, inputs: &'s Inputs, joined: &'s Joined) -> Linker<'s> {
    let (terraform, cloudformation) = (&terraform::TABLE, &cloudformation::TABLE);
    Linker::new(
        sources,
        inputs,
        terraform,
        cloudformation,
        &joined.declarations,
    )
}

/// What each resource says in the words of its format.
fn declare(linker: &Linker<'_>) -> Declarations {
    let mut declarations = Declarations::default();
    for resource in &linker.sources().resources {
        match linker.scope(resource.scope).map(|s| s.format) {
            Some(Format::Terraform) => terraform::declare(linker, resource, &mut declarations),
            Some(Format::CloudFormation) => {
                cloudformation::declare(linker, resource, &mut declarations);
            }
            None => {}
        }
    }
    for scope in &linker.sources().scopes {
        if scope.id.is_elsewhere() {
            continue;
        }
        match scope.format {
            Format::Terraform => terraform::declare_scope(scope, &mut declarations),
            Format::CloudFormation => {
                cloudformation::declare_scope(linker, scope, &mut declarations);
            }
        }
    }
    declarations
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::source::{Resource, Scope};
    use crate::value::{
        FileId, Map, Place, ScopeId, Span, Symbol, SymbolKind, Text, Value, ValueKind,
    };

    fn place() -> Place {
        Place::at(Span::new(FileId(0), 0, 0))
    }

    fn reference(subject: &str, attribute: &str, rest: &str) -> Value {
        let (kind, scope) = (SymbolKind::Resource, ScopeId(0));
        let symbol = Symbol {
            scope,
            kind,
            subject: subject.into(),
            attribute: attribute.into(),
        };
        let mut text = Text::symbol(symbol, "later");
        text.push_str(rest);
        Value::new(ValueKind::Text(text), place())
    }

    fn map(entries: Vec<(&str, Value)>) -> Value {
        let mut map = Map::default();
        for (key, value) in entries {
            map.insert(key, place(), value);
        }
        Value::map(map, place())
    }

    fn resource(type_name: &str, name: &str, properties: Vec<(&str, Value)>) -> Resource {
        Resource {
            scope: ScopeId(0),
            address: format!("{type_name}.{name}").into(),
            type_name: type_name.into(),
            data: false,
            properties: map(properties),
            attributes: map(Vec::new()),
            guards: Vec::new(),
            provider: "".into(),
            place: place(),
            block: Span::new(FileId(0), 0, 0),
            unseen: false,
        }
    }

    #[test]
    fn policies_meet_their_holders_and_targets() {
        let text = |t: &str| Value::text(t, place());
        let document =
            text(r#"{"Statement":[{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}]}"#);
        let statement = map(vec![
            ("Effect", text("Allow")),
            ("Action", text("s3:PutObject")),
            ("Resource", reference("aws_s3_bucket.b", "arn", "/*")),
        ]);
        let resources = vec![
            resource("aws_s3_bucket", "b", vec![("bucket", text("acme-logs"))]),
            resource("aws_iam_role", "r", vec![("name", text("app"))]),
            resource(
                "aws_iam_role_policy",
                "p",
                vec![
                    ("role", reference("aws_iam_role.r", "id", "")),
                    ("policy", map(vec![("Statement", statement)])),
                ],
            ),
            resource(
                "aws_s3_bucket_policy",
                "b",
                vec![
                    ("bucket", reference("aws_s3_bucket.b", "id", "")),
                    ("policy", document),
                ],
            ),
        ];
        let scope = Scope {
            id: ScopeId(0),
            format: Format::Terraform,
            path: "".into(),
            environment: None,
            providers: Vec::new(),
            library: false,
            writes_own_account: false,
            exposed: Vec::new(),
            outputs: Map::default(),
            exports: Vec::new(),
            backend: None,
        };
        let sources = Sources {
            scopes: vec![scope],
            resources,
            ..Sources::default()
        };
        let inputs = Inputs {
            account: Some("111122223333".into()),
            ..Inputs::default()
        };
        let estate = build(&sources, &inputs, &Joined::default());
        let caller = estate.callers.first().unwrap();
        assert_eq!(caller.arn.display(), "arn:aws:iam::111122223333:role/app");
        let policy: &Arc<_> = &caller.identity.attached.first().unwrap().policy;
        let pattern = &policy
            .statements
            .first()
            .unwrap()
            .resources
            .as_ref()
            .unwrap()
            .patterns;
        assert_eq!(
            pattern.first().unwrap().text.display(),
            "arn:aws:s3:::acme-logs/*"
        );
        assert_eq!(estate.buckets.len(), 1);
        assert!(estate.buckets.first().unwrap().policy.is_some());
    }
}
