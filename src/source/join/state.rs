//! Which root keeps the state that another one reads: the same settings of a backend, or the same file.

use crate::files::join;
use crate::source::{Format, Resource, Scope};
use crate::value::Value;

/// What says which state a backend means, by the backend's name.
pub(super) const BACKENDS: [(&str, &[&str]); 5] = [
    ("s3", &["bucket", "key"]),
    ("gcs", &["bucket", "prefix"]),
    (
        "azurerm",
        &["storage_account_name", "container_name", "key"],
    ),
    ("http", &["address"]),
    ("consul", &["address", "path"]),
];

/// The root whose state a `terraform_remote_state` reads, if it is certain which.
pub fn state<'s>(resource: &Resource, own: &Scope, scopes: &'s [Scope]) -> Option<&'s Scope> {
    let wanted = resource.properties.get("backend")?.as_str()?;
    let config = resource.properties.get("config")?;
    // The older form is a block.
    let config = match config.as_items() {
        Some([only]) => only,
        _ => config,
    };
    let mut found = scopes.iter().filter(|scope| {
        scope.format == Format::Terraform
            && scope.id != own.id
            && of_workspace(resource, scope)
            && match wanted {
                "local" => local_state(own, config).is_some_and(|at| is_local(scope, &at)),
                _ => scope
                    .backend
                    .as_ref()
                    .is_some_and(|(name, b)| **name == *wanted && same(wanted, config, b)),
            }
    });
    found.next().filter(|_| found.next().is_none())
}

/// The workspace that is read is that of the environment, or none.
fn of_workspace(resource: &Resource, scope: &Scope) -> bool {
    match resource.properties.get("workspace") {
        None => true,
        Some(value) => match value.as_str() {
            Some(name) => {
                name == "default" || scope.environment_name().is_some_and(|e| **e == *name)
            }
            // The own workspace: what is read lies in the same environment.
            None => value.is_null() || value.as_text().is_some_and(|t| t.display() == OWN),
        },
    }
}

/// How the own workspace is shown.
const OWN: &str = "${terraform.workspace}";

/// Both name the same literal settings.
fn same(kind: &str, config: &Value, backend: &Value) -> bool {
    let Some((_, names)) = BACKENDS.iter().find(|(name, _)| *name == kind) else {
        return false;
    };
    let word =
        |value: &Value, name: &str| value.get(name).and_then(|v| v.as_str().map(str::to_string));
    let mut any = false;
    names.iter().all(|name| {
        let (one, other) = (word(config, name), word(backend, name));
        any |= one.is_some();
        let written = config.get(name).is_some() || backend.get(name).is_some();
        (one.is_some() && one == other) || !written
    }) && any
}

/// Where a local state lies that a root reads, relative to the boundary.
fn local_state(own: &Scope, config: &Value) -> Option<String> {
    join(&own.path, config.get("path")?.as_str()?)
}

/// True where the root keeps its state in that file.
fn is_local(scope: &Scope, at: &str) -> bool {
    let path = match &scope.backend {
        None => None,
        Some((name, backend)) if &**name == "local" => match backend.get("path") {
            Some(path) => match path.as_str() {
                Some(path) => Some(path),
                None => return false,
            },
            None => None,
        },
        Some(_) => return false,
    };
    let file = path.unwrap_or("terraform.tfstate");
    join(&scope.path, file).as_deref() == Some(at)
}
