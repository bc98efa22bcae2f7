//! Data sources that describe what they look for: a network's part by its tags and settings, an account of AWS by
//! its Region. What exactly one resource of the estate answers to is that resource.

use super::reading::{argument, blocks, text};
use crate::facts::link::{Linker, generated_name};
use crate::facts::service_accounts::{Service, account};
use crate::source::Resource;
use crate::value::{Text, Value, ValueKind};

/// What a data source asks of a resource.
enum Asked {
    Tag(String),
    /// By Terraform's name of the argument.
    Argument(&'static str),
}

/// Data sources of networks, with the resources that they can mean.
const NETWORK: [(&str, &str, &str); 4] = [
    ("aws_vpc", "aws_vpc", "AWS::EC2::VPC"),
    ("aws_subnet", "aws_subnet", "AWS::EC2::Subnet"),
    ("aws_route_table", "aws_route_table", "AWS::EC2::RouteTable"),
    (
        "aws_vpc_endpoint",
        "aws_vpc_endpoint",
        "AWS::EC2::VPCEndpoint",
    ),
];

/// Arguments that are compared: Terraform's name, the name in filters, CloudFormation's name.
const COMPARED: [(&str, &str, &str); 4] = [
    ("vpc_id", "vpc-id", "VpcId"),
    ("cidr_block", "cidr", "CidrBlock"),
    ("availability_zone", "availability-zone", "AvailabilityZone"),
    ("service_name", "service-name", "ServiceName"),
];

/// The attribute of such a data source.
pub(super) fn attribute(linker: &Linker<'_>, r: &Resource, attribute: &str) -> Option<Text> {
    let service = match &*r.type_name {
        "aws_elb_service_account" => Service::LoadBalancing,
        "aws_redshift_service_account" => Service::Redshift,
        "aws_cloudtrail_service_account" => Service::Trail,
        _ => return network(linker, r, attribute),
    };
    let region = text(&r.properties, "region").map_or_else(
        || linker.region(r.scope, &r.provider),
        |t| linker.resolve(&t),
    );
    let id = account(service, region.as_literal()?)?;
    match attribute {
        "id" => Some(Text::literal(id)),
        "arn" => {
            let partition = crate::facts::link::partition_of(region.as_literal()?);
            let who = match service {
                Service::Redshift => "user/logs",
                Service::LoadBalancing | Service::Trail => "root",
            };
            Some(Text::literal(format!("arn:{partition}:iam::{id}:{who}")))
        }
        _ => None,
    }
}

fn network(linker: &Linker<'_>, r: &Resource, attribute: &str) -> Option<Text> {
    let (_, terraform, cloudformation) =
        NETWORK.iter().find(|(data, ..)| *data == &*r.type_name)?;
    if attribute != "id" {
        return None;
    }
    if let Some(id) = text(&r.properties, "id") {
        return Some(id);
    }
    let asked = asked(&r.properties)?;
    let fits = |candidate: &Resource| {
        may_be_there(linker, r, candidate)
            && asked
                .iter()
                .all(|(what, wanted)| answers(linker, candidate, what, wanted))
    };
    let types = [*terraform, *cloudformation];
    let found = linker.only(&types, r.scope, &fits)?;
    Some(generated_name(found))
}

/// False where account or Region of both are known and differ.
fn may_be_there(linker: &Linker<'_>, r: &Resource, candidate: &Resource) -> bool {
    let may = |a: Text, b: Text| !a.is_literal() || !b.is_literal() || a == b;
    let account = |r: &Resource| linker.account(r.scope, &r.provider).id;
    let region = |r: &Resource| linker.region(r.scope, &r.provider);
    may(account(r), account(candidate)) && may(region(r), region(candidate))
}

/// Everything that is asked; `None` where nothing is, or something that is not compared.
fn asked(properties: &Value) -> Option<Vec<(Asked, Text)>> {
    let mut out = Vec::new();
    for (name, entry) in properties.as_map()?.iter() {
        if entry.value.is_null() {
            continue;
        }
        let compared = COMPARED.iter().find(|(own, ..)| **own == **name);
        match (compared, &**name) {
            (Some((name, ..)), _) => out.push((Asked::Argument(name), entry.value.as_text()?)),
            (_, "tags") => {
                for (key, tag) in entry.value.as_map()?.iter() {
                    out.push((Asked::Tag(key.to_string()), tag.value.as_text()?));
                }
            }
            (_, "filter") => {
                for filter in blocks(properties, "filter") {
                    let name = argument(filter, "name")?.as_str()?;
                    let [only] = argument(filter, "values")?.as_items()? else {
                        return None;
                    };
                    let wanted = only.as_text()?;
                    let pattern = |t: &Text| t.display().contains(['*', '?']);
                    if pattern(&wanted) {
                        return None;
                    }
                    let compared = COMPARED.iter().find(|(_, own, _)| *own == name);
                    match (compared, name.strip_prefix("tag:")) {
                        (Some((name, ..)), _) => out.push((Asked::Argument(name), wanted)),
                        (None, Some(tag)) => out.push((Asked::Tag(tag.to_string()), wanted)),
                        (None, None) => return None,
                    }
                }
            }
            (_, "state" | "region" | "provider" | "depends_on") => {}
            _ => return None,
        }
    }
    (!out.is_empty()).then_some(out)
}

/// True where the resource certainly has what is asked.
fn answers(linker: &Linker<'_>, candidate: &Resource, asked: &Asked, wanted: &Text) -> bool {
    let p = &candidate.properties;
    let template = candidate.type_name.contains("::");
    let own = match asked {
        Asked::Tag(key) => tag(p, key, template),
        Asked::Argument(name) => {
            let own = COMPARED.iter().find(|(own, ..)| own == name);
            let name = own.map_or(*name, |(_, _, own)| if template { own } else { name });
            text(p, name)
        }
    };
    let Some(own) = own else { return false };
    // Within one network a service has one name; its Region may be written in two ways.
    if matches!(asked, Asked::Argument("service_name")) {
        return last(&linker.resolve(&own))
            .is_some_and(|l| Some(l) == last(&linker.resolve(wanted)));
    }
    let same = linker.resolve(&own).identity();
    same.is_some() && same == linker.resolve(wanted).identity()
}

/// The service of `com.amazonaws.eu-west-1.s3`.
fn last(name: &Text) -> Option<String> {
    match name.pieces().last()? {
        crate::value::Piece::Literal(l) => l.rsplit('.').next().map(str::to_string),
        crate::value::Piece::Unknown(_) => None,
    }
}

fn tag(properties: &Value, key: &str, template: bool) -> Option<Text> {
    if !template {
        return argument(properties, "tags")?.get(key)?.as_text();
    }
    let ValueKind::List(tags) = &argument(properties, "Tags")?.kind else {
        return None;
    };
    let mut own = tags.iter().filter(|t| {
        let name = argument(t, "Key").and_then(Value::as_str);
        name == Some(key)
    });
    text(own.next()?, "Value")
}
