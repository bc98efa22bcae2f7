//! Deliveries that a service makes with the role of its configuration.

use crate::facts::cloudformation::reading::{inside, members, property, text};
use crate::facts::declare::Declarations;
use crate::facts::delivery::{ACL, Delivery, split_destination, split_path};
use crate::facts::link::Linker;
use crate::source::Resource;
use crate::value::{Guards, Place, Text, Value};

pub(super) fn declare(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    match &*r.type_name {
        "AWS::DMS::Endpoint"
            if property(p, "EndpointType").and_then(Value::as_str) == Some("target") =>
        {
            let Some(settings) = property(p, "S3Settings") else {
                return;
            };
            let (Some(bucket), Some(role)) = (
                text(settings, "BucketName"),
                text(settings, "ServiceAccessRoleArn"),
            ) else {
                return;
            };
            let mut delivery = Delivery {
                role: Some(role),
                ..Delivery::new("dms", bucket, &settings.place)
            }
            .within(text(settings, "BucketFolder"))
            .with_mode(
                text(settings, "EncryptionMode").as_ref(),
                placed(settings, "ServerSideEncryptionKmsKeyId"),
                &settings.place,
            );
            let acl = placed(settings, "CannedAclForObjects")
                .filter(|(a, _)| a.as_literal() != Some("none"));
            if let Some((acl, at)) = acl {
                delivery = delivery.with_header(ACL, acl, &at);
            }
            delivery.declare(linker, r, out);
        }
        "AWS::Transfer::User" => {
            let Some(role) = text(p, "Role") else { return };
            let home = property(p, "HomeDirectory")
                .map(|v| (Guards::new(), v))
                .into_iter();
            let mapped = members(p, "HomeDirectoryMappings")
                .into_iter()
                .filter_map(|(guards, m)| Some((guards, property(m, "Target")?)));
            for (guards, stated) in home.chain(mapped) {
                if let Some((bucket, folder)) = stated
                    .as_text()
                    .and_then(|t| split_path(&linker.resolve(&t)))
                {
                    Delivery {
                        guards,
                        role: Some(role.clone()),
                        ..Delivery::new("transfer", bucket, &stated.place)
                    }
                    .within(folder.filter(|f| !f.display().contains("${")))
                    .declare(linker, r, out);
                }
            }
        }
        "AWS::CodeBuild::Project" => build(linker, r, out),
        "AWS::CodePipeline::Pipeline" => pipeline(linker, r, out),
        _ => {}
    }
}

/// A text with its place.
fn placed(value: &Value, name: &str) -> Option<(Text, Place)> {
    let found = property(value, name)?;
    Some((found.as_text()?, found.place.clone()))
}

/// A build writes its artifacts and its logs as its own role.
fn build(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    let Some(role) = text(p, "ServiceRole") else {
        return;
    };
    let send = |delivery: Delivery, stated: &Value, out: &mut Declarations| {
        let disabled = property(stated, "EncryptionDisabled").and_then(Value::as_bool);
        Delivery {
            role: Some(role.clone()),
            ..delivery
        }
        .with_project_key(disabled, placed(p, "EncryptionKey"), &stated.place)
        .declare_as_role(linker, r, out);
    };
    for (guards, artifacts) in members(p, "Artifacts")
        .into_iter()
        .chain(members(p, "SecondaryArtifacts"))
    {
        if property(artifacts, "Type").and_then(Value::as_str) != Some("S3") {
            continue;
        }
        if let Some(bucket) = text(artifacts, "Location") {
            let delivery = Delivery {
                guards,
                ..Delivery::new("", bucket, &artifacts.place)
            }
            .within(text(artifacts, "Path"));
            send(delivery, artifacts, out);
        }
    }
    let Some(logs) = inside(p, &["LogsConfig", "S3Logs"]) else {
        return;
    };
    if property(logs, "Status").and_then(Value::as_str) != Some("ENABLED") {
        return;
    }
    if let Some(location) = text(logs, "Location").map(|l| linker.resolve(&l)) {
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

/// The pipeline's role writes into its stores; the role of a source action writes what it fetched.
fn pipeline(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    let mut roles: Vec<(Text, Guards, Option<Place>)> = Vec::new();
    roles.extend(text(p, "RoleArn").map(|t| (t, Guards::new(), None)));
    for (guards, stage) in members(p, "Stages") {
        for (more, action) in members(stage, "Actions") {
            let fetches = inside(action, &["ActionTypeId", "Category"]).and_then(Value::as_str)
                == Some("Source");
            if let (true, Some((role, at))) = (fetches, placed(action, "RoleArn")) {
                if !members(action, "OutputArtifacts").is_empty() {
                    roles.push((role, guards.iter().cloned().chain(more).collect(), Some(at)));
                }
            }
        }
    }
    let several = members(p, "ArtifactStores")
        .into_iter()
        .filter_map(|(guards, s)| Some((guards, property(s, "ArtifactStore")?)));
    for (guards, store) in members(p, "ArtifactStore").into_iter().chain(several) {
        let Some(bucket) = text(store, "Location") else {
            continue;
        };
        let key = property(store, "EncryptionKey").and_then(|k| placed(k, "Id"));
        for (role, more, place) in &roles {
            let place = place.as_ref().unwrap_or(&store.place);
            let mut delivery = Delivery {
                role: Some(role.clone()),
                guards: guards.iter().chain(more).cloned().collect(),
                ..Delivery::new("codepipeline", bucket.clone(), place)
            }
            .below(None);
            if let Some((key, at)) = &key {
                delivery = delivery.with_key(key.clone(), at);
            }
            delivery.declare(linker, r, out);
        }
    }
}
