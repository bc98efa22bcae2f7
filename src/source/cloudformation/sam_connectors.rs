//! Connectors of the serverless transform: the policy that lets a function write to a bucket, as the transform makes it.
//!
//! Only what bears on an upload is made: a function as the source, a bucket as the destination. What connects other
//! kinds grants nothing that an upload needs. A connector whose ends are not known is listed.

use std::sync::Arc;

use super::evaluate::Evaluator;
use crate::source::{GapKind, Resource};
use crate::value::{Map, Place, Step, SymbolKind, Text, Unknown, Value, ValueKind};

/// What the transform grants on a bucket (its connector profiles, functions to buckets).
const READ: &[&str] = &[
    "s3:GetObject",
    "s3:GetObjectAcl",
    "s3:GetObjectLegalHold",
    "s3:GetObjectRetention",
    "s3:GetObjectTorrent",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionForReplication",
    "s3:GetObjectVersionTorrent",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
    "s3:ListMultipartUploadParts",
];
const WRITE: &[&str] = &[
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:PutObject",
    "s3:PutObjectLegalHold",
    "s3:PutObjectRetention",
    "s3:RestoreObject",
];

/// The connector resource as the policies that the transform makes of it.
pub(super) fn connector(
    evaluator: &Evaluator<'_, '_>,
    resource: Resource,
    out: &mut Vec<Resource>,
) {
    let source = resource.properties.get("Source").cloned();
    let made = source.map(|source| policies(evaluator, &source, &resource.properties, &resource));
    match made {
        Some(Some(made)) => out.extend(made),
        _ => {
            not_seen(evaluator, &resource.address, &resource.place);
            out.push(resource);
        }
    }
}

/// The connectors that a resource lists beside its properties.
pub(super) fn embedded(
    evaluator: &Evaluator<'_, '_>,
    resource: &Resource,
    id: &str,
) -> Vec<Resource> {
    let mut out = Vec::new();
    let listed = resource
        .attributes
        .get("Connectors")
        .and_then(Value::as_map);
    for (name, entry) in listed.iter().flat_map(|m| m.iter()) {
        let mut source = Map::default();
        source.insert(
            "Id",
            entry.key_place.clone(),
            Value::text(id, entry.key_place.clone()),
        );
        let source = Value::map(source, entry.key_place.clone());
        let connector = Resource {
            address: format!("{}{name}", resource.address).into(),
            place: entry.key_place.clone(),
            ..resource.clone()
        };
        let properties = entry.value.get("Properties").unwrap_or(&entry.value);
        match policies(evaluator, &source, properties, &connector) {
            Some(made) => out.extend(made),
            None => not_seen(evaluator, &connector.address, &entry.key_place),
        }
    }
    out
}

fn not_seen(evaluator: &Evaluator<'_, '_>, address: &Arc<str>, place: &Place) {
    let why = "the policies that a connector makes between these are not seen";
    evaluator
        .run
        .gap(GapKind::Unsupported, address.clone(), why, place);
}

/// One policy for each destination; `None` where an end is not known.
fn policies(
    evaluator: &Evaluator<'_, '_>,
    source: &Value,
    properties: &Value,
    connector: &Resource,
) -> Option<Vec<Resource>> {
    let destinations = properties.get("Destination")?;
    let destinations = match destinations.as_items() {
        Some(items) => items,
        None => std::slice::from_ref(destinations),
    };
    let permissions = properties.get("Permissions")?.as_items()?;
    let mut actions: Vec<&str> = Vec::new();
    for permission in permissions {
        match permission.as_str()? {
            "Read" => actions.extend(READ),
            "Write" => actions.extend(WRITE),
            _ => return None,
        }
    }
    let source_type = kind(evaluator, source)?;
    let mut out = Vec::new();
    for (index, destination) in destinations.iter().enumerate() {
        let destination_type = kind(evaluator, destination)?;
        let bucket = matches!(&*destination_type, "AWS::S3::Bucket");
        if !bucket
            || !matches!(
                &*source_type,
                "AWS::Serverless::Function" | "AWS::Lambda::Function"
            )
        {
            continue;
        }
        let role = role(evaluator, source)?;
        let arn = end(evaluator, destination, "Arn")?;
        let suffix = match index {
            0 => String::new(),
            n => n.to_string(),
        };
        let place = connector.place.clone();
        let actions: Vec<Value> = actions.iter().map(|a| text(a, &place)).collect();
        let mut objects = arn.clone();
        objects.push_str("/*");
        let resources = [arn, objects].map(|t| Value::new(ValueKind::Text(t), place.clone()));
        let statement = map(
            vec![
                ("Effect", text("Allow", &place)),
                ("Action", Value::list(actions, place.clone())),
                ("Resource", Value::list(resources.to_vec(), place.clone())),
            ],
            &place,
        );
        let document = map(
            vec![
                ("Version", text("2012-10-17", &place)),
                ("Statement", Value::list(vec![statement], place.clone())),
            ],
            &place,
        );
        let properties = map(
            vec![
                ("PolicyDocument", document),
                ("Roles", Value::list(vec![role], place.clone())),
            ],
            &place,
        );
        out.push(Resource {
            address: format!("{}{suffix}Policy", connector.address).into(),
            type_name: "AWS::IAM::ManagedPolicy".into(),
            properties,
            attributes: Value::map(Map::default(), place.clone()),
            ..connector.clone()
        });
    }
    Some(out)
}

/// The type of an end: of the resource that it names, or what it says itself.
fn kind(evaluator: &Evaluator<'_, '_>, end: &Value) -> Option<Arc<str>> {
    let named = end.get("Id").and_then(Value::as_str);
    let node = named
        .and_then(|id| evaluator.template.resource(id))
        .map(|e| &e.node);
    let node = node.unwrap_or(end);
    node.get("Type").and_then(Value::as_str).map(Arc::from)
}

/// An attribute of an end: what it says itself, else that of the resource that it names.
fn end(evaluator: &Evaluator<'_, '_>, end: &Value, attribute: &str) -> Option<Text> {
    if let Some(own) = end.get(attribute) {
        return own.as_text();
    }
    let id = end.get("Id").and_then(Value::as_str)?;
    let symbol = evaluator.symbol(
        SymbolKind::Resource,
        evaluator.template.address(id),
        attribute,
    );
    Some(Text::symbol(
        symbol,
        format!("`{id}` is known after deployment"),
    ))
}

/// The role of the source: what it says itself, the role of the function that it names, or the one that the
/// transform makes for it.
fn role(evaluator: &Evaluator<'_, '_>, source: &Value) -> Option<Value> {
    if let Some(own) = source.get("RoleName") {
        return Some(own.clone());
    }
    let id = source.get("Id").and_then(Value::as_str)?;
    let entry = evaluator.template.resource(id)?;
    let own = entry.node.get("Properties").and_then(|p| p.get("Role"));
    if let Some(own) = own {
        return Some(evaluator.within(entry).value(own));
    }
    let symbol = evaluator.symbol(
        SymbolKind::Resource,
        evaluator.template.address(&format!("{id}Role")),
        "Arn",
    );
    let unknown = Unknown::symbol(symbol, "known after deployment");
    Some(Value::unknown(unknown, source.place.clone()))
}

fn text(text: &str, place: &Place) -> Value {
    let made = Step::Document("AWS::Serverless".into());
    Value::text(text, place.through(made, place.span))
}

fn map(entries: Vec<(&str, Value)>, place: &Place) -> Value {
    let mut map = Map::default();
    for (key, value) in entries {
        map.insert(key, place.clone(), value);
    }
    Value::map(map, place.clone())
}
