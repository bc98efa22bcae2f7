//! What the attributes of Terraform's resources and data sources are, as texts in terms of other texts.

use super::lookup;
use super::reading::text;
use crate::facts::link::{Linker, NameKind, generated_name, pseudo, without_scheme};
use crate::source::Resource;
use crate::value::{SymbolKind, Text};

fn joined(parts: &[&Text]) -> Text {
    let mut out = Text::default();
    parts.iter().for_each(|p| out.push(p));
    out
}

/// `arn:<partition>:<service>:<region>:<account>:` of the resource's provider.
fn arn(linker: &Linker<'_>, r: &Resource, service: &str, regional: bool, rest: &[&Text]) -> Text {
    let mut out = Text::literal("arn:");
    out.push(&linker.partition(r.scope, &r.provider));
    out.push_str(&format!(":{service}:"));
    if regional {
        out.push(&region(linker, r));
    }
    out.push_str(":");
    if service != "s3" {
        out.push(&linker.account(r.scope, &r.provider).id);
    }
    out.push_str(":");
    rest.iter().for_each(|p| out.push(p));
    out
}

/// The address at which a cluster names its service accounts.
fn issuer(linker: &Linker<'_>, r: &Resource) -> Text {
    let mut out = Text::literal("https://oidc.eks.");
    out.push(&region(linker, r));
    out.push_str(".amazonaws.com/id/");
    out.push(&generated_name(r));
    out
}

/// `arn:<partition>:s3:<region>:<account>:accesspoint/<name>`; without a Region for one of several.
fn access_point(linker: &Linker<'_>, r: &Resource, region: &Text, name: &Text) -> Text {
    let mut out = Text::literal("arn:");
    out.push(&linker.partition(r.scope, &r.provider));
    out.push_str(":s3:");
    out.push(region);
    out.push_str(":");
    out.push(&linker.account(r.scope, &r.provider).id);
    out.push_str(":accesspoint/");
    out.push(name);
    out
}

fn region(linker: &Linker<'_>, r: &Resource) -> Text {
    text(&r.properties, "region").unwrap_or_else(|| linker.region(r.scope, &r.provider))
}

fn name(r: &Resource, argument: &str) -> Text {
    text(&r.properties, argument)
        .filter(|t| !t.is_empty())
        .unwrap_or_else(|| generated_name(r))
}

/// An IAM entity: its name and ARN.
fn iam(linker: &Linker<'_>, r: &Resource, kind: &str, attribute: &str) -> Option<Text> {
    let path = text(&r.properties, "path").unwrap_or_else(|| Text::literal("/"));
    match attribute {
        "name" | "id" => Some(name(r, "name")),
        "arn" => {
            let kind = Text::literal(kind);
            Some(arn(
                linker,
                r,
                "iam",
                false,
                &[&kind, &path, &name(r, "name")],
            ))
        }
        _ => None,
    }
}

/// A data source that names a declared resource is that resource.
fn same(
    linker: &Linker<'_>,
    r: &Resource,
    kind: NameKind,
    argument: &str,
    attribute: &str,
) -> Option<Text> {
    let found = linker.find(kind, &text(&r.properties, argument)?, r.scope)?;
    linker.of(found, attribute)
}

