//! VPC endpoints, subnets, route tables and policies of Organizations.

use super::reading::{argument, flag, items, own, text};
use crate::decision::EndpointKind;
use crate::facts::declare::{Declaration, Declarations};
use crate::facts::link::Linker;
use crate::policy::PolicyType;
use crate::source::Resource;

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
        "aws_vpc_endpoint_policy" => text(p, "vpc_endpoint_id")
            .zip(argument(p, "policy"))
            .map(|(endpoint, document)| Declaration::EndpointPolicy { endpoint, document: document.clone() }),
        "aws_vpc_endpoint_route_table_association" => text(p, "vpc_endpoint_id")
            .zip(text(p, "route_table_id"))
            .map(|(endpoint, route_table)| Declaration::EndpointRoute { endpoint, route_table }),
        "aws_vpc_endpoint_subnet_association" => text(p, "vpc_endpoint_id")
            .zip(text(p, "subnet_id"))
            .map(|(endpoint, subnet)| Declaration::EndpointSubnet { endpoint, subnet }),
        "aws_subnet" => Some(Declaration::Subnet { id: own(r, "id"), vpc: text(p, "vpc_id") }),
        "aws_organizations_policy" => {
            let policy_type = match argument(p, "type").map(|v| v.as_str()) {
                None | Some(Some("SERVICE_CONTROL_POLICY")) => Some(PolicyType::Scp),
                Some(Some("RESOURCE_CONTROL_POLICY")) => Some(PolicyType::Rcp),
                Some(_) => None,
            };
            policy_type.zip(argument(p, "content")).map(|(policy_type, document)| {
                Declaration::OrganizationPolicy { id: own(r, "id"), policy_type, document: document.clone() }
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
