//! What `Ref` and `Fn::GetAtt` of CloudFormation's resources are, as texts in terms of other texts.

use super::reading::text;
use crate::facts::link::{Linker, NameKind, generated_name, without_scheme};
use crate::source::Resource;
use crate::value::Text;

/// `arn:<partition>:<service>:<region>:<account>:` and the rest.
fn arn(linker: &Linker<'_>, r: &Resource, service: &str, regional: bool, rest: &[&Text]) -> Text {
    let mut out = Text::literal("arn:");
    out.push(&linker.partition(r.scope, &r.provider));
    out.push_str(&format!(":{service}:"));
    if regional {
        out.push(&linker.region(r.scope, &r.provider));
    }
    out.push_str(":");
    if service != "s3" || regional {
        out.push(&linker.account(r.scope, &r.provider).id);
    }
    out.push_str(":");
    rest.iter().for_each(|p| out.push(p));
    out
}

/// The name that is written, or that CloudFormation will generate.
fn name(r: &Resource, property: &str) -> Text {
    text(&r.properties, property)
        .filter(|t| !t.is_empty())
        .unwrap_or_else(|| generated_name(r))
}

fn iam(
    linker: &Linker<'_>,
    r: &Resource,
    kind: &str,
    property: &str,
    attribute: &str,
) -> Option<Text> {
    let path = text(&r.properties, "Path").unwrap_or_else(|| Text::literal("/"));
    match attribute {
        "Ref" | "name" => Some(name(r, property)),
        "Arn" => Some(arn(
            linker,
            r,
            "iam",
            false,
            &[&Text::literal(kind), &path, &name(r, property)],
        )),
        _ => None,
    }
}

