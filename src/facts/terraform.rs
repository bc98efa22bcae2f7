//! Terraform's `aws_*` resources as neutral declarations, and what their attributes mean.

mod access_point;
mod attribute;
mod backend;
mod bucket;
mod delivery;
mod identity;
mod lookup;
mod network;
mod reading;
mod unseen;
mod workload;

use crate::facts::declare::Declarations;
use crate::facts::link::{Linker, Table};
use crate::source::{Resource, Scope};

/// What the linker asks about Terraform's resources.
pub static TABLE: Table = Table {
    attribute: attribute::attribute,
    named: attribute::named,
    arn_attribute: "arn",
};

/// Adds what one resource declares. Data sources declare nothing; they are names.
pub fn declare(linker: &Linker<'_>, resource: &Resource, out: &mut Declarations) {
    if resource.data {
        return;
    }
    bucket::declare(linker, resource, out);
    access_point::declare(resource, out);
    identity::declare(linker, resource, out);
    network::declare(linker, resource, out);
    delivery::declare(linker, resource, out);
    workload::declare(linker, resource, out);
    unseen::declare(resource, out);
}

/// Adds what a root module says of itself.
pub fn declare_scope(scope: &Scope, out: &mut Declarations) {
    backend::declare(scope, out);
    unseen::declare_scope(scope, out);
}
