//! Roles, users, groups, their policies, and KMS keys.

use super::reading::{argument, blocks, flag, items, own, setting, tags, text, texts};
use crate::facts::Setting;
use crate::facts::declare::{Declaration, Declarations, Holder, HolderKind};
use crate::facts::link::Linker;
use crate::source::Resource;

pub(super) fn declare(_: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    match &*r.type_name {
        "aws_iam_role" => {
            out.add(
                r,
                Declaration::Role {
                    name: own(r, "name"),
                    arn: own(r, "arn"),
                    trust: argument(p, "assume_role_policy").cloned(),
                    boundary: argument(p, "permissions_boundary").cloned(),
                    tags: tags(p),
                },
            );
            let holder = || Holder {
                kind: HolderKind::Role,
                named: own(r, "arn"),
            };
            for inline in blocks(p, "inline_policy") {
                if let Some(document) = argument(inline, "policy") {
                    out.add(
                        r,
                        Declaration::InlinePolicy {
                            holder: holder(),
                            document: document.clone(),
                        },
                    );
                }
            }
            attachments(r, "managed_policy_arns", holder(), out);
        }
        "aws_iam_user" => out.add(
            r,
            Declaration::User {
                name: own(r, "name"),
                arn: own(r, "arn"),
                boundary: argument(p, "permissions_boundary").cloned(),
                tags: tags(p),
            },
        ),
        "aws_iam_group" => out.add(
            r,
            Declaration::Group {
                name: own(r, "name"),
                arn: own(r, "arn"),
            },
        ),
        "aws_iam_role_policy" => inline(r, HolderKind::Role, "role", out),
        "aws_iam_user_policy" => inline(r, HolderKind::User, "user", out),
        "aws_iam_group_policy" => inline(r, HolderKind::Group, "group", out),
        "aws_iam_role_policy_attachment" => attach(r, HolderKind::Role, "role", out),
        "aws_iam_user_policy_attachment" => attach(r, HolderKind::User, "user", out),
        "aws_iam_group_policy_attachment" => attach(r, HolderKind::Group, "group", out),
        "aws_iam_policy_attachment" => {
            for (kind, argument) in [
                (HolderKind::Role, "roles"),
                (HolderKind::User, "users"),
                (HolderKind::Group, "groups"),
            ] {
                for named in items(p, argument) {
                    for (guards, policy) in texts(p, "policy_arn") {
                        let holder = Holder {
                            kind,
                            named: named.clone(),
                        };
                        out.add_at(
                            r,
                            r.place.clone(),
                            guards,
                            Declaration::Attachment { holder, policy },
                        );
                    }
                }
            }
        }
        "aws_iam_role_policy_attachments_exclusive" => {
            exclusive(r, HolderKind::Role, "role_name", out)
        }
        "aws_iam_user_policy_attachments_exclusive" => {
            exclusive(r, HolderKind::User, "user_name", out)
        }
        "aws_iam_group_policy_attachments_exclusive" => {
            exclusive(r, HolderKind::Group, "group_name", out)
        }
        "aws_iam_policy" => {
            if let Some(document) = argument(p, "policy") {
                out.add(
                    r,
                    Declaration::ManagedPolicy {
                        name: own(r, "name"),
                        arn: own(r, "arn"),
                        document: document.clone(),
                    },
                );
            }
        }
        "aws_iam_group_membership" => {
            for user in items(p, "users") {
                if let Some(group) = text(p, "group") {
                    out.add(r, Declaration::GroupMembership { user, group });
                }
            }
        }
        "aws_iam_user_group_membership" => {
            for group in items(p, "groups") {
                if let Some(user) = text(p, "user") {
                    out.add(r, Declaration::GroupMembership { user, group });
                }
            }
        }
        "aws_iam_instance_profile" => {
            if let Some(role) = text(p, "role") {
                out.add(
                    r,
                    Declaration::InstanceProfile {
                        name: own(r, "name"),
                        arn: own(r, "arn"),
                        role,
                    },
                );
            }
        }
        "aws_kms_key"
        | "aws_kms_external_key"
        | "aws_kms_replica_key"
        | "aws_kms_replica_external_key" => {
            let encrypts = flag_of(p, "key_usage", "ENCRYPT_DECRYPT");
            let spec = flag_of(p, "customer_master_key_spec", "SYMMETRIC_DEFAULT");
            let enabled = if argument(p, "is_enabled").is_some() {
                "is_enabled"
            } else {
                "enabled"
            };
            out.add(
                r,
                Declaration::Key {
                    id: own(r, "key_id"),
                    arn: own(r, "arn"),
                    document: argument(p, "policy").cloned(),
                    region: text(p, "region"),
                    enabled: flag(p, enabled, true),
                    symmetric: if encrypts.value() == Some(&true) {
                        spec
                    } else {
                        encrypts
                    },
                },
            );
        }
        "aws_kms_key_policy" => {
            if let (Some(key), Some(document)) = (text(p, "key_id"), argument(p, "policy")) {
                out.add(
                    r,
                    Declaration::KeyPolicy {
                        key,
                        document: document.clone(),
                    },
                );
            }
        }
        "aws_kms_alias" => {
            if let Some(key) = text(p, "target_key_id") {
                out.add(
                    r,
                    Declaration::Alias {
                        name: own(r, "name"),
                        key,
                    },
                );
            }
        }
        "aws_kms_grant" => {
            if let (Some(key), Some(grantee)) = (text(p, "key_id"), text(p, "grantee_principal")) {
                out.add(
                    r,
                    Declaration::Grant {
                        key,
                        grantee,
                        operations: items(p, "operations"),
                    },
                );
            }
        }
        _ => {}
    }
}

