//! From sources to the estate: each format declares, the linker resolves, the assembly joins.

use crate::facts::declare::Declarations;
use crate::facts::link::{Linker, Table};
use crate::facts::{Estate, assemble, terraform};
use crate::source::{Format, Inputs, Sources};

/// Formats whose resources are not declared leave every symbol as it is.
static PLAIN: Table = Table {
    attribute: |_, _, _| None,
    named: |_, _| None,
    arn_attribute: "Arn",
};

/// All facts that the sources state.
pub fn build(sources: &Sources, inputs: &Inputs) -> Estate {
    let linker = Linker::new(sources, inputs, &terraform::TABLE, &PLAIN);
    let mut declarations = Declarations {
        gaps: sources.gaps.clone(),
        ..Declarations::default()
    };
    for resource in &sources.resources {
        if linker
            .scope(resource.scope)
            .is_some_and(|s| s.format == Format::Terraform)
        {
            terraform::declare(&linker, resource, &mut declarations);
        }
    }
    assemble::assemble(&linker, &declarations)
}
