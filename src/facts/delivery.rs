//! Deliveries of AWS services as neutral declarations: the key prefix and the source ARN that each service uses.

pub mod pipeline;
pub mod plain;

use crate::facts::Header;
use crate::facts::declare::{Declaration, Declarations, DeclaredSender};
use crate::facts::link::Linker;
use crate::source::Resource;
use crate::value::{Guards, Piece, Place, Text, Unknown};

/// A delivery that a resource configures.
pub struct Delivery {
    /// Row in the table of writers (`upload/writers.rs`).
    pub service: &'static str,
    pub bucket: Text,
    /// What is configured to stand before the service's own folders.
    pub prefix: Option<Text>,
    /// The service's own beginning of the key.
    pub folder: Folder,
    pub role: Option<Text>,
    pub source_arn: Option<Text>,
    pub headers: Vec<Header>,
    pub place: Place,
    pub guards: Guards,
}

/// The beginning of the keys that a service writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// `AWSLogs/<account>/` behind the prefix and a slash.
    AwsLogs,
    /// The prefix as it is.
    Prefix,
    /// Not known.
    Unknown,
}

impl Delivery {
    pub fn new(service: &'static str, bucket: Text, place: &Place) -> Delivery {
        Delivery {
            service,
            bucket,
            prefix: None,
            folder: Folder::AwsLogs,
            role: None,
            source_arn: None,
            headers: Vec::new(),
            place: place.clone(),
            guards: Vec::new(),
        }
    }

    /// Declares it as an upload of the service.
    pub fn declare(mut self, linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
        let sender = DeclaredSender::Writer {
            service: self.service.into(),
            role: self.role.take(),
            source_arn: self.source_arn.take(),
            region: None,
        };
        self.declare_from(sender, linker, r, out);
    }

    /// Declares it as an upload of the role itself: what runs as the role writes like any caller.
    pub fn declare_as_role(mut self, linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
        if let Some(role) = self.role.take() {
            self.declare_from(DeclaredSender::Role(role), linker, r, out);
        }
    }

    fn declare_from(
        self,
        sender: DeclaredSender,
        linker: &Linker<'_>,
        r: &Resource,
        out: &mut Declarations,
    ) {
        let account = linker.account(r.scope, &r.provider).id;
        let key = match self.folder {
            Folder::Unknown => None,
            Folder::Prefix => self.prefix.clone(),
            Folder::AwsLogs => {
                let mut key = Text::default();
                if let Some(prefix) = self.prefix.as_ref().filter(|p| !p.is_empty()) {
                    key.push(prefix);
                    if !prefix.as_literal().is_some_and(|p| p.ends_with('/')) {
                        key.push_str("/");
                    }
                }
                key.push_str("AWSLogs/");
                key.push(&account);
                key.push_str("/");
                Some(key)
            }
        };
        // The service appends names of its own.
        let key = key.map(|mut key| {
            key.push_str("x");
            key
        });
        let what = Declaration::Upload {
            sender,
            bucket: self.bucket,
            key,
            headers: self.headers,
            multipart: false,
        };
        out.add_at(r, self.place, self.guards, what);
    }

    /// The configured prefix stands at the beginning of the keys; without one they can begin with anything.
    pub fn below(mut self, prefix: Option<Text>) -> Delivery {
        let stated = prefix.filter(|p| !p.is_empty());
        self.folder = if stated.is_some() {
            Folder::Prefix
        } else {
            Folder::Unknown
        };
        self.prefix = stated;
        self
    }

    /// As [`Delivery::below`], with a slash between the folder and the rest.
    pub fn within(self, folder: Option<Text>) -> Delivery {
        let trimmed = folder.map(|f| match f.as_literal() {
            Some(literal) => {
                Text::literal(literal.trim_matches('/')).with_source_map(f.source_map().cloned())
            }
            None => match f.split_once("/") {
                Some((before, after)) if before.is_empty() => after,
                _ => f,
            },
        });
        let folder = trimmed.filter(|f| !f.is_empty()).map(|mut f| {
            if !f
                .pieces()
                .last()
                .is_some_and(|p| matches!(p, Piece::Literal(l) if l.ends_with('/')))
            {
                f.push_str("/");
            }
            f
        });
        self.below(folder)
    }

    /// The encryption that a DMS endpoint asks for; which header stands for the default is not documented.
    pub fn with_mode(
        self,
        mode: Option<&Text>,
        key: Option<(Text, Place)>,
        place: &Place,
    ) -> Delivery {
        match (mode.map(Text::as_literal), key) {
            (Some(Some("SSE_KMS" | "sse-kms")), Some((key, at))) => self.with_key(key, &at),
            (Some(Some("SSE_KMS" | "sse-kms")), None) => {
                self.with_header(SSE, Text::literal("aws:kms"), place)
            }
            (Some(Some("SSE_S3" | "sse-s3")), _) => {
                self.with_header(SSE, Text::literal("AES256"), place)
            }
            _ => self.with_header(
                SSE,
                Text::unknown(Unknown::because("the encryption that is asked for")),
                place,
            ),
        }
    }

