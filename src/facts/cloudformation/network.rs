//! VPC endpoints, subnets, route tables, and policies of Organizations.

use super::reading::{flag, in_each_world, items, members, own, property, text};
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
            // What is associated in every world stands in the endpoint; the rest beside it.
            let (always, under): (Vec<_>, Vec<_>) = members(p, "RouteTableIds")
                .into_iter()
                .filter_map(|(guards, v)| Some((guards, v.as_text()?)))
                .partition(|(guards, _)| guards.is_empty());
            for (guards, route_table) in under {
                let endpoint = own(r, "Ref");
                let what = Declaration::EndpointRoute {
                    endpoint,
                    route_table,
                };
                out.add_at(r, r.place.clone(), guards, what);
            }
            out.add(
                r,
                Declaration::Endpoint {
                    id: own(r, "Ref"),
                    vpc: text(p, "VpcId"),
                    service: text(p, "ServiceName"),
                    kind,
                    document: property(p, "PolicyDocument").cloned(),
                    route_tables: always.into_iter().map(|(_, t)| t).collect(),
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
            for case in in_each_world(r, &["SubnetId", "RouteTableId"]) {
                let p = &case.properties;
                if let (Some(subnet), Some(route_table)) =
                    (text(p, "SubnetId"), text(p, "RouteTableId"))
                {
                    let what = Declaration::RouteTableAssociation {
                        subnet,
                        route_table,
                    };
                    out.add(&case, what);
                }
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
