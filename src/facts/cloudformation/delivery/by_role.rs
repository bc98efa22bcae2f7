//! Deliveries that a service makes with the role of its configuration.

use crate::facts::cloudformation::reading::{inside, members, own, property, text};
use crate::facts::declare::{Declaration, Declarations};
use crate::facts::delivery::pipeline::{Action, Pipeline, Store};
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
    let of_pipeline =
        |a: &Value| property(a, "Type").and_then(Value::as_str) == Some("CODEPIPELINE");
    for (guards, _) in members(p, "Artifacts")
        .into_iter()
        .filter(|(_, a)| of_pipeline(a))
    {
        let names = text(p, "Name").into_iter().chain([own(r, "Ref")]);
        let (names, role) = (names.collect(), role.clone());
        let (place, key) = (r.place.clone(), placed(p, "EncryptionKey"));
        let what = Declaration::BuildProject { names, role, key };
        out.add_at(r, place, guards, what);
    }
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

/// The pipeline with its stores, and the actions that make artifacts.
fn pipeline(linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
    let p = &r.properties;
    let store = |guards: Guards, store: &Value, region: Option<Text>| {
        Some(Store {
            bucket: text(store, "Location")?,
            key: property(store, "EncryptionKey").and_then(|k| placed(k, "Id")),
            region,
            place: store.place.clone(),
            guards,
        })
    };
    let mut stores: Vec<Store> = members(p, "ArtifactStore")
        .into_iter()
        .filter_map(|(guards, s)| store(guards, s, None))
        .collect();
    for (guards, entry) in members(p, "ArtifactStores") {
        let inner = property(entry, "ArtifactStore");
        stores.extend(inner.and_then(|s| store(guards, s, text(entry, "Region"))));
    }
    let mut actions = Vec::new();
    for (guards, stage) in members(p, "Stages") {
        for (more, action) in members(stage, "Actions") {
            if members(action, "OutputArtifacts").is_empty() {
                continue;
            }
            let configuration = property(action, "Configuration");
            actions.push(Action {
                provider: inside(action, &["ActionTypeId", "Provider"]).and_then(Value::as_text),
                role: placed(action, "RoleArn"),
                project: configuration.and_then(|c| placed(c, "ProjectName")),
                region: text(action, "Region"),
                guards: guards.iter().cloned().chain(more).collect(),
            });
        }
    }
    let role = text(p, "RoleArn");
    Pipeline {
        role,
        stores,
        actions,
    }
    .declare(linker, r, out);
}
