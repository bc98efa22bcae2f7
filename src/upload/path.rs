//! The paths that a caller's upload takes: shown by its workloads, presumed from its trust policy, else the internet.

use std::sync::Arc;

use crate::decision::{EndpointKind, Match, World};
use crate::facts::context::{means_caller, means_endpoint};
use crate::facts::{Bucket, Caller, Estate, Network, VpcEndpoint, Workload};
use crate::policy::guards::{arms, exclude, implies, join, worlds};
use crate::upload::worlds::WORLDS;
use crate::upload::{Path, PathCertainty, Route};
use crate::value::{Guard, Guards, Place, Text};

/// Services whose roles run inside a VPC.
const IN_VPC: &[&str] = &[
    "ec2.amazonaws.com",
    "ec2.amazonaws.com.cn",
    "ecs-tasks.amazonaws.com",
    "batch.amazonaws.com",
    "pods.eks.amazonaws.com",
    "eks.amazonaws.com",
];

/// The ways of one workload, in whatever world; none where nothing shows where it runs.
pub fn of_workload(
    caller: &Caller,
    workload: &Workload,
    estate: &Estate,
    service: &str,
) -> Vec<Path> {
    join(&caller.guards, &workload.guards)
        .and_then(|guards| cases(workload, &guards, estate, service))
        .map_or_else(Vec::new, |cases| cases.into_iter().flatten().collect())
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
        guards: Vec::new(),
    }
}

/// How a caller's upload goes: one case, or several of which each holds in some worlds and together in all.
pub struct Way {
    /// Address of the workload that shows it.
    workload: Option<Arc<str>>,
    /// Several paths of one case are alternatives: it passes if one of them passes.
    pub cases: Vec<Vec<Path>>,
}

impl Way {
    pub fn one(paths: Vec<Path>) -> Way {
        Way {
            workload: None,
            cases: vec![paths],
        }
    }

    /// Where the way is the same in each world, no condition takes part beyond those that all cases share.
    fn fold(&mut self) {
        let routes = |paths: &[Path]| paths.iter().map(|p| p.route.clone()).collect::<Vec<_>>();
        let Some((first, rest)) = self.cases.split_first_mut() else {
            return;
        };
        if rest.iter().any(|o| routes(o) != routes(first)) {
            return;
        }
        let others: Vec<&Guards> = rest.iter().flatten().map(|p| &p.guards).collect();
        for path in first.iter_mut() {
            path.guards
                .retain(|g| others.iter().all(|o| implies(o, std::slice::from_ref(g))));
        }
        self.cases.truncate(1);
    }
}

/// Every way that is to be judged by itself. `service` names the endpoints that carry it.
pub fn ways(caller: &Caller, estate: &Estate, service: &str) -> Vec<Way> {
    let stated = stated(caller, estate);
    if !stated.is_empty() {
        return stated.into_iter().map(Way::one).collect();
    }
    let mut out: Vec<Way> = Vec::new();
    for workload in &caller.workloads {
        let Some(guards) = join(&caller.guards, &workload.guards) else {
            continue;
        };
        let Some(cases) = cases(workload, &guards, estate, service) else {
            continue;
        };
        // One workload in several worlds goes one way, by several cases.
        let address = Some(&workload.address);
        let known = out.iter_mut().find(|way| way.workload.as_ref() == address);
        if let Some(way) = known {
            way.cases.extend(cases);
        } else if !out.iter().any(|way| way.cases == cases) {
            out.push(Way {
                workload: Some(workload.address.clone()),
                cases,
            });
        }
    }
    if !out.is_empty() {
        out.iter_mut().for_each(Way::fold);
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
            return vec![Way::one(presumed)];
        }
    }
    if !in_cluster
        && !caller.web_identity.is_empty()
        && caller.trusted_services.is_empty()
        && !caller.trust_open
    {
        return vec![Way::one(vec![internet(PathCertainty::HostedCi, None)])];
    }
    vec![Way::one(vec![internet(PathCertainty::Assumed, None)])]
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
                guards: Vec::new(),
            }]
        })
        .collect()
}

