//! The calls that one upload takes, each with its request context (spec 3.1 to 3.3, 5.4, 5.5).

use std::sync::Arc;

use crate::decision::{ContextValue, Principal, Request, RequestContext};
use crate::facts::{Bucket, Caller, CallerKind, KmsKey, Setting};
use crate::upload::headers::{self, HEADERS, PUBLIC_ACLS, PUBLIC_GROUPS};
use crate::upload::ties::{self, Carried};
use crate::value::{Piece, Text, Unknown};

/// A header in a request that is not fully chosen yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Sent {
    Absent,
    Value(Text),
    /// Any value, or absent.
    Open,
}

/// An upload of which some variables are still open.
#[derive(Debug, Clone)]
pub struct Draft {
    /// `None`: any key.
    pub key: Option<Text>,
    /// One entry per header of the table, in its order.
    pub headers: Vec<Sent>,
    /// Tags of the request by key; `None`: open.
    pub tags: Option<Vec<(Arc<str>, Text)>>,
    /// Keys that policies ask about, where the tags are open.
    pub open_tags: Vec<Arc<str>>,
    pub multipart: bool,
    /// What is copied (`bucket/key`), where the upload is a copy.
    pub copies: Option<Text>,
    pub source_ip: Sent,
    /// Values of keys that no header sets, where a search has chosen them.
    pub context: Vec<(Arc<str>, ContextValue)>,
}

impl Draft {
    pub fn plain(key: Option<Text>) -> Draft {
        Draft {
            key,
            headers: vec![Sent::Absent; HEADERS.len()],
            tags: Some(Vec::new()),
            open_tags: Vec::new(),
            multipart: false,
            copies: None,
            source_ip: Sent::Open,
            context: Vec::new(),
        }
    }

    pub fn header(&self, name: &str) -> &Sent {
        HEADERS
            .iter()
            .position(|h| h.name == name)
            .and_then(|i| self.headers.get(i))
            .unwrap_or(&Sent::Absent)
    }

    pub fn set(&mut self, name: &str, sent: Sent) {
        if let Some(slot) = HEADERS
            .iter()
            .position(|h| h.name == name)
            .and_then(|i| self.headers.get_mut(i))
        {
            *slot = sent;
        }
    }

    /// No header that can be left out, no parts.
    pub fn is_plain(&self) -> bool {
        let no_tags = self.tags.as_ref().is_none_or(Vec::is_empty);
        let sent = |s: &Sent| matches!(s, Sent::Value(_));
        !self.multipart && no_tags && !self.headers.iter().any(sent)
    }

    pub fn sends_acl(&self) -> bool {
        HEADERS
            .iter()
            .zip(&self.headers)
            .any(|(h, sent)| h.action == Some("s3:PutObjectAcl") && matches!(sent, Sent::Value(_)))
    }
}

/// The ACL of the request that is public for certain: a canned one, or the name of a header that grants to everybody.
pub fn public_acl(draft: &Draft) -> Option<Text> {
    HEADERS
        .iter()
        .zip(&draft.headers)
        .find_map(|(header, sent)| {
            let Sent::Value(value) = sent else {
                return None;
            };
            let canned = header.name == headers::ACL;
            if canned && value.as_literal().is_some_and(|v| PUBLIC_ACLS.contains(&v)) {
                return Some(value.clone());
            }
            let to_group = header.name.starts_with("x-amz-grant-")
                && value.pieces().iter().any(|piece| match piece {
                    Piece::Literal(literal) => PUBLIC_GROUPS.iter().any(|g| literal.contains(g)),
                    Piece::Unknown(_) => false,
                });
            to_group.then(|| header.name.into())
        })
}

