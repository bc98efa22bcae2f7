//! What runs as a role, where it runs, and the strings of its configuration.

use std::sync::Arc;

use super::reading::{argument, block, blocks, items, own, text};
use crate::facts::Network;
use crate::facts::declare::{Declaration, Declarations, DeclaredSender, RunsAs};
use crate::facts::link::Linker;
use crate::facts::{states, workload};
use crate::source::{Resource, json};
use crate::value::{Place, Text, Unknown, Value, ValueKind};

pub(super) fn declare(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    commands(linker, r, out);
    let named = ["arn", "id", "name"].map(|attribute| own(r, attribute));
    workload::declare(linker, r, &named, out);
    let role = |name: &str| text(p, name).map(RunsAs::Role);
    let mut ids = named.to_vec();
    let (runs_as, network, strings, scripts) = match &*r.type_name {
        "aws_ecs_task_definition" => {
            ids.push(own(r, "family"));
            ids.extend(text(p, "family"));
            let containers = argument(p, "container_definitions").map(decoded);
            let scripts = containers
                .iter()
                .flat_map(|c| c.as_items().unwrap_or_default())
                .flat_map(|c| {
                    let part = |name: &str| texts_in(c.get(name));
                    part("command")
                        .into_iter()
                        .chain(part("entryPoint"))
                        .collect::<Vec<_>>()
                })
                .collect();
            (
                role("task_role_arn"),
                Network::Unknown,
                texts_in(containers.as_ref()),
                scripts,
            )
        }
        "aws_ecs_service" => {
            let network =
                block(p, "network_configuration").map(|c| subnets(items(c, "subnets"), c));
            if let (Some(network), Some(workload)) = (network, text(p, "task_definition")) {
                out.add(r, Declaration::WorkloadNetwork { workload, network });
            }
            return;
        }
        "aws_launch_template" => {
            let profile = block(p, "iam_instance_profile")
                .and_then(|b| text(b, "arn").or_else(|| text(b, "name")));
            (
                profile.map(RunsAs::InstanceProfile),
                Network::Unknown,
                Vec::new(),
                texts_in(argument(p, "user_data")),
            )
        }
        "aws_launch_configuration" => {
            let profile = text(p, "iam_instance_profile").map(RunsAs::InstanceProfile);
            (
                profile,
                Network::Unknown,
                Vec::new(),
                texts_in(argument(p, "user_data")),
            )
        }
        "aws_batch_job_definition" => {
            let container = argument(p, "container_properties").map(decoded);
            let role = container
                .as_ref()
                .and_then(|c| text(c, "jobRoleArn"))
                .map(RunsAs::Role);
            let scripts = container
                .as_ref()
                .map(|c| texts_in(c.get("command")))
                .unwrap_or_default();
            (
                role,
                Network::Unknown,
                texts_in(container.as_ref()),
                scripts,
            )
        }
        "aws_glue_job" => (
            role("role_arn"),
            Network::Unknown,
            texts_in(argument(p, "default_arguments")),
            Vec::new(),
        ),
        "aws_codebuild_project" => {
            let network = block(p, "vpc_config")
                .map_or(Network::Unknown, |c| subnets(items(c, "subnets"), c));
            let variables = blocks(p, "environment")
                .iter()
                .flat_map(|e| blocks(e, "environment_variable"))
                .flat_map(|v| texts_in(v.get("value")))
                .collect();
            let scripts = blocks(p, "source")
                .iter()
                .flat_map(|s| texts_in(s.get("buildspec")))
                .collect();
            (role("service_role"), network, variables, scripts)
        }
        "aws_sfn_state_machine" => {
            let definition = argument(p, "definition").map(decoded);
            if let (Some(definition), Some(role)) = (&definition, text(p, "role_arn")) {
                for task in states::tasks(definition, &[]) {
                    out.add_task(r, role.clone(), task);
                }
            }
            (
                role("role_arn"),
                Network::Unknown,
                texts_in(definition.as_ref()),
                Vec::new(),
            )
        }
        "aws_sagemaker_notebook_instance" => {
            let network = match text(p, "subnet_id") {
                Some(subnet) => subnets(vec![subnet], p),
                None => Network::Unknown,
            };
            (role("role_arn"), network, Vec::new(), Vec::new())
        }
        _ => return,
    };
    if runs_as.is_some() {
        let variables = variables(r);
        out.add(
            r,
            Declaration::Workload {
                ids,
                runs_as,
                network,
                strings,
                scripts,
                variables,
            },
        );
    }
}

