//! Resources that make others out of sight: modules and stacks that are not on disk, resources of providers that this
//! version does not know.

use crate::facts::declare::{Declaration, Declarations, Declared};
use crate::facts::unseen;
use crate::source::{Resource, Scope};

/// Resources of the AWS provider that make what another template, or a function, says.
const STACKS: &[&str] = &[
    "aws_cloudcontrolapi_resource",
    "aws_cloudformation_stack",
    "aws_cloudformation_stack_instances",
    "aws_cloudformation_stack_set",
    "aws_cloudformation_stack_set_instance",
    "aws_lambda_invocation",
    "aws_serverlessapplicationrepository_cloudformation_stack",
    "aws_servicecatalog_provisioned_product",
];

/// Providers of which no resource attaches a policy in AWS: names of roles and buckets are settings to them.
const HARMLESS: &[&str] = &[
    "archive",
    "auth0",
    "azuread",
    "azurerm",
    "cloudflare",
    "cloudinit",
    "confluent",
    "databricks",
    "datadog",
    "docker",
    "external",
    "fastly",
    "github",
    "gitlab",
    "google",
    "grafana",
    "helm",
    "http",
    "kubectl",
    "kubernetes",
    "local",
    "mongodbatlas",
    "mysql",
    "newrelic",
    "okta",
    "opsgenie",
    "pagerduty",
    "postgresql",
    "random",
    "snowflake",
    "template",
    "tfe",
    "time",
    "tls",
    "vault",
];

/// Where the resource may attach policies to what it is given, those are open.
pub(super) fn declare(resource: &Resource, out: &mut Declarations) {
    let kind = &*resource.type_name;
    let provider = kind.split('_').next().unwrap_or_default();
    let open = match provider {
        _ if resource.unseen => true,
        "aws" => STACKS.contains(&kind),
        // What they run is in their commands.
        "null" | "terraform" => unseen::says(resource, "policy"),
        _ => !HARMLESS.contains(&provider),
    };
    if open {
        unseen::declare(resource, "may attach policies to it", out);
    }
}

/// Who calls a library module may attach policies to what its outputs expose.
pub(super) fn declare_scope(scope: &Scope, out: &mut Declarations) {
    if !scope.library {
        return;
    }
    for (name, entry) in scope.outputs.iter() {
        for (guards, named) in unseen::texts(&entry.value) {
            out.items.push(Declared {
                scope: scope.id,
                address: format!("output.{name}").into(),
                provider: "".into(),
                guards,
                place: entry.value.place.clone(),
                what: Declaration::OpenTarget {
                    named,
                    why: "callers of the module may attach policies to it".into(),
                },
            });
        }
    }
}
