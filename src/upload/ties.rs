//! What ties the variables of an upload to each other, in one table: a request that breaks a tie cannot be sent, so the
//! search never proposes it and no context has it.

use crate::decision::{ContextValue, Match, Principal, RequestContext};
use crate::upload::calls::{Draft, Sent};
use crate::upload::headers::{self, HEADERS, Header};

/// One tie, with the clause of the specification that states it.
pub struct Tie {
    pub spec: &'static str,
    pub holds: Holds,
}

/// Names of headers that end in `-` stand for every header that begins so.
pub enum Holds {
    /// The first header is sent only where the second has one of these values.
    OnlyWith(&'static str, &'static str, &'static [&'static str]),
    /// No request sends both.
    NotBoth(&'static str, &'static str),
    /// A request sends both or neither.
    Together(&'static str, &'static str),
    /// Sent when a multipart upload is created; whether its parts carry the key.
    OnParts(&'static str, Carried),
    /// Condition key: from the internet, through a VPC endpoint.
    ByPath(&'static str, Carried, Carried),
    /// Condition key, by the kind of caller: user, role session, federated user, root user, some principal of an
    /// account, AWS service, anonymous. Where the caller is known its own values are put in.
    ByCaller(&'static str, [Carried; 7]),
    /// Condition keys that travel from the S3 call to the KMS call; a name that ends in `-` stands for a family.
    ToKms(&'static [&'static str]),
}

/// Whether a request carries a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Carried {
    Never,
    /// Always, with this value.
    Is(&'static str),
    /// Always, with a value that the sources do not show.
    Always,
    Maybe,
}

use Carried::{Always, Is, Maybe, Never};
use Holds::{ByCaller, ByPath, NotBoth, OnParts, OnlyWith, ToKms, Together};

/// Every tie between headers, path, caller and calls.
pub const TIES: &[Tie] = &[
    // Headers of one request.
    tie(
        "3.2, 5.7",
        OnlyWith(headers::SSE_KEY, headers::SSE, &["aws:kms", "aws:kms:dsse"]),
    ),
    tie("3.1", NotBoth(headers::SSE_C, headers::SSE)),
    tie("3.1", NotBoth(headers::SSE_C, headers::SSE_KEY)),
    tie("3.2", NotBoth(headers::ACL, "x-amz-grant-")),
    tie("4", Together(headers::LOCK_MODE, headers::LOCK_DATE)),
    tie("3.5", NotBoth("if-none-match", "if-match")),
    // Multipart uploads.
    tie("3.2", OnParts(headers::ACL, Never)),
    tie("3.2", OnParts("x-amz-grant-", Never)),
    tie("3.2", OnParts(headers::TAGGING, Never)),
    tie("3.2", OnParts("if-", Never)),
    tie("3.2", OnParts(headers::STORAGE_CLASS, Maybe)),
    tie("3.2", OnParts("x-amz-object-lock-", Maybe)),
    // The path: an address of the internet or an endpoint, never both.
    tie("3.3", ByPath("aws:SourceIp", Always, Never)),
    tie("3.3", ByPath("aws:VpcSourceIp", Never, Always)),
    tie("3.3", ByPath("aws:SourceVpc", Never, Always)),
    tie("3.3", ByPath("aws:SourceVpce", Never, Always)),
    tie("3.3", ByPath("aws:SourceVpcArn", Never, Always)),
    tie("3.3", ByPath("aws:VpceAccount", Never, Always)),
    tie("3.3", ByPath("aws:VpceOrgID", Never, Maybe)),
    tie("3.3", ByPath("aws:VpceOrgPaths", Never, Maybe)),
    // The caller: its ARN fixes account and type, and which keys its credentials bring.
    tie(
        "3.3",
        ByCaller(
            "aws:PrincipalArn",
            [Always, Always, Always, Always, Always, Maybe, Never],
        ),
    ),
    tie(
        "3.3",
        ByCaller(
            "aws:PrincipalAccount",
            [Always, Always, Always, Always, Always, Maybe, Never],
        ),
    ),
    tie(
        "3.3",
        ByCaller(
            "aws:PrincipalType",
            [
                Is("User"),
                Is("AssumedRole"),
                Always,
                Is("Account"),
                Always,
                Always,
                Always,
            ],
        ),
    ),
    tie(
        "3.3",
        ByCaller(
            "aws:userid",
            [Always, Always, Always, Always, Always, Always, Always],
        ),
    ),
    tie(
        "3.3",
        ByCaller(
            "aws:username",
            [Always, Never, Never, Never, Maybe, Never, Never],
        ),
    ),
    tie(
        "3.3",
        ByCaller(
            "aws:PrincipalOrgID",
            [Maybe, Maybe, Maybe, Maybe, Maybe, Never, Never],
        ),
    ),
    tie(
        "3.3",
        ByCaller(
            "aws:PrincipalOrgPaths",
            [Maybe, Maybe, Maybe, Maybe, Maybe, Never, Never],
        ),
    ),
    tie(
        "3.3",
        ByCaller(
            "aws:PrincipalIsAWSService",
            [
                Is("false"),
                Is("false"),
                Is("false"),
                Is("false"),
                Is("false"),
                Is("true"),
                Never,
            ],
        ),
    ),
    tie(
        "3.3",
        ByCaller(
            "aws:PrincipalServiceName",
            [Never, Never, Never, Never, Never, Always, Never],
        ),
    ),
    tie(
        "3.3",
        ByCaller(
            "aws:PrincipalServiceNamesList",
            [Never, Never, Never, Never, Never, Always, Never],
        ),
    ),
    // Long-term keys of a user bring neither; a user may have asked for a session first.
    tie(
        "3.3",
        ByCaller(
            "aws:MultiFactorAuthPresent",
            [Maybe, Always, Maybe, Maybe, Maybe, Never, Never],
        ),
    ),
    tie(
        "3.3",
        ByCaller(
            "aws:MultiFactorAuthAge",
            [Maybe, Maybe, Maybe, Maybe, Maybe, Never, Never],
        ),
    ),
    tie(
        "3.3",
        ByCaller(
            "aws:TokenIssueTime",
            [Maybe, Always, Always, Maybe, Maybe, Never, Never],
        ),
    ),
    tie("3.3", ByCaller("aws:Ec2InstanceSourceVpc", ROLES_ONLY)),
    tie(
        "3.3",
        ByCaller("aws:Ec2InstanceSourcePrivateIPv4", ROLES_ONLY),
    ),
    tie("3.3", ByCaller("ec2:SourceInstanceArn", ROLES_ONLY)),
    tie("3.3", ByCaller("ec2:RoleDelivery", ROLES_ONLY)),
    tie("3.3", ByCaller("lambda:SourceFunctionArn", ROLES_ONLY)),
    tie("3.3", ByCaller("aws:SourceIdentity", ROLES_ONLY)),
    tie("3.3", ByCaller("aws:FederatedProvider", ROLES_ONLY)),
    tie("3.3", ByCaller("aws:RoleSessionName", ROLES_ONLY)),
    tie("3.3", ByCaller("sts:RoleSessionName", ROLES_ONLY)),
    // The KMS call: the caller's keys travel, those of the network and of S3 do not.
    tie(
        "5.5",
        ToKms(&[
            "aws:principal-",
            "aws:userid",
            "aws:username",
            "aws:currenttime",
            "aws:epochtime",
            "aws:tokenissuetime",
            "aws:multifactorauthpresent",
            "aws:multifactorauthage",
            "aws:sourcearn",
            "aws:sourceaccount",
        ]),
    ),
];

const ROLES_ONLY: [Carried; 7] = [Never, Maybe, Never, Never, Maybe, Never, Never];

const fn tie(spec: &'static str, holds: Holds) -> Tie {
    Tie { spec, holds }
}

fn is_named(name: &str, header: &str) -> bool {
    match name.strip_suffix('-') {
        Some(_) => header.starts_with(name),
        None => header == name,
    }
}

/// Headers of one request that S3 takes together; `No`: the search never proposes the draft.
pub fn legal(draft: &Draft) -> Match {
    let headers: Vec<&str> = HEADERS
        .iter()
        .zip(&draft.headers)
        .filter(|(_, sent)| matches!(sent, Sent::Value(_)))
        .map(|(h, _)| h.name)
        .collect();
    // Every tie is about a header that is sent.
    if headers.is_empty() {
        return Match::Yes;
    }
    let sent = |name: &str| headers.iter().any(|header| is_named(name, header));
    let absent = |name: &str| matches!(draft.header(name), Sent::Absent);
    let broken = |tie: &Tie| match tie.holds {
        OnlyWith(header, with, values) => {
            let other = match draft.header(with) {
                Sent::Absent => true,
                Sent::Value(value) => value.as_literal().is_some_and(|v| !values.contains(&v)),
                Sent::Open => false,
            };
            sent(header) && other
        }
        NotBoth(a, b) => sent(a) && sent(b),
        Together(a, b) => sent(a) && absent(b) || sent(b) && absent(a),
        OnParts(..) | ByPath(..) | ByCaller(..) | ToKms(_) => false,
    };
    Match::of(!TIES.iter().any(broken))
}

/// Do the parts of a multipart upload carry the key of a header that was sent when it was created?
pub fn on_parts(header: &Header) -> Carried {
    named_on_parts(header.name)
}

/// As [`on_parts`], by the header's name.
pub fn named_on_parts(name: &str) -> Carried {
    let found = TIES.iter().find_map(|tie| match tie.holds {
        OnParts(tied, carried) if is_named(tied, name) => Some(carried),
        _ => None,
    });
    // As on the request that creates it.
    found.unwrap_or(Always)
}

fn put(context: &mut RequestContext, key: &str, carried: Carried) {
    match carried {
        Never => context.absent(key),
        Is(value) => context.present(key, value),
        Always => context.set(key, ContextValue::PresentUnknown),
        Maybe => context.set(key, ContextValue::Unknown),
    }
}

/// The keys of the path: through an endpoint, or from the internet.
pub fn put_path(context: &mut RequestContext, through_endpoint: bool) {
    for tie in TIES {
        if let ByPath(key, internet, endpoint) = tie.holds {
            put(
                context,
                key,
                if through_endpoint { endpoint } else { internet },
            );
        }
    }
}

/// The keys of the caller, as far as its kind says.
pub fn put_caller(context: &mut RequestContext, principal: &Principal) {
    let column = match principal {
        Principal::User { .. } => 0,
        Principal::Role { .. } => 1,
        Principal::FederatedUser { .. } => 2,
        Principal::Root { .. } => 3,
        Principal::Account { .. } => 4,
        Principal::Service { .. } => 5,
        Principal::Anonymous => 6,
    };
    for tie in TIES {
        if let ByCaller(key, carried) = &tie.holds {
            put(context, key, carried.get(column).copied().unwrap_or(Maybe));
        }
    }
}

/// Does the key of the S3 call, in lower case, travel to the KMS call?
pub fn to_kms(key: &str) -> bool {
    let travels = |name: &&str| match name.strip_suffix('-') {
        Some(family) => key.starts_with(family),
        None => *name == key,
    };
    TIES.iter().any(|tie| match tie.holds {
        ToKms(names) => names.iter().any(travels),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Text;

    fn sending(headers: &[(&str, &str)]) -> Draft {
        let mut draft = Draft::plain(None);
        for (name, value) in headers {
            draft.set(name, Sent::Value(Text::literal(*value)));
        }
        draft
    }

    #[test]
    fn what_cannot_be_sent_together() {
        for (headers, legal_together) in [
            (&[][..], true),
            (&[(headers::SSE, "aws:kms"), (headers::SSE_KEY, "k")], true),
            (&[(headers::SSE, "AES256"), (headers::SSE_KEY, "k")], false),
            (&[(headers::SSE_KEY, "k")], false),
            (
                &[(headers::SSE_C, "AES256"), (headers::SSE, "AES256")],
                false,
            ),
            (
                &[(headers::ACL, "private"), ("x-amz-grant-read", "id=1")],
                false,
            ),
            (
                &[("x-amz-grant-read", "id=1"), ("x-amz-grant-write", "id=1")],
                true,
            ),
            (&[(headers::LOCK_MODE, "GOVERNANCE")], false),
            (&[("if-none-match", "*"), ("if-match", "e")], false),
        ] {
            assert_eq!(
                legal(&sending(headers)),
                Match::of(legal_together),
                "{headers:?}"
            );
        }
    }

    #[test]
    fn an_address_or_an_endpoint() {
        for through_endpoint in [false, true] {
            let mut context = RequestContext::default();
            put_path(&mut context, through_endpoint);
            let absent = |key: &str| *context.get(key) == ContextValue::Absent;
            assert_eq!(absent("aws:SourceIp"), through_endpoint);
            assert_eq!(absent("aws:SourceVpce"), !through_endpoint);
        }
    }

    #[test]
    fn every_header_of_a_tie_is_one_of_the_table() {
        let known =
            |name: &str| name == headers::TAGGING || HEADERS.iter().any(|h| is_named(name, h.name));
        for tie in TIES {
            assert!(!tie.spec.is_empty());
            match tie.holds {
                OnlyWith(a, b, _) | NotBoth(a, b) | Together(a, b) => {
                    assert!(known(a) && known(b), "{a} {b}")
                }
                OnParts(a, _) => assert!(known(a), "{a}"),
                ByPath(..) | ByCaller(..) | ToKms(_) => {}
            }
        }
    }
}
