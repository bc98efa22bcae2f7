//! Roles, users, groups, their policies, and KMS keys.

use super::reading::{flag, members, own, property, setting, tags, texts};
use crate::facts::Setting;
use crate::facts::declare::{Declaration, Declarations, Holder, HolderKind};
use crate::facts::link::Linker;
use crate::policy::guards::join;
use crate::source::Resource;
use crate::value::Value;

/// Lists of holders in policy resources.
const HOLDERS: [(&str, HolderKind); 3] = [
    ("Roles", HolderKind::Role),
    ("Users", HolderKind::User),
    ("Groups", HolderKind::Group),
];

pub(super) fn declare(_: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    match &*r.type_name {
        "AWS::IAM::Role" => {
            out.add(
                r,
                Declaration::Role {
                    name: own(r, "Ref"),
                    arn: own(r, "Arn"),
                    trust: property(p, "AssumeRolePolicyDocument").cloned(),
                    boundary: property(p, "PermissionsBoundary").cloned(),
                    tags: tags(p),
                },
            );
            held(r, HolderKind::Role, out);
        }
        "AWS::IAM::User" => {
            out.add(
                r,
                Declaration::User {
                    name: own(r, "Ref"),
                    arn: own(r, "Arn"),
                    boundary: property(p, "PermissionsBoundary").cloned(),
                    tags: tags(p),
                },
            );
            held(r, HolderKind::User, out);
            for (guards, group) in members(p, "Groups") {
                if let Some(group) = group.as_text() {
                    let what = Declaration::GroupMembership {
                        user: own(r, "Ref"),
                        group,
                    };
                    out.add_at(r, r.place.clone(), guards, what);
                }
            }
        }
        "AWS::IAM::Group" => {
            out.add(
                r,
                Declaration::Group {
                    name: own(r, "Ref"),
                    arn: own(r, "Arn"),
                },
            );
            held(r, HolderKind::Group, out);
        }
        "AWS::IAM::UserToGroupAddition" => {
            for (guards, user) in members(p, "Users") {
                for (more, group) in texts(p, "GroupName") {
                    let (Some(user), Some(guards)) = (user.as_text(), join(&guards, &more)) else {
                        continue;
                    };
                    let what = Declaration::GroupMembership { user, group };
                    out.add_at(r, r.place.clone(), guards, what);
                }
            }
        }
        "AWS::IAM::Policy" => {
            let Some(document) = property(p, "PolicyDocument") else {
                return;
            };
            for (list, kind) in HOLDERS {
                for (guards, named) in members(p, list) {
                    let Some(named) = named.as_text() else {
                        continue;
                    };
                    let what = Declaration::InlinePolicy {
                        holder: Holder { kind, named },
                        document: document.clone(),
                    };
                    out.add_at(r, r.place.clone(), guards, what);
                }
            }
        }
        "AWS::IAM::RolePolicy" => beside(r, HolderKind::Role, "RoleName", out),
        "AWS::IAM::UserPolicy" => beside(r, HolderKind::User, "UserName", out),
        "AWS::IAM::GroupPolicy" => beside(r, HolderKind::Group, "GroupName", out),
        "AWS::IAM::ManagedPolicy" => {
            if let Some(document) = property(p, "PolicyDocument") {
                let what = Declaration::ManagedPolicy {
                    name: own(r, "name"),
                    arn: own(r, "Ref"),
                    document: document.clone(),
                };
                out.add(r, what);
            }
            for (list, kind) in HOLDERS {
                for (guards, named) in members(p, list) {
                    let Some(named) = named.as_text() else {
                        continue;
                    };
                    let what = Declaration::Attachment {
                        holder: Holder { kind, named },
                        policy: own(r, "Ref"),
                    };
                    out.add_at(r, r.place.clone(), guards, what);
                }
            }
        }
        "AWS::IAM::InstanceProfile" => {
            for (guards, role) in members(p, "Roles") {
                if let Some(role) = role.as_text() {
                    let what = Declaration::InstanceProfile {
                        name: own(r, "Ref"),
                        arn: own(r, "Arn"),
                        role,
                    };
                    out.add_at(r, r.place.clone(), guards, what);
                }
            }
        }
        "AWS::KMS::Key" | "AWS::KMS::ReplicaKey" => {
            let is = |name: &str, wanted: &str| {
                setting(property(p, name), Setting::Default(true), |v| {
                    v.as_str().map(|s| s == wanted)
                })
            };
            let symmetric = match is("KeyUsage", "ENCRYPT_DECRYPT") {
                Setting::Default(_) | Setting::Is(true, _) => is("KeySpec", "SYMMETRIC_DEFAULT"),
                other => other,
            };
            out.add(
                r,
                Declaration::Key {
                    id: own(r, "Ref"),
                    arn: own(r, "Arn"),
                    document: property(p, "KeyPolicy").cloned(),
                    region: None,
                    enabled: flag(p, "Enabled", true),
                    symmetric,
                },
            );
        }
        "AWS::KMS::Alias" => {
            for (guards, key) in texts(p, "TargetKeyId") {
                let what = Declaration::Alias {
                    name: own(r, "Ref"),
                    key,
                };
                out.add_at(r, r.place.clone(), guards, what);
            }
        }
        _ => {}
    }
}

/// `Policies` and `ManagedPolicyArns` of a holder.
fn held(r: &Resource, kind: HolderKind, out: &mut Declarations) {
    let p = &r.properties;
    let holder = || Holder {
        kind,
        named: own(r, "Ref"),
    };
    for (guards, policy) in members(p, "Policies") {
        match property(policy, "PolicyDocument") {
            Some(document) => {
                let what = Declaration::InlinePolicy {
                    holder: holder(),
                    document: document.clone(),
                };
                out.add_at(r, r.place.clone(), guards, what);
            }
            None => {
                let why = "an inline policy is not known".into();
                out.add_at(
                    r,
                    r.place.clone(),
                    guards,
                    Declaration::OpenHolder {
                        holder: holder(),
                        why,
                    },
                );
            }
        }
    }
    for (guards, policy) in members(p, "ManagedPolicyArns") {
        match policy.as_text() {
            Some(policy) => {
                out.add_at(
                    r,
                    r.place.clone(),
                    guards,
                    Declaration::Attachment {
                        holder: holder(),
                        policy,
                    },
                );
            }
            None => {
                let why = "a managed policy is not known".into();
                out.add_at(
                    r,
                    r.place.clone(),
                    guards,
                    Declaration::OpenHolder {
                        holder: holder(),
                        why,
                    },
                );
            }
        }
    }
}

fn beside(r: &Resource, kind: HolderKind, name: &str, out: &mut Declarations) {
    let document: Option<&Value> = property(&r.properties, "PolicyDocument");
    for (guards, named) in texts(&r.properties, name) {
        if let Some(document) = document {
            let what = Declaration::InlinePolicy {
                holder: Holder { kind, named },
                document: document.clone(),
            };
            out.add_at(r, r.place.clone(), guards, what);
        }
    }
}
