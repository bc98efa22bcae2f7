//! The paths that a caller's upload takes: shown by its workloads, presumed from its trust policy, else the internet.

use crate::decision::EndpointKind;
use crate::facts::context::{means_caller, means_endpoint};
use crate::facts::{Bucket, Caller, Estate, Network, Workload};
use crate::upload::{Path, PathCertainty, Route};
use crate::value::{Place, Text};

/// Services whose roles run inside a VPC.
const IN_VPC: &[&str] = &[
    "ec2.amazonaws.com",
    "ec2.amazonaws.com.cn",
    "ecs-tasks.amazonaws.com",
    "batch.amazonaws.com",
    "pods.eks.amazonaws.com",
    "eks.amazonaws.com",
];

/// The ways of one workload; none where nothing shows where it runs.
pub fn of_workload(workload: &Workload, estate: &Estate, service: &str) -> Vec<Path> {
    match &workload.network {
        Network::Outside => vec![internet(PathCertainty::Shown, Some(workload.place.clone()))],
        Network::Subnets { subnets, place } => through_subnets(subnets, place, estate, service),
        Network::Unknown => Vec::new(),
    }
}

/// True for the identity provider of an EKS cluster: its service accounts run inside a VPC.
fn of_cluster(provider: &Text) -> bool {
    provider.display().contains("oidc.eks.")
}

/// The service whose endpoints carry uploads to a bucket.
pub fn service_of(bucket: &Bucket) -> &'static str {
    if bucket.directory { "s3express" } else { "s3" }
}

fn internet(certainty: PathCertainty, shown_by: Option<Place>) -> Path {
    Path {
        route: Route::Internet,
        certainty,
        access_point: None,
        shown_by,
    }
}

/// Every path that is to be judged by itself. Several endpoints of one presumed path are alternatives: the
/// inner list passes if one of them passes. `service` names the endpoints that carry it.
pub fn paths(caller: &Caller, estate: &Estate, service: &str) -> Vec<Vec<Path>> {
    let stated = stated(caller, estate);
    if !stated.is_empty() {
        return stated;
    }
    let mut out: Vec<Vec<Path>> = Vec::new();
    for workload in &caller.workloads {
        let alternatives = of_workload(workload, estate, service);
        if !alternatives.is_empty() && !out.contains(&alternatives) {
            out.push(alternatives);
        }
    }
    if !out.is_empty() {
        return out;
    }
    let in_cluster = caller.web_identity.iter().any(of_cluster);
    if in_cluster
        || caller
            .trusted_services
            .iter()
            .any(|s| s.as_literal().is_some_and(|s| IN_VPC.contains(&s)))
    {
        let presumed = presumed(caller, estate, service);
        if !presumed.is_empty() {
            return vec![presumed];
        }
    }
    if !in_cluster
        && !caller.web_identity.is_empty()
        && caller.trusted_services.is_empty()
        && !caller.trust_open
    {
        return vec![vec![internet(PathCertainty::HostedCi, None)]];
    }
    vec![vec![internet(PathCertainty::Assumed, None)]]
}

/// The paths that the configuration states, each judged by itself.
fn stated(caller: &Caller, estate: &Estate) -> Vec<Vec<Path>> {
    let entries = estate.stated.paths.iter();
    let entries = entries.filter(|entry| means_caller(&entry.caller, caller));
    entries
        .map(|entry| {
            let found = estate
                .endpoints
                .iter()
                .position(|e| means_endpoint(&entry.endpoint, e));
            let route = match (entry.endpoint.as_literal(), found) {
                (Some("internet"), _) => Route::Internet,
                (_, Some(index)) => Route::Endpoint(index),
                (_, None) => Route::Elsewhere,
            };
            vec![Path {
                route,
                certainty: PathCertainty::Shown,
                access_point: None,
                shown_by: Some(entry.place.clone()),
            }]
        })
        .collect()
}

fn through_subnets(subnets: &[Text], place: &Place, estate: &Estate, service: &str) -> Vec<Path> {
    let mut found: Vec<Path> = Vec::new();
    let mut internet_reached = false;
    let mut unknown = false;
    for id in subnets {
        let subnet = estate.subnets.iter().find(|s| s.id == *id);
        let mut reached = None;
        for (index, endpoint) in estate.endpoints.iter().enumerate() {
            if endpoint.service.as_deref() != Some(service) {
                continue;
            }
            let here = match endpoint.kind {
                EndpointKind::Gateway | EndpointKind::Unknown => {
                    let table = subnet.and_then(|s| s.route_table.as_ref());
                    table.is_some_and(|t| endpoint.route_tables.contains(t))
                }
                EndpointKind::Interface => {
                    subnet.is_some_and(|s| s.vpc.is_some() && s.vpc == endpoint.vpc)
                        && endpoint.private_dns.value() == Some(&true)
                }
            };
            // A gateway route wins over the public name of an interface endpoint only where both exist; the
            // route is what a regional name resolves to without private DNS.
            if here && (reached.is_none() || endpoint.kind == EndpointKind::Gateway) {
                reached = Some(index);
            }
        }
        match (reached, subnet) {
            (Some(index), _) => {
                let path = Path {
                    route: Route::Endpoint(index),
                    certainty: PathCertainty::Shown,
                    access_point: None,
                    shown_by: Some(place.clone()),
                };
                if !found.contains(&path) {
                    found.push(path);
                }
            }
            (None, Some(subnet)) if subnet.route_table.is_some() => internet_reached = true,
            // The main route table or a subnet that is not declared here: nothing shows where it leads.
            (None, _) => unknown = true,
        }
    }
    if unknown && found.is_empty() {
        // A subnet that is not declared: the endpoints of its VPC are not known.
        return Vec::new();
    }
    if internet_reached || found.is_empty() {
        found.push(internet(PathCertainty::Shown, Some(place.clone())));
    }
    found
}

/// The S3 endpoints of exactly one VPC in the caller's scope, those that carry traffic.
fn presumed(caller: &Caller, estate: &Estate, service: &str) -> Vec<Path> {
    let carrying: Vec<(usize, &crate::facts::VpcEndpoint)> = estate
        .endpoints
        .iter()
        .enumerate()
        .filter(|(_, e)| {
            e.scope == caller.scope
                && e.service.as_deref() == Some(service)
                && !e.open
                && match e.kind {
                    EndpointKind::Gateway => !e.route_tables.is_empty(),
                    EndpointKind::Interface => e.private_dns.value() == Some(&true),
                    EndpointKind::Unknown => false,
                }
        })
        .collect();
    let mut vpcs: Vec<&Option<Text>> = Vec::new();
    for (_, endpoint) in &carrying {
        if !vpcs.contains(&&endpoint.vpc) {
            vpcs.push(&endpoint.vpc);
        }
    }
    if vpcs.len() != 1 || vpcs.first().is_some_and(|v| v.is_none()) {
        return Vec::new();
    }
    carrying
        .into_iter()
        .map(|(index, _)| Path {
            route: Route::Endpoint(index),
            certainty: PathCertainty::Presumed,
            access_point: None,
            shown_by: None,
        })
        .collect()
}