/// The paths of a workload, world by world where they differ; `None` where nothing shows them.
fn cases(
    workload: &Workload,
    guards: &Guards,
    estate: &Estate,
    service: &str,
) -> Option<Vec<Vec<Path>>> {
    let stands = World::of(guards);
    let mut inputs: Guards = Vec::new();
    let mut note = |asked: &[Guard]| {
        for guard in asked {
            let open = guard.arms > 1 && stands.holds(guard) == Match::Unknown;
            if open && !inputs.iter().any(|g| g.same_input(guard)) {
                inputs.push(guard.clone());
            }
        }
    };
    let subnets = mentioned(&workload.network, &mut note);
    if !subnets.is_empty() {
        for subnet in estate.subnets.iter().filter(|s| subnets.contains(&&s.id)) {
            subnet.route_tables.iter().for_each(|(g, _)| note(g));
        }
        for endpoint in estate
            .endpoints
            .iter()
            .filter(|e| e.service.as_deref() == Some(service))
        {
            note(&endpoint.guards);
            endpoint.route_tables.iter().for_each(|(g, _)| note(g));
        }
    }
    let inputs: Vec<Vec<Guard>> = inputs.iter().map(arms).collect();
    let mut out: Vec<Vec<Path>> = Vec::new();
    for further in worlds(&inputs, WORLDS)? {
        let world = stands.and(&further);
        let mut paths = match network_in(&workload.network, &world)? {
            Network::Outside => vec![internet(PathCertainty::Shown, Some(workload.place.clone()))],
            Network::Subnets { subnets, place } => {
                through_subnets(subnets, place, estate, service, &world)
            }
            Network::Unknown | Network::Choice(_) => return None,
        };
        if paths.is_empty() {
            return None;
        }
        let all: Guards = guards.iter().cloned().chain(further).collect();
        paths.iter_mut().for_each(|p| p.guards = all.clone());
        out.push(paths);
    }
    Some(out)
}

/// The subnets of a network, in whatever world; notes the guards of its arms.
fn mentioned<'n>(network: &'n Network, note: &mut dyn FnMut(&[Guard])) -> Vec<&'n Text> {
    match network {
        Network::Subnets { subnets, .. } => subnets.iter().collect(),
        Network::Outside | Network::Unknown => Vec::new(),
        Network::Choice(arms) => {
            let mut out = Vec::new();
            for (guards, inner) in arms {
                note(guards);
                out.extend(mentioned(inner, note));
            }
            out
        }
    }
}

/// The network of a world; `None` where the world leaves it open.
fn network_in<'n>(network: &'n Network, world: &World) -> Option<&'n Network> {
    match network {
        Network::Choice(arms) => arms
            .iter()
            .find(|(guards, _)| world.all(guards) == Match::Yes)
            .and_then(|(_, inner)| network_in(inner, world)),
        other => Some(other),
    }
}

fn through_subnets(
    subnets: &[Text],
    place: &Place,
    estate: &Estate,
    service: &str,
    world: &World,
) -> Vec<Path> {
    let mut found: Vec<Path> = Vec::new();
    let mut internet_reached = false;
    let mut unknown = false;
    let stands = |guards: &Guards| world.all(guards) != Match::No;
    for id in subnets {
        let subnet = estate.subnets.iter().find(|s| s.id == *id);
        // The table in this world.
        let table = subnet.and_then(|s| s.route_tables.iter().rev().find(|(g, _)| stands(g)));
        let mut reached = None;
        for (index, endpoint) in estate.endpoints.iter().enumerate() {
            if endpoint.service.as_deref() != Some(service) || !stands(&endpoint.guards) {
                continue;
            }
            let here = match endpoint.kind {
                EndpointKind::Gateway | EndpointKind::Unknown => table.is_some_and(|(_, t)| {
                    let mut routes = endpoint.route_tables.iter();
                    routes.any(|(g, route)| stands(g) && route == t)
                }),
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
        match (reached, table) {
            (Some(index), _) => {
                let path = Path {
                    route: Route::Endpoint(index),
                    certainty: PathCertainty::Shown,
                    access_point: None,
                    shown_by: Some(place.clone()),
                    guards: Vec::new(),
                };
                if !found.contains(&path) {
                    found.push(path);
                }
            }
            (None, Some(_)) => internet_reached = true,
            // The main route table or a subnet that is not declared here: nothing shows where it leads.
            (None, None) => unknown = true,
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
    let carrying: Vec<(usize, &VpcEndpoint)> = estate
        .endpoints
        .iter()
        .enumerate()
        .filter(|(_, e)| {
            e.scope == caller.scope
                && !exclude(&e.guards, &caller.guards)
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
            guards: Vec::new(),
        })
        .collect()
}