/// See [`crate::facts::link::Table::attribute`].
pub fn attribute(linker: &Linker<'_>, r: &Resource, attribute: &str) -> Option<Text> {
    // What a plan or a state knows already.
    if let Some(known) = text(&r.attributes, attribute) {
        return Some(known);
    }
    match (&*r.type_name, r.data) {
        ("aws_s3_bucket" | "aws_s3_directory_bucket", _) => {
            let bucket = name(r, "bucket");
            match attribute {
                "id" | "bucket" => Some(bucket),
                "arn" if &*r.type_name == "aws_s3_bucket" => {
                    Some(arn(linker, r, "s3", false, &[&bucket]))
                }
                "arn" => Some(arn(
                    linker,
                    r,
                    "s3express",
                    true,
                    &[&Text::literal("bucket/"), &bucket],
                )),
                "bucket_domain_name" => {
                    Some(joined(&[&bucket, &Text::literal(".s3.amazonaws.com")]))
                }
                "bucket_regional_domain_name" => {
                    let region = region(linker, r);
                    Some(joined(&[
                        &bucket,
                        &Text::literal(".s3."),
                        &region,
                        &Text::literal(".amazonaws.com"),
                    ]))
                }
                "region" | "bucket_region" => Some(region(linker, r)),
                _ => None,
            }
        }
        ("aws_iam_role", true) => same(linker, r, NameKind::Role, "name", attribute),
        ("aws_iam_user", true) => same(linker, r, NameKind::User, "user_name", attribute),
        ("aws_iam_policy", true) => {
            if attribute == "arn" {
                text(&r.properties, "arn")
                    .or_else(|| same(linker, r, NameKind::Policy, "name", attribute))
            } else {
                same(linker, r, NameKind::Policy, "name", attribute)
            }
        }
        ("aws_kms_alias", true) => match attribute {
            "target_key_arn" => same(linker, r, NameKind::Alias, "name", "target_key_arn"),
            "target_key_id" => same(linker, r, NameKind::Alias, "name", "target_key_id"),
            "arn" | "name" => same(linker, r, NameKind::Alias, "name", attribute),
            _ => None,
        },
        ("aws_kms_key", true) => {
            let id = linker.resolve(&text(&r.properties, "key_id")?);
            match (attribute, id.known_prefix()) {
                ("arn", p) if p.starts_with("alias/") => {
                    let alias = linker.find(NameKind::Alias, &id, r.scope)?;
                    linker.of(alias, "target_key_arn")
                }
                ("id", p) if p.starts_with("alias/") => {
                    let alias = linker.find(NameKind::Alias, &id, r.scope)?;
                    linker.of(alias, "target_key_id")
                }
                ("arn", p) if p.starts_with("arn:") => Some(id),
                ("arn", _) => Some(arn(linker, r, "kms", true, &[&Text::literal("key/"), &id])),
                _ => None,
            }
        }
        ("aws_caller_identity", true) if attribute == "account_id" || attribute == "id" => {
            Some(pseudo(
                r.scope,
                SymbolKind::Account,
                &r.provider,
                "the account is not stated",
            ))
        }
        ("aws_region", true) if matches!(attribute, "name" | "id" | "region") => {
            Some(region(linker, r))
        }
        ("aws_partition", true) if matches!(attribute, "partition" | "id") => {
            Some(linker.partition(r.scope, &r.provider))
        }
        (_, true) => lookup::attribute(linker, r, attribute),
        ("aws_iam_role", _) => iam(linker, r, "role", attribute),
        ("aws_iam_user", _) => iam(linker, r, "user", attribute),
        ("aws_iam_group", _) => iam(linker, r, "group", attribute),
        ("aws_iam_instance_profile", _) => iam(linker, r, "instance-profile", attribute),
        ("aws_iam_policy", _) if attribute == "id" => iam(linker, r, "policy", "arn"),
        ("aws_iam_policy", _) => iam(linker, r, "policy", attribute),
        (
            "aws_kms_key"
            | "aws_kms_external_key"
            | "aws_kms_replica_key"
            | "aws_kms_replica_external_key",
            _,
        ) => match attribute {
            "id" | "key_id" => Some(generated_name(r)),
            "arn" => Some(arn(
                linker,
                r,
                "kms",
                true,
                &[&Text::literal("key/"), &generated_name(r)],
            )),
            _ => None,
        },
        ("aws_kms_alias", _) => match attribute {
            "name" | "id" => Some(name(r, "name")),
            "arn" => Some(arn(linker, r, "kms", true, &[&name(r, "name")])),
            "target_key_id" => text(&r.properties, "target_key_id"),
            "target_key_arn" => {
                let key = linker.resolve(&text(&r.properties, "target_key_id")?);
                if key.known_prefix().starts_with("arn:") {
                    Some(key)
                } else {
                    Some(arn(linker, r, "kms", true, &[&Text::literal("key/"), &key]))
                }
            }
            _ => None,
        },
        ("aws_s3_access_point", _) => match attribute {
            "name" => Some(name(r, "name")),
            "arn" => Some(access_point(
                linker,
                r,
                &region(linker, r),
                &name(r, "name"),
            )),
            _ => None,
        },
        ("aws_s3control_multi_region_access_point", _) => match attribute {
            "name" => text(super::reading::block(&r.properties, "details")?, "name"),
            // AWS names it by an alias of its own.
            "alias" => Some(generated_name(r)),
            "arn" => Some(access_point(
                linker,
                r,
                &Text::default(),
                &generated_name(r),
            )),
            _ => None,
        },
        ("aws_cloudtrail", _) => match attribute {
            "id" | "name" => Some(name(r, "name")),
            "arn" => Some(arn(
                linker,
                r,
                "cloudtrail",
                true,
                &[&Text::literal("trail/"), &name(r, "name")],
            )),
            _ => None,
        },
        ("aws_eks_cluster", _) if attribute.contains("issuer") => Some(issuer(linker, r)),
        ("aws_iam_openid_connect_provider", _) if matches!(attribute, "arn" | "id") => {
            let url = linker.resolve(&text(&r.properties, "url")?);
            Some(arn(
                linker,
                r,
                "iam",
                false,
                &[&Text::literal("oidc-provider/"), &without_scheme(&url)],
            ))
        }
        ("aws_cloudfront_distribution", _) => match attribute {
            "id" => Some(generated_name(r)),
            "arn" => Some(arn(
                linker,
                r,
                "cloudfront",
                false,
                &[&Text::literal("distribution/"), &generated_name(r)],
            )),
            _ => None,
        },
        (
            "aws_vpc"
            | "aws_subnet"
            | "aws_route_table"
            | "aws_vpc_endpoint"
            | "aws_organizations_policy",
            _,
        ) if attribute == "id" => Some(generated_name(r)),
        // These resources are named after their bucket.
        (t, _) if t.starts_with("aws_s3_bucket_") && matches!(attribute, "bucket" | "id") => {
            text(&r.properties, "bucket")
        }
        _ => None,
    }
}

/// See [`crate::facts::link::Table::named`].
pub fn named(_: &Linker<'_>, r: &Resource) -> Option<(NameKind, Text)> {
    let kind = match &*r.type_name {
        "aws_iam_role" => NameKind::Role,
        "aws_iam_user" => NameKind::User,
        "aws_iam_group" => NameKind::Group,
        "aws_iam_policy" => NameKind::Policy,
        "aws_kms_alias" => NameKind::Alias,
        "aws_iam_instance_profile" => NameKind::InstanceProfile,
        _ => return None,
    };
    Some((kind, name(r, "name")))
}
