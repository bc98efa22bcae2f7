//! VPC endpoints, subnets, route tables, what runs in them, and policies of Organizations.

use super::reading::{argument, block, flag, items, own, text};
use crate::decision::EndpointKind;
use crate::facts::Network;
use crate::facts::declare::{Declaration, Declarations, RunsAs};
use crate::facts::link::Linker;
use crate::policy::PolicyType;
use crate::source::Resource;
use crate::value::{Place, Text, Value};

pub(super) fn declare(_: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    let what = match &*r.type_name {
        "aws_vpc_endpoint" => Some(Declaration::Endpoint {
            id: own(r, "id"),
            vpc: text(p, "vpc_id"),
            service: text(p, "service_name"),
            kind: match argument(p, "vpc_endpoint_type").map(|v| v.as_str()) {
                None | Some(Some("Gateway")) => EndpointKind::Gateway,
                Some(Some("Interface")) => EndpointKind::Interface,
                Some(_) => EndpointKind::Unknown,
            },
            document: argument(p, "policy").cloned(),
            route_tables: items(p, "route_table_ids"),
            subnets: items(p, "subnet_ids"),
            private_dns: flag(p, "private_dns_enabled", false),
        }),
        "aws_vpc_endpoint_policy" => {
            text(p, "vpc_endpoint_id")
                .zip(argument(p, "policy"))
                .map(|(endpoint, document)| Declaration::EndpointPolicy {
                    endpoint,
                    document: document.clone(),
                })
        }
        "aws_vpc_endpoint_route_table_association" => text(p, "vpc_endpoint_id")
            .zip(text(p, "route_table_id"))
            .map(|(endpoint, route_table)| Declaration::EndpointRoute {
                endpoint,
                route_table,
            }),
        "aws_vpc_endpoint_subnet_association" => text(p, "vpc_endpoint_id")
            .zip(text(p, "subnet_id"))
            .map(|(endpoint, subnet)| Declaration::EndpointSubnet { endpoint, subnet }),
        "aws_subnet" => Some(Declaration::Subnet {
            id: own(r, "id"),
            vpc: text(p, "vpc_id"),
        }),
        "aws_route_table_association" => {
            text(p, "subnet_id")
                .zip(text(p, "route_table_id"))
                .map(|(subnet, route_table)| Declaration::RouteTableAssociation {
                    subnet,
                    route_table,
                })
        }
        "aws_main_route_table_association" => text(p, "vpc_id")
            .zip(text(p, "route_table_id"))
            .map(|(vpc, route_table)| Declaration::MainRouteTable { vpc, route_table }),
        "aws_lambda_function" => text(p, "role").map(|role| Declaration::Workload {
            ids: vec![own(r, "arn")],
            runs_as: Some(RunsAs::Role(role)),
            network: match (p.get("vpc_config"), block(p, "vpc_config")) {
                (_, Some(config)) => subnets(items(config, "subnet_ids"), config),
                (Some(v), None) if v.as_items().is_none() && !v.is_null() => Network::Unknown,
                _ => Network::Outside,
            },
            strings: strings(block(p, "environment").and_then(|e| argument(e, "variables"))),
            scripts: Vec::new(),
            variables: Vec::new(),
        }),
        "aws_instance" => text(p, "iam_instance_profile").map(|profile| Declaration::Workload {
            ids: vec![own(r, "id")],
            runs_as: Some(RunsAs::InstanceProfile(profile)),
            network: match text(p, "subnet_id") {
                Some(subnet) => subnets(vec![subnet], p),
                None => Network::Unknown,
            },
            strings: Vec::new(),
            scripts: argument(p, "user_data")
                .and_then(|v| Some((v.as_text()?, v.place.clone())))
                .into_iter()
                .collect(),
            variables: Vec::new(),
        }),
        "aws_organizations_policy" => {
            let policy_type = match argument(p, "type").map(|v| v.as_str()) {
                None | Some(Some("SERVICE_CONTROL_POLICY")) => Some(PolicyType::Scp),
                Some(Some("RESOURCE_CONTROL_POLICY")) => Some(PolicyType::Rcp),
                Some(_) => None,
            };
            policy_type
                .zip(argument(p, "content"))
                .map(|(policy_type, document)| Declaration::OrganizationPolicy {
                    id: own(r, "id"),
                    policy_type,
                    document: document.clone(),
                })
        }
        "aws_organizations_policy_attachment" => text(p, "policy_id")
            .zip(text(p, "target_id"))
            .map(|(policy, target)| Declaration::OrganizationAttachment { policy, target }),
        _ => None,
    };
    if let Some(what) = what {
        out.add(r, what);
    }
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

/// The values of a map, with their places.
fn strings(map: Option<&Value>) -> Vec<(Text, Place)> {
    let Some(map) = map.and_then(Value::as_map) else {
        return Vec::new();
    };
    map.iter()
        .filter_map(|(_, e)| Some((e.value.as_text()?, e.value.place.clone())))
        .collect()
}
