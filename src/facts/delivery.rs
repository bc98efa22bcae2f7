//! Deliveries of AWS services as neutral declarations: the key prefix and the source ARN that each service uses.

use crate::facts::Header;
use crate::facts::declare::{Declaration, Declarations, DeclaredSender};
use crate::facts::link::Linker;
use crate::source::Resource;
use crate::value::{Guards, Place, Text};

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

    /// Declares it as an upload.
    pub fn declare(self, linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
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
            sender: DeclaredSender::Writer {
                service: self.service.into(),
                role: self.role,
                source_arn: self.source_arn,
                region: None,
            },
            bucket: self.bucket,
            key,
            headers: self.headers,
            multipart: false,
        };
        out.add_at(r, self.place, self.guards, what);
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
    let Some((before, after)) = resolved.split_once(":::") else { return (resolved, None) };
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