/// Context that does not change with the headers: who, from where, to which bucket.
pub fn base_context(
    principal: &Principal,
    caller: Option<&Caller>,
    bucket: &Bucket,
) -> RequestContext {
    let mut c = RequestContext::default();
    c.present("aws:SecureTransport", "true");
    c.present("s3:TlsVersion", "1.3");
    c.present("s3:authType", "REST-HEADER");
    c.present("s3:signatureversion", "AWS4-HMAC-SHA256");
    c.set("s3:x-amz-content-sha256", ContextValue::PresentUnknown);
    c.present("s3:ResourceAccount", bucket.account.id.clone());
    c.present("aws:ResourceAccount", bucket.account.id.clone());
    c.set("aws:ResourceOrgID", ContextValue::Unknown);
    c.set("aws:ResourceOrgPaths", ContextValue::Unknown);
    match &bucket.region {
        Some(region) => c.present("aws:RequestedRegion", region.clone()),
        None => c.set("aws:RequestedRegion", ContextValue::PresentUnknown),
    }
    c.present("aws:ViaAWSService", "false");
    for key in ["aws:CurrentTime", "aws:EpochTime", "aws:UserAgent"] {
        c.set(key, ContextValue::PresentUnknown);
    }
    if bucket.abac.value() == Some(&true) {
        match &bucket.tags {
            Setting::Is(tags, _) | Setting::Default(tags) => {
                for (key, value) in tags {
                    if let Some(key) = key.as_literal() {
                        c.present(&format!("aws:ResourceTag/{key}"), value.clone());
                        c.present(&format!("s3:BucketTag/{key}"), value.clone());
                    }
                }
            }
            Setting::Choice(_) | Setting::Unknown(_) => {}
        }
    }
    who(&mut c, principal, caller);
    c
}

/// The keys that say who calls (spec 3.3).
fn who(c: &mut RequestContext, principal: &Principal, caller: Option<&Caller>) {
    ties::put_caller(c, principal);
    match principal {
        Principal::Service { name } => {
            c.present("aws:PrincipalServiceName", name.clone());
            c.set(
                "aws:PrincipalServiceNamesList",
                ContextValue::Present(vec![name.clone()]),
            );
            c.set("aws:SourceIp", ContextValue::Unknown);
            return;
        }
        Principal::Anonymous => return,
        Principal::User { arn, account } => {
            c.present("aws:PrincipalArn", arn.clone());
            c.present("aws:PrincipalAccount", account.clone());
            if let Some(caller) = caller.filter(|c| matches!(c.kind, CallerKind::User)) {
                c.present("aws:username", caller.name.clone());
            }
        }
        Principal::Role { arn, account, .. } => {
            c.present("aws:PrincipalArn", arn.clone());
            c.present("aws:PrincipalAccount", account.clone());
            let by_service_only = caller.is_some_and(|c| {
                !c.trusted_services.is_empty() && c.web_identity.is_empty() && !c.trust_open
            });
            if by_service_only {
                c.present("aws:MultiFactorAuthPresent", "false");
            }
        }
        Principal::FederatedUser { arn, account } => {
            c.present("aws:PrincipalArn", arn.clone());
            c.present("aws:PrincipalAccount", account.clone());
        }
        Principal::Root { account } | Principal::Account { account } => {
            c.present("aws:PrincipalAccount", account.clone());
        }
    }
    if let Some(caller) = caller {
        match &caller.tags {
            Setting::Is(tags, _) | Setting::Default(tags) => {
                for (key, value) in tags {
                    if let Some(key) = key.as_literal() {
                        c.present(&format!("aws:PrincipalTag/{key}"), value.clone());
                    }
                }
            }
            Setting::Choice(_) | Setting::Unknown(_) => {}
        }
    }
}