/// See [`crate::facts::link::Table::attribute`].
pub fn attribute(linker: &Linker<'_>, r: &Resource, attribute: &str) -> Option<Text> {
    match &*r.type_name {
        "AWS::S3::Bucket" => {
            let bucket = name(r, "BucketName");
            match attribute {
                "Ref" | "name" => Some(bucket),
                "Arn" => Some(arn(linker, r, "s3", false, &[&bucket])),
                "DomainName" => {
                    let mut out = bucket;
                    out.push_str(".s3.amazonaws.com");
                    Some(out)
                }
                "RegionalDomainName" => {
                    let mut out = bucket;
                    out.push_str(".s3.");
                    out.push(&linker.region(r.scope, &r.provider));
                    out.push_str(".amazonaws.com");
                    Some(out)
                }
                _ => None,
            }
        }
        "AWS::S3Express::DirectoryBucket" => {
            let bucket = name(r, "BucketName");
            match attribute {
                "Ref" | "name" => Some(bucket),
                "Arn" => Some(arn(
                    linker,
                    r,
                    "s3express",
                    true,
                    &[&Text::literal("bucket/"), &bucket],
                )),
                _ => None,
            }
        }
        "AWS::S3::AccessPoint" => match attribute {
            "Ref" | "Name" => Some(name(r, "Name")),
            "Arn" => Some(arn(
                linker,
                r,
                "s3",
                true,
                &[&Text::literal("accesspoint/"), &name(r, "Name")],
            )),
            _ => None,
        },
        "AWS::S3::MultiRegionAccessPoint" => match attribute {
            "Ref" => Some(name(r, "Name")),
            // AWS names it by an alias of its own.
            "Alias" => Some(generated_name(r)),
            "Arn" => {
                let mut out = Text::literal("arn:");
                out.push(&linker.partition(r.scope, &r.provider));
                out.push_str(":s3::");
                out.push(&linker.account(r.scope, &r.provider).id);
                out.push_str(":accesspoint/");
                out.push(&generated_name(r));
                Some(out)
            }
            _ => None,
        },
        "AWS::EKS::Cluster" if attribute == "OpenIdConnectIssuerUrl" => {
            let mut out = Text::literal("https://oidc.eks.");
            out.push(&linker.region(r.scope, &r.provider));
            out.push_str(".amazonaws.com/id/");
            out.push(&generated_name(r));
            Some(out)
        }
        "AWS::IAM::OIDCProvider" if matches!(attribute, "Ref" | "Arn") => {
            let url = linker.resolve(&text(&r.properties, "Url")?);
            Some(arn(
                linker,
                r,
                "iam",
                false,
                &[&Text::literal("oidc-provider/"), &without_scheme(&url)],
            ))
        }
        "AWS::IAM::Role" => iam(linker, r, "role", "RoleName", attribute),
        "AWS::IAM::User" => iam(linker, r, "user", "UserName", attribute),
        "AWS::IAM::Group" => iam(linker, r, "group", "GroupName", attribute),
        "AWS::IAM::InstanceProfile" => iam(
            linker,
            r,
            "instance-profile",
            "InstanceProfileName",
            attribute,
        ),
        "AWS::IAM::ManagedPolicy" => match attribute {
            "Ref" | "PolicyArn" | "Arn" => iam(linker, r, "policy", "ManagedPolicyName", "Arn"),
            "name" => Some(name(r, "ManagedPolicyName")),
            _ => None,
        },
        "AWS::KMS::Key" | "AWS::KMS::ReplicaKey" => match attribute {
            "Ref" | "KeyId" => Some(generated_name(r)),
            "Arn" => Some(arn(
                linker,
                r,
                "kms",
                true,
                &[&Text::literal("key/"), &generated_name(r)],
            )),
            _ => None,
        },
        "AWS::KMS::Alias" => match attribute {
            "Ref" | "name" => Some(name(r, "AliasName")),
            "Arn" => Some(arn(linker, r, "kms", true, &[&name(r, "AliasName")])),
            "target_key_arn" => {
                let key = linker.resolve(&text(&r.properties, "TargetKeyId")?);
                if key.known_prefix().starts_with("arn:") {
                    Some(key)
                } else {
                    Some(arn(linker, r, "kms", true, &[&Text::literal("key/"), &key]))
                }
            }
            "target_key_id" => text(&r.properties, "TargetKeyId"),
            _ => None,
        },
        "AWS::EC2::VPC" => matches!(attribute, "Ref" | "VpcId").then(|| generated_name(r)),
        "AWS::EC2::Subnet" => matches!(attribute, "Ref" | "SubnetId").then(|| generated_name(r)),
        "AWS::EC2::RouteTable" => {
            matches!(attribute, "Ref" | "RouteTableId").then(|| generated_name(r))
        }
        "AWS::EC2::VPCEndpoint" => matches!(attribute, "Ref" | "Id").then(|| generated_name(r)),
        "AWS::Organizations::Policy" => {
            matches!(attribute, "Ref" | "Id").then(|| generated_name(r))
        }
        "AWS::CloudTrail::Trail" => match attribute {
            "Ref" => Some(name(r, "TrailName")),
            "Arn" => Some(arn(
                linker,
                r,
                "cloudtrail",
                true,
                &[&Text::literal("trail/"), &name(r, "TrailName")],
            )),
            _ => None,
        },
        "AWS::CloudFront::Distribution" if matches!(attribute, "Ref" | "Id") => {
            Some(generated_name(r))
        }
        "AWS::Lambda::Function" => match attribute {
            "Ref" => Some(name(r, "FunctionName")),
            "Arn" => Some(arn(
                linker,
                r,
                "lambda",
                true,
                &[&Text::literal("function:"), &name(r, "FunctionName")],
            )),
            _ => None,
        },
        _ => None,
    }
}

/// See [`crate::facts::link::Table::named`].
pub fn named(_: &Linker<'_>, r: &Resource) -> Option<(NameKind, Text)> {
    let (kind, property) = match &*r.type_name {
        "AWS::IAM::Role" => (NameKind::Role, "RoleName"),
        "AWS::IAM::User" => (NameKind::User, "UserName"),
        "AWS::IAM::Group" => (NameKind::Group, "GroupName"),
        "AWS::IAM::ManagedPolicy" => (NameKind::Policy, "ManagedPolicyName"),
        "AWS::KMS::Alias" => (NameKind::Alias, "AliasName"),
        "AWS::IAM::InstanceProfile" => (NameKind::InstanceProfile, "InstanceProfileName"),
        _ => return None,
    };
    Some((kind, name(r, property)))
}
