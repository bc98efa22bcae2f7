//! Resources that make others out of sight: modules, custom resources, types of third parties, stacks that are not
//! on disk; and templates that a macro rewrites.

use super::reading::own;
use crate::facts::declare::{Declaration, Declarations};
use crate::facts::link::Linker;
use crate::facts::unseen;
use crate::source::{Resource, Scope};

/// Types of AWS that make what another template says.
const STACKS: &[&str] = &[
    "AWS::CloudFormation::CustomResource",
    "AWS::CloudFormation::StackSet",
    "AWS::ServiceCatalog::CloudFormationProvisionedProduct",
];

/// Custom resources of the CDK whose handlers are known and attach no policy while a stack stands
/// (`aws-cdk-lib/custom-resource-handlers`).
const HARMLESS: &[&str] = &[
    "Custom::CDKBucketDeployment",
    "Custom::LogRetention",
    "Custom::S3AutoDeleteObjects",
    "Custom::S3BucketNotifications",
];

/// Where the resource may attach policies to what it is given, those are open.
pub(super) fn declare(resource: &Resource, out: &mut Declarations) {
    let kind = &*resource.type_name;
    let foreign = !kind.starts_with("AWS::") && !HARMLESS.contains(&kind);
    if foreign || kind.ends_with("::MODULE") || STACKS.contains(&kind) || resource.unseen {
        unseen::declare(resource, "may attach policies to it", out);
    }
}

/// A macro may attach policies to whatever stands in its template.
pub(super) fn declare_scope(linker: &Linker<'_>, scope: &Scope, out: &mut Declarations) {
    for address in &scope.exposed {
        let Some(resource) = linker.resource(scope.id, false, address) else {
            continue;
        };
        let what = Declaration::OpenTarget {
            named: own(resource, "Arn"),
            why: "a macro of the template may attach policies to it".into(),
        };
        out.add(resource, what);
    }
}
