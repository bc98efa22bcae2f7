//! iaclint finds S3 uploads that AWS will refuse, in Terraform and CloudFormation, before they are deployed.
//!
//! The floors, lowest first; a file uses the words of lower floors only:
//!
//! 1. [`value`], [`files`], [`pattern`]: values with places; all reading; wildcards.
//! 2. [`source`], [`policy`]: text to resources; the policy language.
//! 3. [`decision`], [`facts`]: who may do what; what the sources state about AWS.

#![forbid(unsafe_code)]

pub mod analysis;
pub mod decision;
pub mod facts;
pub mod files;
pub mod outcome;
pub mod pattern;
pub mod policy;
pub mod report;
pub mod rule;
pub mod source;
pub mod upload;
pub mod value;