/// Puts the draft's headers into the context of `s3:PutObject`.
fn with_headers(context: &mut RequestContext, draft: &Draft, acl_only: bool, part: bool) {
    for (header, sent) in HEADERS.iter().zip(&draft.headers) {
        if acl_only && !header.on_put_object_acl {
            continue;
        }
        let carried = if part {
            ties::on_parts(header)
        } else {
            Carried::Always
        };
        match (carried, sent) {
            (_, Sent::Absent) => continue,
            (Carried::Never, _) => {
                context.absent(header.key);
                continue;
            }
            (Carried::Maybe, _) => {
                context.set(header.key, ContextValue::Unknown);
                continue;
            }
            (Carried::Is(_) | Carried::Always, _) => {}
        }
        match sent {
            Sent::Absent => {}
            Sent::Value(value) => context.present(header.key, value.clone()),
            Sent::Open => context.set(header.key, ContextValue::Unknown),
        }
    }
    if let Sent::Value(_) = draft.header(headers::LOCK_DATE) {
        let days = match part {
            true => ContextValue::Unknown,
            false => ContextValue::PresentUnknown,
        };
        context.set("s3:object-lock-remaining-retention-days", days);
    }
    if acl_only {
        return;
    }
    match &draft.tags {
        _ if part && ties::named_on_parts(headers::TAGGING) == Carried::Never => {}
        Some(tags) if tags.is_empty() => {}
        Some(tags) => {
            for (key, value) in tags {
                context.present(&format!("s3:RequestObjectTag/{key}"), value.clone());
            }
            let keys = tags.iter().map(|(k, _)| Text::literal(k.clone())).collect();
            context.set(headers::REQUEST_TAG_KEYS, ContextValue::Present(keys));
        }
        None => {
            for key in &draft.open_tags {
                context.set(
                    &format!("{}{key}", headers::REQUEST_TAG),
                    ContextValue::Unknown,
                );
            }
            context.set(headers::REQUEST_TAG_KEYS, ContextValue::Unknown);
        }
    }
}

/// ARN of the object, or of any object of the bucket.
pub fn object_arn(bucket: &Bucket, key: &Option<Text>) -> Text {
    let mut arn = Text::from_pieces(bucket.arn.pieces().iter().cloned());
    arn.push_str("/");
    match key {
        Some(key) => arn.push(key),
        None => arn.push_unknown(Unknown::because("any object key")),
    }
    arn
}

/// The one call that decides an upload to a directory bucket (spec 3.1).
fn session_call(principal: &Principal, bucket: &Bucket, base: &Arc<RequestContext>) -> Request {
    let mut context = RequestContext::over(base);
    // Any mode may be asked for; an upload needs this one.
    context.present("s3express:SessionMode", "ReadWrite");
    context.present("s3express:authType", "REST-HEADER");
    context.present("s3express:signatureversion", "AWS4-HMAC-SHA256");
    context.present("s3express:TlsVersion", "1.3");
    context.present("s3express:ResourceAccount", bucket.account.id.clone());
    // What a session asks for beside its mode is not searched.
    for key in [
        "s3express:LocationName",
        "s3express:signatureAge",
        "s3express:x-amz-content-sha256",
        "s3express:x-amz-server-side-encryption",
        "s3express:x-amz-server-side-encryption-aws-kms-key-id",
        "s3express:AllAccessRestrictedToLocalZoneGroup",
    ] {
        context.set(key, ContextValue::Unknown);
    }
    Request {
        principal: principal.clone(),
        action: "s3express:CreateSession".into(),
        resource: bucket.arn.clone(),
        resource_account: bucket.account.id.clone(),
        context,
    }
}

/// One S3 call of an upload, by what the draft gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    pub action: &'static str,
    pub carries: Carries,
}

/// Which of a draft's headers a call carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// Those of the upload, whose creation of an object is said, or not.
    Put,
    Headers,
    /// Those of a part.
    Part,
    /// Those that `PutObjectAcl` has.
    Acl,
    /// A session of a directory bucket has none.
    Session,
}

/// The S3 calls of a draft that are certain to be made.
pub fn calls_of(bucket: &Bucket, draft: &Draft) -> Vec<Call> {
    let call = |action: &'static str, carries: Carries| Call { action, carries };
    if bucket.directory {
        return vec![call("s3express:CreateSession", Carries::Session)];
    }
    let mut out = vec![call("s3:PutObject", Carries::Put)];
    if draft.multipart {
        out.push(call("s3:PutObject", Carries::Part));
    }
    if draft.sends_acl() {
        out.push(call("s3:PutObjectAcl", Carries::Acl));
    }
    if draft.tags.as_ref().is_some_and(|t| !t.is_empty()) {
        out.push(call("s3:PutObjectTagging", Carries::Headers));
    }
    for (header, sent) in HEADERS.iter().zip(&draft.headers) {
        let (Some(action), Sent::Value(_)) = (header.action, sent) else {
            continue;
        };
        let more = call(action, Carries::Headers);
        if action != "s3:PutObjectAcl" && !out.contains(&more) {
            out.push(more);
        }
    }
    out
}

