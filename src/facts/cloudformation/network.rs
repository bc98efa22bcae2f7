//! VPC endpoints, subnets, route tables, and policies of Organizations.

use super::reading::{flag, items, members, own, property, text};
use crate::decision::EndpointKind;
use crate::facts::declare::{Declaration, Declarations};
use crate::facts::link::Linker;
use crate::policy::PolicyType;
use crate::source::Resource;

pub(super) fn declare(_: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    match &*r.type_name {
        "AWS::EC2::VPCEndpoint" => {
            let kind = match property(p, "VpcEndpointType").map(|v| v.as_str()) {
                None | Some(Some("Gateway")) => EndpointKind::Gateway,
                Some(Some("Interface")) => EndpointKind::Interface,
                Some(_) => EndpointKind::Unknown,
            };
            out.add(
                r,
                Declaration::Endpoint {
                    id: own(r, "Ref"),
                    vpc: text(p, "VpcId"),
                    service: text(p, "ServiceName"),
                    kind,
                    document: property(p, "PolicyDocument").cloned(),
                    route_tables: items(p, "RouteTableIds"),
                    subnets: items(p, "SubnetIds"),
                    private_dns: flag(p, "PrivateDnsEnabled", false),
                },
            );
        }
        "AWS::EC2::Subnet" => out.add(
            r,
            Declaration::Subnet {
                id: own(r, "Ref"),
                vpc: text(p, "VpcId"),
            },
        ),
        "AWS::EC2::SubnetRouteTableAssociation" => {
            if let (Some(subnet), Some(route_table)) =
                (text(p, "SubnetId"), text(p, "RouteTableId"))
            {
                out.add(
                    r,
                    Declaration::RouteTableAssociation {
                        subnet,
                        route_table,
                    },
                );
            }
        }
        "AWS::Organizations::Policy" => {
            let policy_type = match property(p, "Type").and_then(|v| v.as_str()) {
                Some("SERVICE_CONTROL_POLICY") => PolicyType::Scp,
                Some("RESOURCE_CONTROL_POLICY") => PolicyType::Rcp,
                _ => return,
            };
            let Some(document) = property(p, "Content") else {
                return;
            };
            let id = own(r, "Ref");
            out.add(
                r,
                Declaration::OrganizationPolicy {
                    id: id.clone(),
                    policy_type,
                    document: document.clone(),
                },
            );
            for (guards, target) in members(p, "TargetIds") {
                if let Some(target) = target.as_text() {
                    let what = Declaration::OrganizationAttachment {
                        policy: id.clone(),
                        target,
                    };
                    out.add_at(r, r.place.clone(), guards, what);
                }
            }
        }
        _ => {}
    }
}