/// Commands that whoever applies the configuration runs beside it.
fn commands(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    // A provider that assumes a role uploads as somebody else than its shell.
    if linker.assumed_role(r.scope, &r.provider).is_some() {
        return;
    }
    for provisioner in blocks(&r.properties, "provisioner") {
        let Some(command) = argument(provisioner, "command") else {
            continue;
        };
        let Some(script) = command.as_text() else {
            continue;
        };
        let variables = argument(provisioner, "environment")
            .and_then(Value::as_map)
            .map(|m| {
                m.iter()
                    .filter_map(|(name, e)| Some((name.clone(), e.value.as_text()?)))
                    .collect()
            })
            .unwrap_or_default();
        let what = Declaration::Script {
            sender: DeclaredSender::Deployer { role: None },
            script,
            variables,
        };
        out.add_at(r, command.place.clone(), Vec::new(), what);
    }
}

/// Environment variables of what runs the scripts; those that a store keeps are not known.
fn variables(r: &Resource) -> Vec<(Arc<str>, Text)> {
    let p = &r.properties;
    let mut out = Vec::new();
    let mut take = |variable: &Value| {
        let stored = variable
            .get("type")
            .is_some_and(|t| !t.is_null() && t.as_str() != Some("PLAINTEXT"));
        if let Some(name) = variable.get("name").and_then(Value::as_str) {
            let value = variable
                .get("value")
                .filter(|_| !stored)
                .and_then(Value::as_text);
            out.push((
                Arc::from(name),
                value.unwrap_or_else(|| Text::unknown(Unknown::because("a stored variable"))),
            ));
        }
    };
    match &*r.type_name {
        "aws_codebuild_project" => blocks(p, "environment")
            .iter()
            .flat_map(|e| blocks(e, "environment_variable"))
            .for_each(&mut take),
        "aws_ecs_task_definition" => {
            if let Some(containers) = argument(p, "container_definitions").map(decoded) {
                containers
                    .as_items()
                    .unwrap_or_default()
                    .iter()
                    .flat_map(|c| blocks(c, "environment"))
                    .for_each(take);
            }
        }
        "aws_batch_job_definition" => {
            if let Some(container) = argument(p, "container_properties").map(decoded) {
                blocks(&container, "environment").iter().for_each(take);
            }
        }
        _ => {}
    }
    out
}

/// JSON in a text as a value; the value itself where it is none.
fn decoded(value: &Value) -> Value {
    match &value.kind {
        ValueKind::Json(inner) => (**inner).clone(),
        ValueKind::Text(text) => {
            json::parse_text(text, &value.place).unwrap_or_else(|_| value.clone())
        }
        _ => value.clone(),
    }
}

/// Every text inside a value, with its place; limited.
fn texts_in(value: Option<&Value>) -> Vec<(Text, Place)> {
    fn walk(value: &Value, depth: usize, out: &mut Vec<(Text, Place)>) {
        if depth > 16 || out.len() > 500 {
            return;
        }
        match &value.kind {
            ValueKind::Text(text) => out.push((text.clone(), value.place.clone())),
            ValueKind::Json(inner) => walk(inner, depth + 1, out),
            ValueKind::List(items) | ValueKind::Set(items) => {
                items.iter().for_each(|v| walk(v, depth + 1, out))
            }
            ValueKind::Map(map) => map.iter().for_each(|(_, e)| walk(&e.value, depth + 1, out)),
            _ => {}
        }
    }
    let mut out = Vec::new();
    if let Some(value) = value {
        walk(value, 0, &mut out);
    }
    out
}

fn subnets(subnets: Vec<Text>, stated: &Value) -> Network {
    if subnets.is_empty() {
        Network::Unknown
    } else {
        Network::Subnets {
            subnets,
            place: stated.place.clone(),
        }
    }
}
