//! What runs as a role, where it runs, and the strings of its configuration.

use std::sync::Arc;

use super::reading::{in_each_world, inside, items, members, own, property, strings, text};
use crate::facts::Network;
use crate::facts::declare::{Declaration, Declarations, RunsAs};
use crate::facts::link::Linker;
use crate::facts::{states, workload};
use crate::source::Resource;
use crate::value::{Place, Text, Unknown, Value};

/// What tells worlds apart: who a workload runs as, where, and what it is told to run.
fn telling(type_name: &str) -> &'static [&'static str] {
    match type_name {
        "AWS::Lambda::Function" => &["Role", "VpcConfig.SubnetIds"],
        "AWS::ECS::TaskDefinition" => &["TaskRoleArn"],
        "AWS::ECS::Service" => &[
            "TaskDefinition",
            "NetworkConfiguration.AwsvpcConfiguration.Subnets",
        ],
        "AWS::EC2::Instance" => &["IamInstanceProfile", "SubnetId", "UserData"],
        "AWS::EC2::LaunchTemplate" => &[
            "LaunchTemplateData.IamInstanceProfile",
            "LaunchTemplateData.UserData",
        ],
        "AWS::AutoScaling::LaunchConfiguration" => &["IamInstanceProfile", "UserData"],
        "AWS::Batch::JobDefinition" => &["ContainerProperties.JobRoleArn"],
        "AWS::CodeBuild::Project" => &["ServiceRole", "VpcConfig.Subnets", "Source.BuildSpec"],
        "AWS::Glue::Job" => &["Role"],
        "AWS::StepFunctions::StateMachine" => &["RoleArn"],
        "AWS::SageMaker::NotebookInstance" => &["RoleArn", "SubnetId"],
        _ => &["Role", "RoleArn", "ExecutionRoleArn", "ServiceRole"],
    }
}

pub(super) fn declare(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    for case in in_each_world(r, telling(&r.type_name)) {
        declare_case(linker, &case, out);
    }
}

