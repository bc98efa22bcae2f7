//! What becomes of an upload, and how loud it is said: words that uploads, rules and reports share.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    Note,
    Warning,
    Error,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// What a finding says of its upload; the names are part of every machine-readable format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// No request of this caller to this bucket by this path can pass.
    AlwaysDenied,
    /// The default request is refused, another one passes.
    DefaultDenied,
    /// The default request passes, one that the sources show or mean is refused.
    ShapeDenied,
    /// A configured AWS service cannot deliver.
    ServiceDeliveryDenied,
    /// Refused with something else than a 403, or when the template is deployed.
    OtherFailure,
    /// Refused for some values of what is unknown.
    Depends,
    /// Certainly passes.
    Allowed,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Outcome::AlwaysDenied => "always-denied",
            Outcome::DefaultDenied => "default-denied",
            Outcome::ShapeDenied => "shape-denied",
            Outcome::ServiceDeliveryDenied => "service-delivery-denied",
            Outcome::OtherFailure => "other-failure",
            Outcome::Depends => "depends",
            Outcome::Allowed => "allowed",
        }
    }
}