fn flag_of(p: &crate::value::Value, name: &str, wanted: &str) -> Setting<bool> {
    setting(p, name, Setting::Default(true), |v| {
        v.as_str().map(|s| s == wanted)
    })
}

fn inline(r: &Resource, kind: HolderKind, argument_name: &str, out: &mut Declarations) {
    let Some(document) = argument(&r.properties, "policy") else {
        return;
    };
    for (guards, named) in texts(&r.properties, argument_name) {
        let (holder, document) = (Holder { kind, named }, document.clone());
        out.add_at(
            r,
            r.place.clone(),
            guards,
            Declaration::InlinePolicy { holder, document },
        );
    }
}

fn attach(r: &Resource, kind: HolderKind, argument_name: &str, out: &mut Declarations) {
    for (guards, named) in texts(&r.properties, argument_name) {
        for (more, policy) in texts(&r.properties, "policy_arn") {
            let holder = Holder {
                kind,
                named: named.clone(),
            };
            let guards = guards.iter().cloned().chain(more).collect();
            out.add_at(
                r,
                r.place.clone(),
                guards,
                Declaration::Attachment { holder, policy },
            );
        }
    }
}

fn exclusive(r: &Resource, kind: HolderKind, name: &str, out: &mut Declarations) {
    if let Some(named) = text(&r.properties, name) {
        attachments(r, "policy_arns", Holder { kind, named }, out);
    }
}

fn attachments(r: &Resource, name: &str, holder: Holder, out: &mut Declarations) {
    let Some(list) = argument(&r.properties, name) else {
        return;
    };
    match list.as_items() {
        Some(items) => {
            for item in items {
                if let Some(policy) = item.as_text() {
                    let what = Declaration::Attachment {
                        holder: holder.clone(),
                        policy,
                    };
                    out.add_at(r, item.place.clone(), Vec::new(), what);
                }
            }
        }
        None => out.add(
            r,
            Declaration::OpenHolder {
                holder,
                why: format!("`{name}` is not known").into(),
            },
        ),
    }
}