fn declare_case(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    let mut ids = vec![own(r, "Ref"), own(r, "Arn")];
    ids.extend(text(p, "LaunchTemplateName"));
    workload::declare(linker, r, &ids, out);
    let script = |value: Option<&Value>| -> Vec<(Text, Place)> { strings(value) };
    let role = |name: &str| text(p, name).map(RunsAs::Role);
    let what = match &*r.type_name {
        "AWS::Lambda::Function" => Workload {
            runs_as: role("Role"),
            network: match property(p, "VpcConfig") {
                None => Network::Outside,
                Some(config) => subnets(items(config, "SubnetIds"), config),
            },
            strings: strings(inside(p, &["Environment", "Variables"])),
            scripts: Vec::new(),
        },
        "AWS::ECS::TaskDefinition" => Workload {
            runs_as: role("TaskRoleArn"),
            network: Network::Unknown,
            strings: strings(property(p, "ContainerDefinitions")),
            scripts: members(p, "ContainerDefinitions")
                .into_iter()
                // A container of some worlds shows nothing for all of them.
                .filter(|(guards, _)| guards.is_empty())
                .flat_map(|(_, c)| {
                    script(property(c, "Command"))
                        .into_iter()
                        .chain(script(property(c, "EntryPoint")))
                })
                .collect(),
        },
        "AWS::ECS::Service" => {
            let network = inside(p, &["NetworkConfiguration", "AwsvpcConfiguration"])
                .map(|c| subnets(items(c, "Subnets"), c));
            if let (Some(network), Some(workload)) = (network, text(p, "TaskDefinition")) {
                out.add(r, Declaration::WorkloadNetwork { workload, network });
            }
            return;
        }
        "AWS::EC2::Instance" => Workload {
            runs_as: text(p, "IamInstanceProfile").map(RunsAs::InstanceProfile),
            network: match text(p, "SubnetId") {
                Some(subnet) => subnets(vec![subnet], property(p, "SubnetId").unwrap_or(p)),
                None => Network::Unknown,
            },
            strings: Vec::new(),
            scripts: script(property(p, "UserData")),
        },
        "AWS::EC2::LaunchTemplate" => {
            let Some(data) = property(p, "LaunchTemplateData") else {
                return;
            };
            let profile = inside(data, &["IamInstanceProfile", "Arn"])
                .or_else(|| inside(data, &["IamInstanceProfile", "Name"]))
                .and_then(Value::as_text);
            Workload {
                runs_as: profile.map(RunsAs::InstanceProfile),
                network: Network::Unknown,
                strings: Vec::new(),
                scripts: script(property(data, "UserData")),
            }
        }
        "AWS::AutoScaling::LaunchConfiguration" => Workload {
            runs_as: text(p, "IamInstanceProfile").map(RunsAs::InstanceProfile),
            network: Network::Unknown,
            strings: Vec::new(),
            scripts: script(property(p, "UserData")),
        },
        "AWS::Batch::JobDefinition" => Workload {
            runs_as: inside(p, &["ContainerProperties", "JobRoleArn"])
                .and_then(Value::as_text)
                .map(RunsAs::Role),
            network: Network::Unknown,
            strings: strings(property(p, "ContainerProperties")),
            scripts: script(inside(p, &["ContainerProperties", "Command"])),
        },
        "AWS::CodeBuild::Project" => Workload {
            runs_as: role("ServiceRole"),
            network: match property(p, "VpcConfig") {
                None => Network::Unknown,
                Some(config) => subnets(items(config, "Subnets"), config),
            },
            strings: strings(inside(p, &["Environment", "EnvironmentVariables"])),
            scripts: script(inside(p, &["Source", "BuildSpec"])),
        },
        "AWS::Glue::Job" => Workload {
            runs_as: role("Role"),
            network: Network::Unknown,
            strings: strings(property(p, "DefaultArguments")),
            scripts: Vec::new(),
        },
        "AWS::StepFunctions::StateMachine" => {
            let definitions = state_machine(p);
            let given: Vec<(Arc<str>, Text)> = property(p, "DefinitionSubstitutions")
                .and_then(Value::as_map)
                .map(|m| {
                    m.iter()
                        .filter_map(|(name, e)| Some((name.clone(), e.value.as_text()?)))
                        .collect()
                })
                .unwrap_or_default();
            if let Some(role) = text(p, "RoleArn") {
                for task in definitions.iter().flat_map(|d| states::tasks(d, &given)) {
                    out.add_task(r, role.clone(), task);
                }
            }
            Workload {
                runs_as: role("RoleArn"),
                network: Network::Unknown,
                strings: definitions.iter().flat_map(|d| strings(Some(d))).collect(),
                scripts: Vec::new(),
            }
        }
        "AWS::SageMaker::NotebookInstance" => Workload {
            runs_as: role("RoleArn"),
            network: match text(p, "SubnetId") {
                Some(subnet) => subnets(vec![subnet], property(p, "SubnetId").unwrap_or(p)),
                None => Network::Unknown,
            },
            strings: Vec::new(),
            scripts: Vec::new(),
        },
        _ => return,
    };
    if what.runs_as.is_none() {
        return;
    }
    out.add(
        r,
        Declaration::Workload {
            ids,
            runs_as: what.runs_as,
            network: what.network,
            strings: what.strings,
            scripts: what.scripts,
            variables: variables(r),
        },
    );
}

/// Environment variables of what runs the scripts; those that a store keeps are not known.
fn variables(r: &Resource) -> Vec<(Arc<str>, Text)> {
    let p = &r.properties;
    let listed = match &*r.type_name {
        "AWS::CodeBuild::Project" => {
            property(p, "Environment").map(|e| members(e, "EnvironmentVariables"))
        }
        "AWS::ECS::TaskDefinition" => Some(
            members(p, "ContainerDefinitions")
                .into_iter()
                .flat_map(|(_, c)| members(c, "Environment"))
                .collect(),
        ),
        "AWS::Batch::JobDefinition" => {
            property(p, "ContainerProperties").map(|c| members(c, "Environment"))
        }
        _ => None,
    };
    let mut out = Vec::new();
    for (_, variable) in listed.unwrap_or_default() {
        let stored = property(variable, "Type").is_some_and(|t| t.as_str() != Some("PLAINTEXT"));
        if let Some(name) = property(variable, "Name").and_then(Value::as_str) {
            let value = text(variable, "Value").filter(|_| !stored);
            out.push((
                Arc::from(name),
                value.unwrap_or_else(|| Text::unknown(Unknown::because("a stored variable"))),
            ));
        }
    }
    out
}

struct Workload {
    runs_as: Option<RunsAs>,
    network: Network,
    strings: Vec<(Text, Place)>,
    scripts: Vec<(Text, Place)>,
}

/// The definition of a state machine, written as a mapping or as JSON in a text.
fn state_machine(p: &Value) -> Vec<Value> {
    let mut out: Vec<Value> = property(p, "Definition").into_iter().cloned().collect();
    if let Some(written) = property(p, "DefinitionString") {
        let parsed = written
            .as_text()
            .and_then(|t| crate::source::json::parse_text(&t, &written.place).ok());
        out.push(parsed.unwrap_or_else(|| written.clone()));
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
