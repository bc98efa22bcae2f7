//! Is a bucket policy public, as S3 Block Public Access judges it (spec 6.2)?
//!
//! A statement starts public; it is not if its principal or one of its tests binds it to fixed values.

use super::{
    ConditionOperator, ConditionTest, Effect, Policy, PolicyVersion, PrincipalKind, Statement,
};
use crate::pattern::address::read_network;
use crate::pattern::{Match, arn_fields};

/// Public in any statement?
pub fn is_public(policy: &Policy) -> Match {
    let start = if policy.open {
        Match::Unknown
    } else {
        Match::No
    };
    policy.statements.iter().fold(start, |any, statement| {
        any.or(is_public_statement(statement, policy.version))
    })
}

/// Does this statement alone make the policy public?
pub fn is_public_statement(statement: &Statement, version: PolicyVersion) -> Match {
    if statement.effect != Effect::Allow {
        return Match::No;
    }
    let mut public = open_principal(statement);
    for test in &statement.conditions {
        public = public.and(!limits(test, version));
    }
    if !statement.unknown.is_empty() || !statement.guards.is_empty() {
        public = public.and(Match::Unknown);
    }
    public
}

/// Names everybody, or a kind of principal that anyone may have.
fn open_principal(statement: &Statement) -> Match {
    let Some(element) = &statement.principals else {
        return Match::No;
    };
    if element.negated {
        return Match::Yes;
    }
    let mut any = if element.open {
        Match::Unknown
    } else {
        Match::No
    };
    for entry in &element.entries {
        let answer = match (entry.kind, entry.text.as_literal()) {
            (PrincipalKind::Everyone | PrincipalKind::Federated, _) => Match::Yes,
            (_, Some(text)) => Match::of(text.contains('*')),
            (PrincipalKind::Aws, None) => match entry.text.pieces().len() {
                1 => Match::Unknown,
                _ => Match::No,
            },
            (_, None) => Match::No,
        };
        any = any.or(if entry.guards.is_empty() {
            answer
        } else {
            answer.and(Match::Unknown)
        });
    }
    any
}

/// Does a test bind the statement to fixed values? What AWS's list omits is unknown.
fn limits(test: &ConditionTest, version: PolicyVersion) -> Match {
    use ConditionOperator::*;
    let Some(key) = test.key.as_literal() else {
        return Match::Unknown;
    };
    let key = key.to_ascii_lowercase();
    let wildcards = matches!(test.operator, StringLike | ArnLike | ArnEquals);
    let positive = matches!(
        test.operator,
        StringEquals | StringEqualsIgnoreCase | StringLike | ArnEquals | ArnLike | IpAddress | Bool
    );
    // A set operator over all values, or a test that passes without the key, binds nothing.
    let loose = test.if_exists || test.set == Some(super::SetOperator::ForAllValues);
    if !positive || loose {
        return Match::No;
    }
    let listed = match key.as_str() {
        "aws:sourceip"
        | "aws:sourcearn"
        | "aws:sourcevpc"
        | "aws:sourcevpce"
        | "aws:sourceowner"
        | "aws:sourceaccount"
        | "aws:userid"
        | "aws:principalorgid"
        | "s3:dataaccesspointarn"
        | "s3:dataaccesspointaccount"
        | "s3:x-amz-server-side-encryption-aws-kms-key-id" => Match::Yes,
        "aws:principalaccount"
        | "aws:principalarn"
        | "aws:principalorgpaths"
        | "aws:principalisawsservice"
        | "aws:principalservicename"
        | "aws:principalservicenameslist"
        | "aws:sourcevpcarn"
        | "aws:vpceaccount"
        | "aws:vpceorgid"
        | "aws:vpceorgpaths" => Match::Unknown,
        _ => return Match::No,
    };
    // Whether these bind a statement is not documented, with or without wildcards.
    if listed == Match::Unknown && key == "aws:principalarn" {
        return Match::Unknown;
    }
    if key == "aws:sourceip" && test.operator != IpAddress
        || key != "aws:sourceip" && test.operator == IpAddress
    {
        return Match::No;
    }
    let mut fixed = if test.open {
        Match::Unknown
    } else {
        Match::Yes
    };
    for value in &test.values {
        let answer = match value.text.as_literal() {
            None => Match::Unknown,
            Some(text) if version != PolicyVersion::V2008 && text.contains("${") => Match::No,
            // Its classification is not documented either way.
            Some(text)
                if key == "aws:userid"
                    && wildcards
                    && text.ends_with(":*")
                    && !text.starts_with('*') =>
            {
                Match::Unknown
            }
            Some(text) => Match::of(is_fixed(&key, text, wildcards)),
        };
        fixed = fixed.and(answer);
    }
    fixed.and(listed)
}

fn is_fixed(key: &str, text: &str, wildcards: bool) -> bool {
    match key {
        "aws:sourceip" => read_network(text).is_some_and(|network| match network {
            ipnet::IpNet::V4(n) => n.prefix_len() >= 8,
            ipnet::IpNet::V6(n) => n.prefix_len() >= 32,
        }),
        "aws:userid" => !wildcards || !text.contains(['*', '?']),
        "aws:principalorgpaths" | "aws:vpceorgpaths" => text
            .split('/')
            .next()
            .is_some_and(|org| org.starts_with("o-") && !org.contains(['*', '?'])),
        "aws:principalservicename" => text != "*",
        "aws:principalisawsservice" => text.eq_ignore_ascii_case("true"),
        // The name may be a pattern where the account is fixed.
        "s3:dataaccesspointarn" | "aws:principalarn" if wildcards && text.contains(['*', '?']) => {
            arn_fields(text).is_some_and(|[_, _, _, _, account, _]| {
                account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())
            })
        }
        _ => !text.contains(['*', '?']),
    }
}