/// One S3 call with its context.
pub fn s3_call(
    principal: &Principal,
    bucket: &Bucket,
    base: &Arc<RequestContext>,
    draft: &Draft,
    call: Call,
) -> Request {
    if call.carries == Carries::Session {
        return session_call(principal, bucket, base);
    }
    let part = call.carries == Carries::Part;
    let mut context = RequestContext::over(base);
    with_headers(&mut context, draft, call.carries == Carries::Acl, part);
    if part || call.carries == Carries::Put {
        let whole = !part && !draft.multipart;
        let creates = if whole { "true" } else { "false" };
        context.present("s3:ObjectCreationOperation", creates);
    }
    Request {
        principal: principal.clone(),
        action: call.action.into(),
        resource: object_arn(bucket, &draft.key),
        resource_account: bucket.account.id.clone(),
        context,
    }
}

/// The S3 calls of a draft that are certain to be made, with their context.
pub fn s3_calls(
    principal: &Principal,
    bucket: &Bucket,
    base: &Arc<RequestContext>,
    draft: &Draft,
) -> Vec<Request> {
    let calls = calls_of(bucket, draft).into_iter();
    calls
        .map(|call| s3_call(principal, bucket, base, draft, call))
        .collect()
}

/// The KMS calls that S3 makes with the uploader's rights.
pub fn kms_calls(
    principal: &Principal,
    bucket: &Bucket,
    base: &RequestContext,
    draft: &Draft,
    key: &KmsKey,
    bucket_key: bool,
) -> Vec<Request> {
    let mut context = RequestContext::default();
    for (name, value) in &base.keys {
        if ties::to_kms(name) {
            context.keys.insert(name.clone(), value.clone());
        }
    }
    context.present("aws:SecureTransport", "true");
    context.present("aws:ViaAWSService", "true");
    match &key.region {
        Some(region) => context.present("aws:RequestedRegion", region.clone()),
        None => context.set("aws:RequestedRegion", ContextValue::PresentUnknown),
    }
    match &bucket.region {
        _ if bucket.directory => context.set("kms:ViaService", ContextValue::PresentUnknown),
        Some(region) => {
            let mut service = Text::literal("s3.");
            service.push(region);
            service.push_str(".amazonaws.com");
            context.present("kms:ViaService", service);
        }
        None => context.set("kms:ViaService", ContextValue::PresentUnknown),
    }
    match principal.account() {
        Some(account) => context.present("kms:CallerAccount", account.clone()),
        None => context.set("kms:CallerAccount", ContextValue::Unknown),
    }
    // A directory bucket always uses a Bucket Key.
    let bucket_key = bucket_key || bucket.directory;
    let object = if bucket_key {
        bucket.arn.clone()
    } else {
        object_arn(bucket, &draft.key)
    };
    context.present("kms:EncryptionContext:aws:s3:arn", object);
    context.set(
        "kms:EncryptionContextKeys",
        ContextValue::Present(vec![Text::literal("aws:s3:arn")]),
    );
    context.set("kms:EncryptionAlgorithm", ContextValue::Unknown);
    context.set("kms:GrantIsForAWSResource", ContextValue::Absent);
    if !key.aliases.is_empty() {
        context.set(
            "kms:ResourceAliases",
            ContextValue::Present(key.aliases.clone()),
        );
    }
    context.present("aws:ResourceAccount", key.account.id.clone());
    context.set("aws:ResourceOrgID", ContextValue::Unknown);
    // What a service passes to KMS beside this.
    for (name, value) in base.keys.iter().filter(|(n, _)| n.starts_with("kms:")) {
        context.keys.insert(name.clone(), value.clone());
    }
    let context = Arc::new(context);
    let call = |action: &str| Request {
        principal: principal.clone(),
        action: action.into(),
        resource: key.arn.clone(),
        resource_account: key.account.id.clone(),
        context: RequestContext::over(&context),
    };
    let mut out = vec![call("kms:GenerateDataKey")];
    if bucket_key || draft.multipart {
        out.push(call("kms:Decrypt"));
    }
    out
}

/// A text of one unknown piece.
pub fn unknown_text(reason: &str) -> Text {
    Text::from_pieces([Piece::Unknown(Unknown::because(reason))])
}