    /// Encryption of a build's output: the project's key where one is named.
    pub fn with_project_key(
        self,
        disabled: Option<bool>,
        key: Option<(Text, Place)>,
        place: &Place,
    ) -> Delivery {
        match (disabled, key) {
            (Some(true), _) => self,
            (_, Some((key, at))) => self.with_key(key, &at),
            (_, None) => self.with_header(
                SSE,
                Text::unknown(Unknown::because("the build's own encryption")),
                place,
            ),
        }
    }

    /// Sends a header.
    pub fn with_header(mut self, name: &str, value: Text, place: &Place) -> Delivery {
        self.headers.push(Header {
            name: name.into(),
            value,
            place: place.clone(),
        });
        self
    }

    /// Asks for encryption with a KMS key.
    pub fn with_key(self, key: Text, place: &Place) -> Delivery {
        self.with_header(SSE, Text::literal("aws:kms"), place)
            .with_header(SSE_KEY, key, place)
    }
}

/// Header that asks for an encryption.
pub const SSE: &str = "x-amz-server-side-encryption";
/// Header that names the key.
pub const SSE_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
/// Header that sets a canned ACL.
pub const ACL: &str = "x-amz-acl";

/// The bucket that an origin's or a log target's domain name begins with (`acme-logs.s3.amazonaws.com`).
pub fn without_domain(domain: &Text) -> Text {
    domain
        .split_once(".s3")
        .map_or_else(|| domain.clone(), |(bucket, _)| bucket)
}

/// Bucket and folder of a path like `/bucket/folder`.
pub fn split_path(path: &Text) -> Option<(Text, Option<Text>)> {
    let (before, rest) = path.split_once("/")?;
    if !before.is_empty() {
        return None;
    }
    Some(match rest.split_once("/") {
        Some((bucket, folder)) => (bucket, Some(folder)),
        None => (rest, None),
    })
}

/// The canned ACL by which a build gives the bucket's owner access (`NONE`, `READ_ONLY`, `FULL`).
pub fn owner_access(access: Option<&Text>) -> Option<Text> {
    match access?.as_literal() {
        Some("READ_ONLY") => Some(Text::literal("bucket-owner-read")),
        Some("FULL") => Some(Text::literal("bucket-owner-full-control")),
        Some(_) => None,
        None => Some(Text::unknown(Unknown::because(
            "the access that the bucket's owner gets",
        ))),
    }
}

/// The canned ACL of a certificate authority's revocation lists.
pub fn revocation_acl(stated: Option<&Text>) -> Text {
    match stated.map(Text::as_literal) {
        None | Some(Some("PUBLIC_READ")) => Text::literal("public-read"),
        Some(Some(_)) => Text::literal("bucket-owner-full-control"),
        Some(None) => Text::unknown(Unknown::because("the ACL of the revocation lists")),
    }
}

/// What a replication rule configures, in either format.
pub struct Replication {
    pub bucket: Text,
    pub role: Text,
    /// The replica belongs to the destination's owner.
    pub owner_override: bool,
    /// Key for replicas of objects that KMS encrypts.
    pub key: Option<(Text, Place)>,
    pub prefix: Option<Text>,
    pub place: Place,
    pub guards: Guards,
}

impl Replication {
    /// The delivery of its row.
    pub fn delivery(self) -> Delivery {
        let service = match (self.owner_override, self.key.is_some()) {
            (false, false) => "replication",
            (true, false) => "replication-owner-override",
            (false, true) => "replication-kms",
            (true, true) => "replication-kms-owner-override",
        };
        let delivery = Delivery {
            role: Some(self.role),
            guards: self.guards,
            ..Delivery::new(service, self.bucket, &self.place)
        }
        .below(self.prefix);
        match self.key {
            Some((key, place)) => delivery.with_key(key, &place),
            None => delivery,
        }
    }
}

/// `arn:<partition>:logs:<region>:<account>:*` as vended logs pass it.
pub fn logs_arn(linker: &Linker<'_>, r: &Resource) -> Text {
    let mut out = Text::literal("arn:");
    out.push(&linker.partition(r.scope, &r.provider));
    out.push_str(":logs:");
    out.push(&linker.region(r.scope, &r.provider));
    out.push_str(":");
    out.push(&linker.account(r.scope, &r.provider).id);
    out.push_str(":delivery-source");
    out
}

/// The bucket in a destination that may be an ARN with a folder: bucket (name or ARN) and folder.
pub fn split_destination(linker: &Linker<'_>, destination: &Text) -> (Text, Option<Text>) {
    let resolved = linker.resolve(destination);
    let Some((before, after)) = resolved.split_once(":::") else {
        return (resolved, None);
    };
    match after.split_once("/") {
        Some((bucket, folder)) => {
            let mut arn = before;
            arn.push_str(":::");
            arn.push(&bucket);
            (arn, Some(folder).filter(|f| !f.is_empty()))
        }
        None => (resolved, None),
    }
}
