//! Deliveries that a service makes with the role of its configuration.

use crate::facts::declare::{Declaration, Declarations};
use crate::facts::delivery::pipeline::{Action, Pipeline, Store};
use crate::facts::delivery::{ACL, Delivery, owner_access, split_destination, split_path};
use crate::facts::link::Linker;
use crate::facts::terraform::reading::{argument, block, blocks, items, own, text};
use crate::source::Resource;
use crate::value::{Place, Text, Value};

pub(super) fn declare(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    match &*r.type_name {
        "aws_dms_s3_endpoint"
            if argument(p, "endpoint_type").and_then(Value::as_str) == Some("target") =>
        {
            endpoint(linker, r, p, out);
        }
        "aws_dms_endpoint"
            if argument(p, "endpoint_type").and_then(Value::as_str) == Some("target") =>
        {
            blocks(p, "s3_settings")
                .iter()
                .for_each(|settings| endpoint(linker, r, settings, out));
        }
        "aws_transfer_user" => {
            let Some(role) = text(p, "role") else { return };
            let home = argument(p, "home_directory").into_iter();
            let mapped = blocks(p, "home_directory_mappings")
                .iter()
                .filter_map(|m| argument(m, "target"));
            for stated in home.chain(mapped) {
                if let Some((bucket, folder)) = stated
                    .as_text()
                    .and_then(|t| split_path(&linker.resolve(&t)))
                {
                    Delivery {
                        role: Some(role.clone()),
                        ..Delivery::new("transfer", bucket, &stated.place)
                    }
                    .within(folder.filter(|f| !f.display().contains("${")))
                    .declare(linker, r, out);
                }
            }
        }
        "aws_storagegateway_nfs_file_share" | "aws_storagegateway_smb_file_share" => {
            if argument(p, "read_only").is_some_and(|v| v.as_bool() != Some(false)) {
                return;
            }
            let (Some(location), Some(role)) = (text(p, "location_arn"), text(p, "role_arn"))
            else {
                return;
            };
            let (bucket, folder) = split_destination(linker, &location);
            let acl = argument(p, "object_acl");
            let sent = acl
                .and_then(Value::as_text)
                .unwrap_or_else(|| Text::literal("private"));
            let mut delivery = Delivery {
                role: Some(role),
                ..Delivery::new("storage-gateway", bucket, &r.place)
            }
            .within(folder)
            .with_header(ACL, sent, acl.map_or(&r.place, |a| &a.place));
            if argument(p, "kms_encrypted").and_then(Value::as_bool) == Some(true) {
                if let Some((key, at)) = placed(p, "kms_key_arn") {
                    delivery = delivery.with_key(key, &at);
                }
            }
            delivery.declare(linker, r, out);
        }
        "aws_codebuild_project" => build(linker, r, out),
        "aws_codepipeline" => pipeline(linker, r, out),
        _ => {}
    }
}

/// A text with its place.
fn placed(value: &Value, name: &str) -> Option<(Text, Place)> {
    let found = argument(value, name)?;
    Some((found.as_text()?, found.place.clone()))
}

fn endpoint(linker: &Linker<'_>, r: &Resource, settings: &Value, out: &mut Declarations) {
    let (Some(bucket), Some(role)) = (
        text(settings, "bucket_name"),
        text(settings, "service_access_role_arn"),
    ) else {
        return;
    };
    let mut delivery = Delivery {
        role: Some(role),
        ..Delivery::new("dms", bucket, &settings.place)
    }
    .within(text(settings, "bucket_folder"))
    .with_mode(
        text(settings, "encryption_mode").as_ref(),
        placed(settings, "server_side_encryption_kms_key_id"),
        &settings.place,
    );
    if let Some((acl, at)) =
        placed(settings, "canned_acl_for_objects").filter(|(a, _)| a.as_literal() != Some("none"))
    {
        delivery = delivery.with_header(ACL, acl, &at);
    }
    delivery.declare(linker, r, out);
}

/// A build writes its artifacts and its logs as its own role.
fn build(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    let Some(role) = text(p, "service_role") else {
        return;
    };
    let of_pipeline =
        |a: &Value| argument(a, "type").and_then(Value::as_str) == Some("CODEPIPELINE");
    if blocks(p, "artifacts").iter().any(of_pipeline) {
        let names = text(p, "name").into_iter().chain([own(r, "name")]);
        let (names, role) = (names.collect(), role.clone());
        let key = placed(p, "encryption_key");
        out.add(r, Declaration::BuildProject { names, role, key });
    }
    let send = |delivery: Delivery, stated: &Value, out: &mut Declarations| {
        let mut delivery = Delivery {
            role: Some(role.clone()),
            ..delivery
        };
        if let Some(acl) = owner_access(text(stated, "bucket_owner_access").as_ref()) {
            let place = argument(stated, "bucket_owner_access").map_or(&stated.place, |v| &v.place);
            delivery = delivery.with_header(ACL, acl, place);
        }
        let disabled = argument(stated, "encryption_disabled").and_then(Value::as_bool);
        delivery
            .with_project_key(disabled, placed(p, "encryption_key"), &stated.place)
            .declare_as_role(linker, r, out);
    };
    for kind in ["artifacts", "secondary_artifacts"] {
        for artifacts in blocks(p, kind) {
            if argument(artifacts, "type").and_then(Value::as_str) != Some("S3") {
                continue;
            }
            if let Some(bucket) = text(artifacts, "location") {
                let delivery =
                    Delivery::new("", bucket, &artifacts.place).within(text(artifacts, "path"));
                send(delivery, artifacts, out);
            }
        }
    }
    for logs in blocks(p, "logs_config")
        .iter()
        .flat_map(|l| blocks(l, "s3_logs"))
    {
        if argument(logs, "status").and_then(Value::as_str) != Some("ENABLED") {
            continue;
        }
        if let Some(location) = text(logs, "location").map(|l| linker.resolve(&l)) {
            // An ARN or a name, with a folder.
            let (bucket, folder) = match location.split_once(":::") {
                Some(_) => split_destination(linker, &location),
                None => location
                    .split_once("/")
                    .map_or((location.clone(), None), |(b, f)| (b, Some(f))),
            };
            send(
                Delivery::new("", bucket, &logs.place).within(folder),
                logs,
                out,
            );
        }
    }
}

/// The pipeline with its stores, and the actions that make artifacts.
fn pipeline(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    let store = |store: &Value| {
        Some(Store {
            bucket: text(store, "location")?,
            key: block(store, "encryption_key").and_then(|k| placed(k, "id")),
            region: text(store, "region"),
            place: store.place.clone(),
            guards: Vec::new(),
        })
    };
    let action = |action: &Value| Action {
        provider: text(action, "provider"),
        role: placed(action, "role_arn"),
        project: argument(action, "configuration").and_then(|c| placed(c, "ProjectName")),
        region: text(action, "region"),
        guards: Vec::new(),
    };
    Pipeline {
        role: text(p, "role_arn"),
        stores: blocks(p, "artifact_store")
            .iter()
            .filter_map(store)
            .collect(),
        actions: blocks(p, "stage")
            .iter()
            .flat_map(|s| blocks(s, "action"))
            .filter(|a| !items(a, "output_artifacts").is_empty())
            .map(action)
            .collect(),
    }
    .declare(linker, r, out);
}
