//! placeholder
use std::sync::Arc;
use crate::files::Files;
use crate::source::{Inputs, Sources};
pub fn read(_files: &dyn Files, _paths: &[Arc<str>], _inputs: &Inputs, _sources: &mut Sources) {}
