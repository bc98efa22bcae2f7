//! CloudFormation's `AWS::*` resources as neutral declarations, and what their attributes mean.

mod access_point;
mod attribute;
mod bucket;
mod delivery;
mod identity;
mod network;
mod reading;
mod unseen;
mod workload;

use crate::facts::declare::Declarations;
use crate::facts::link::{Linker, Table};
use crate::source::{Resource, Scope};

/// What the linker asks about CloudFormation's resources.
pub static TABLE: Table = Table {
    attribute: attribute::attribute,
    named: attribute::named,
    arn_attribute: "Arn",
};

/// Adds what one resource declares.
pub fn declare(linker: &Linker<'_>, resource: &Resource, out: &mut Declarations) {
    bucket::declare(linker, resource, out);
    access_point::declare(resource, out);
    identity::declare(linker, resource, out);
    network::declare(linker, resource, out);
    for case in reading::in_each_world(resource, &delivery::telling(resource)) {
        delivery::declare(linker, &case, out);
    }
    workload::declare(linker, resource, out);
    unseen::declare(resource, out);
}

/// Adds what a template says of itself.
pub fn declare_scope(linker: &Linker<'_>, scope: &Scope, out: &mut Declarations) {
    unseen::declare_scope(linker, scope, out);
}
