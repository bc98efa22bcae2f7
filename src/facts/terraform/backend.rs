//! The state that a root module keeps in a bucket: what `backend "s3"` uploads, and its lock file.

use std::sync::Arc;

use super::reading::{argument, text};
use crate::facts::Header;
use crate::facts::declare::{Declaration, Declarations, Declared, DeclaredSender};
use crate::source::Scope;
use crate::value::{Text, Value};

/// Adds the uploads of a scope's backend.
pub(super) fn declare(scope: &Scope, out: &mut Declarations) {
    let Some((kind, settings)) = &scope.backend else {
        return;
    };
    // Another store, or credentials of its own: nothing says whose upload it is.
    const OTHERS: [&str; 8] = [
        "endpoint",
        "endpoints",
        "profile",
        "access_key",
        "secret_key",
        "shared_credentials_file",
        "shared_credentials_files",
        "assume_role_with_web_identity",
    ];
    if &**kind != "s3" || OTHERS.iter().any(|o| argument(settings, o).is_some()) {
        return;
    }
    let (Some(bucket), Some(key)) = (text(settings, "bucket"), text(settings, "key")) else {
        return;
    };
    let role = argument(settings, "assume_role")
        .and_then(|r| text(r, "role_arn"))
        .or_else(|| text(settings, "role_arn"));
    let upload = |key: Text, headers: Vec<Header>| Declared {
        scope: scope.id,
        address: Arc::from("backend \"s3\""),
        provider: "".into(),
        guards: Vec::new(),
        place: settings.place.clone(),
        what: Declaration::Upload {
            sender: DeclaredSender::Deployer { role: role.clone() },
            bucket: bucket.clone(),
            key: Some(key),
            headers,
            multipart: false,
        },
    };
    let state = headers(settings);
    out.items.push(upload(key.clone(), state.clone()));
    if let Some(locks) = argument(settings, "use_lockfile").filter(|v| v.as_bool() == Some(true)) {
        let mut lock = key;
        lock.push_str(".tflock");
        let mut headers = state;
        headers.push(Header {
            name: "if-none-match".into(),
            value: Text::literal("*"),
            place: locks.place.clone(),
        });
        out.items.push(upload(lock, headers));
    }
}

/// What the backend's settings make it send.
fn headers(settings: &Value) -> Vec<Header> {
    let mut out = Vec::new();
    let mut send = |name: &str, value: Text, stated: &Value| {
        out.push(Header {
            name: name.into(),
            value,
            place: stated.place.clone(),
        });
    };
    if let Some(acl) = argument(settings, "acl") {
        if let Some(value) = acl.as_text() {
            send("x-amz-acl", value, acl);
        }
    }
    if let Some(encrypt) = argument(settings, "encrypt").filter(|v| v.as_bool() == Some(true)) {
        let key = argument(settings, "kms_key_id").filter(|k| k.as_str() != Some(""));
        match key.and_then(|k| Some((k, k.as_text()?))) {
            Some((stated, key)) => {
                send(
                    "x-amz-server-side-encryption",
                    Text::literal("aws:kms"),
                    encrypt,
                );
                send("x-amz-server-side-encryption-aws-kms-key-id", key, stated);
            }
            None if argument(settings, "sse_customer_key").is_some() => send(
                "x-amz-server-side-encryption-customer-algorithm",
                Text::literal("AES256"),
                encrypt,
            ),
            None => send(
                "x-amz-server-side-encryption",
                Text::literal("AES256"),
                encrypt,
            ),
        }
    }
    out
}
