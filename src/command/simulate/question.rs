//! Reading of requests and documents, and the questions about one element of a statement.

use std::sync::Arc;

use iaclint::decision::condition::test_answer;
use iaclint::decision::principal::{Circumstances, GrantForm, principal_answer};
use iaclint::decision::statement::{Surroundings, action_answer, resource_answer, strongest};
use iaclint::decision::{
    ContextValue, EndpointKind, Match, Principal, Request, RequestContext, World,
};
use iaclint::pattern;
use iaclint::policy::actions;
use iaclint::policy::public::is_public;
use iaclint::policy::{Effect, Policy, PolicyType, PolicyVersion, Statement, parse::parse};
use iaclint::value::{FileId, Place, ScopeId, Span, Symbol, SymbolKind, Text, Unknown, Value};
use serde_json::{Map, Value as Json, json};

pub type Answer = Result<Map<String, Json>, String>;

fn field(name: &str, value: Json) -> Answer {
    Ok(Map::from_iter([(name.to_string(), value)]))
}

/// A policy document given as JSON.
pub fn policy(document: &Json, policy_type: PolicyType, name: &str) -> Arc<Policy> {
    let place = Place::at(Span::new(FileId(0), 0, 0));
    let mut policy = parse(
        &Value::text(settle_short(document, policy_type).to_string(), place),
        policy_type,
        name,
    );
    // AWS stores no partial wildcard; a document that is taken as stored names nobody with one.
    let principals = policy
        .statements
        .iter_mut()
        .filter_map(|s| s.principals.as_mut());
    for entry in principals.flat_map(|p| &mut p.entries) {
        let wild = |text: &str| text != "*" && text.contains(['*', '?']);
        if entry.text.as_literal().is_some_and(wild) {
            entry.text = Text::literal("nobody");
        }
    }
    Arc::new(policy)
}

fn text_of(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(n) => Some(n.to_string()),
        Json::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

fn texts_of(value: &Json) -> Vec<String> {
    match value {
        Json::Array(items) => items.iter().filter_map(text_of).collect(),
        single => text_of(single).into_iter().collect(),
    }
}

/// The text with every `*` taken for something unknown, as a request that speaks of several resources means it.
pub fn wild_text(text: &str) -> Text {
    let mut out = Text::default();
    let in_arn = pattern::arn_fields(text).is_some();
    let mut colons = 0;
    for (position, part) in text.split('*').enumerate() {
        if position > 0 {
            let why = "the request names several resources";
            // Before the fifth colon it holds no colon, as a region.
            out.push_unknown(match in_arn && colons < 5 {
                true => Unknown::symbol(
                    Symbol {
                        scope: ScopeId(u32::try_from(position).unwrap_or(0)),
                        kind: SymbolKind::Region,
                        subject: "".into(),
                        attribute: "request".into(),
                    },
                    why,
                ),
                false => Unknown::because(why),
            });
        }
        colons += part.matches(':').count();
        out.push_str(part);
    }
    out
}

/// Resource patterns of fewer than six fields, which documentation leaves open, as one evaluator was seen to
/// take them: callers' policies fill up with `*`, a bucket policy only where it has a wildcard, an SCP only
/// where it ends in one, an RCP never. One that is not taken matches nothing, under `NotResource` everything.
fn settle_short(document: &Json, policy_type: PolicyType) -> Json {
    let settle = |text: &str, negated: bool| -> String {
        let fields = text.split(':').count();
        if text == "*" || fields >= 6 || !text.starts_with("arn:") {
            return text.to_string();
        }
        let wild = text.contains('*');
        let filled = match policy_type {
            PolicyType::Bucket | PolicyType::Key => wild,
            PolicyType::Scp => text.ends_with('*'),
            PolicyType::Rcp => false,
            _ => true,
        };
        let plain = matches!(policy_type, PolicyType::Bucket | PolicyType::Key) && !wild;
        match (negated && !plain, filled) {
            (true, _) => "*".to_string(),
            (false, true) => format!("{text}{}", ":*".repeat(6 - fields)),
            (false, false) => "arn:::::".to_string(),
        }
    };
    let each = |value: &Json, negated: bool| match value {
        Json::String(text) => Json::String(settle(text, negated)),
        Json::Array(items) => items
            .iter()
            .map(|item| {
                item.as_str()
                    .map_or_else(|| item.clone(), |text| Json::String(settle(text, negated)))
            })
            .collect(),
        other => other.clone(),
    };
    let mut document = document.clone();
    let statements: Vec<&mut Json> = match document.get_mut("Statement") {
        Some(Json::Array(items)) => items.iter_mut().collect(),
        Some(single) => vec![single],
        None => Vec::new(),
    };
    for statement in statements {
        for (name, negated) in [("Resource", false), ("NotResource", true)] {
            if let Some(value) = statement.get_mut(name) {
                *value = each(value, negated);
            }
        }
    }
    document
}

pub fn is_discovery(question: &Json) -> bool {
    question.pointer("/settings/mode").and_then(Json::as_str) == Some("discovery")
}

/// The context of a request: strict (what is not given is absent) or discovery (it is unknown).
pub fn context(question: &Json) -> RequestContext {
    let given = question
        .pointer("/request/context")
        .or_else(|| question.get("context"));
    let mut context = RequestContext::default();
    let discovery = is_discovery(question);
    if discovery {
        context.other = ContextValue::Unknown;
    }
    let value = |key: &str| {
        let found = given.and_then(Json::as_object).and_then(|map| {
            map.iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(key))
                .map(|(_, value)| value)
        });
        match found {
            Some(value) => {
                ContextValue::Present(texts_of(value).into_iter().map(Text::literal).collect())
            }
            None => ContextValue::Absent,
        }
    };
    if discovery {
        let known = question
            .pointer("/settings/key_knowledge")
            .and_then(Json::as_array);
        for entry in known.into_iter().flatten() {
            let Some(key) = entry.get("key").and_then(Json::as_str) else {
                continue;
            };
            let flag = |name: &str| entry.get(name).and_then(Json::as_bool).unwrap_or(false);
            let state = match (flag("presence_known"), flag("value_known"), value(key)) {
                (false, _, _) => ContextValue::Unknown,
                (true, _, ContextValue::Absent) => ContextValue::Absent,
                (true, true, given) => given,
                (true, false, _) => ContextValue::PresentUnknown,
            };
            // A pattern speaks of keys by their beginning; the keys that the policies use are known only there.
            match key
                .strip_prefix('/')
                .and_then(|k| k.strip_suffix("/"))
                .and_then(|k| k.strip_suffix(".*"))
            {
                Some(prefix) => {
                    let mut used = Vec::new();
                    keys_beginning(
                        question.get("policies").unwrap_or(&Json::Null),
                        prefix,
                        &mut used,
                    );
                    used.iter().for_each(|key| {
                        context.set(
                            key,
                            if flag("presence_known") {
                                value(key)
                            } else {
                                ContextValue::Unknown
                            },
                        );
                    });
                }
                None => context.set(key, state),
            }
        }
    } else if let Some(map) = given.and_then(Json::as_object) {
        for key in map.keys() {
            context.set(key, value(key));
        }
    }
    // The public engine drops what the action does not have.
    if question.get("engine").and_then(Json::as_str) == Some("public") {
        let action = question.pointer("/request/action").and_then(Json::as_str);
        let action = action.unwrap_or("");
        context
            .keys
            .retain(|key, _| actions::has_key(action, key) != Some(false));
    }
    context
}

/// Names of members of objects that begin like that, as condition keys do.
fn keys_beginning(document: &Json, prefix: &str, found: &mut Vec<String>) {
    match document {
        Json::Array(items) => items
            .iter()
            .for_each(|item| keys_beginning(item, prefix, found)),
        Json::Object(map) => map.iter().for_each(|(name, value)| {
            if name
                .get(..prefix.len())
                .is_some_and(|p| p.eq_ignore_ascii_case(prefix))
            {
                found.push(name.clone());
            }
            keys_beginning(value, prefix, found);
        }),
        _ => {}
    }
}

/// The caller: an ARN, a service name, or anonymous. The path of a session's role is taken from the
/// `documents` that name a role of that account and name.
pub fn principal(value: Option<&Json>, documents: &[&Json]) -> Principal {
    let Some(written) = value.and_then(Json::as_str) else {
        return Principal::Anonymous;
    };
    let literal = |text: &str| Text::literal(text);
    let Some([_, partition, service, _, account, tail]) = pattern::arn_fields(written) else {
        let is_account = written.len() == 12 && written.bytes().all(|b| b.is_ascii_digit());
        return if is_account {
            Principal::Root {
                account: literal(written),
            }
        } else {
            Principal::Service {
                name: literal(written),
            }
        };
    };
    let account_text = literal(account);
    if tail == "root" {
        Principal::Root {
            account: account_text,
        }
    } else if let Some(session) = tail
        .strip_prefix("assumed-role/")
        .filter(|_| service == "sts")
    {
        let name = session.split('/').next().unwrap_or("");
        let prefix = format!("arn:{partition}:iam::{account}:role/");
        let mut found = None;
        documents
            .iter()
            .for_each(|d| find_role(d, &prefix, name, &mut found));
        let arn = found.unwrap_or_else(|| format!("{prefix}{name}"));
        Principal::Role {
            arn: Text::literal(arn),
            account: account_text,
            session: Some(literal(written)),
        }
    } else if tail.starts_with("federated-user/") {
        Principal::FederatedUser {
            arn: literal(written),
            account: account_text,
        }
    } else if tail.starts_with("role/") {
        Principal::Role {
            arn: literal(written),
            account: account_text,
            session: None,
        }
    } else {
        Principal::User {
            arn: literal(written),
            account: account_text,
        }
    }
}

fn find_role(document: &Json, prefix: &str, name: &str, found: &mut Option<String>) {
    match document {
        Json::String(text) => {
            let is_role = text.get(..prefix.len()).is_some_and(|p| p == prefix)
                && text
                    .rsplit('/')
                    .next()
                    .is_some_and(|last| last.eq_ignore_ascii_case(name));
            if is_role {
                *found = Some(text.clone());
            }
        }
        Json::Array(items) => items
            .iter()
            .for_each(|item| find_role(item, prefix, name, found)),
        Json::Object(map) => map
            .values()
            .for_each(|item| find_role(item, prefix, name, found)),
        _ => {}
    }
}

/// The request of a question; `wild` takes `*` in its resource for several resources.
pub fn request(question: &Json, documents: &[&Json], wild: bool) -> Result<Request, String> {
    let request = question.get("request").ok_or("no request")?;
    let text = |name: &str| request.get(name).and_then(Json::as_str).unwrap_or("");
    let resource = text("resource");
    // An action that works on no resource is asked about `*` itself.
    let on_nothing = request
        .get("wildcard_only_action")
        .and_then(Json::as_bool)
        .unwrap_or_else(|| {
            actions::action(text("action")).is_some_and(|action| action.resources.is_empty())
        });
    let wild = wild && !on_nothing;
    Ok(Request {
        principal: principal(request.get("principal"), documents),
        action: text("action").into(),
        resource: if wild {
            wild_text(resource)
        } else {
            Text::literal(resource)
        },
        resource_account: Text::literal(text("resource_account")),
        context: context(question),
    })
}

/// A statement around the given elements, as a policy of that type.
fn statement(
    elements: Json,
    policy_type: PolicyType,
) -> Result<(Statement, PolicyVersion), String> {
    let mut whole = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    if let (Some(whole), Json::Object(given)) = (whole.as_object_mut(), elements) {
        for (name, value) in given {
            if let Some(plain) = name.strip_prefix("Not") {
                whole.remove(plain);
            }
            whole.insert(name, value);
        }
    }
    let document = json!({"Version": "2012-10-17", "Statement": [whole]});
    let policy = policy(&document, policy_type, "statement");
    let version = policy.version;
    policy
        .statements
        .first()
        .cloned()
        .map(|s| (s, version))
        .ok_or_else(|| "no statement".to_string())
}

fn effect(question: &Json) -> Effect {
    match question.get("effect").and_then(Json::as_str) {
        Some("Deny") => Effect::Deny,
        _ => Effect::Allow,
    }
}

/// In favour of the request: an unknown Allow matches, an unknown Deny does not.
fn favourably(answer: Match, effect: Effect) -> bool {
    match effect {
        Effect::Allow => answer != Match::No,
        Effect::Deny => answer == Match::Yes,
    }
}

pub fn operator(question: &Json) -> Answer {
    let operator = question
        .get("operator")
        .and_then(Json::as_str)
        .ok_or("no operator")?;
    let values = question.get("policy_values").cloned().unwrap_or(Json::Null);
    let mut context = context(question);
    context.set(
        "iaclint:asked",
        ContextValue::Present(
            question
                .get("request_value")
                .map(texts_of)
                .unwrap_or_default()
                .into_iter()
                .map(Text::literal)
                .collect(),
        ),
    );
    let (statement, version) = statement(
        json!({"Condition": {operator: {"iaclint:asked": values}}}),
        PolicyType::Identity,
    )?;
    let answer = statement.conditions.iter().fold(Match::Yes, |all, test| {
        all.and(test_answer(test, version, &context, &World::default()))
    });
    field("match", (answer == Match::Yes).into())
}

pub fn condition(question: &Json) -> Answer {
    let block = question.get("condition").cloned().ok_or("no condition")?;
    let context = context(question);
    let (statement, version) = statement(json!({"Condition": block}), PolicyType::Identity)?;
    let answer = statement.conditions.iter().fold(Match::Yes, |all, test| {
        all.and(test_answer(test, version, &context, &World::default()))
    });
    let matched = match is_discovery(question) {
        true => favourably(answer, effect(question)),
        false => answer == Match::Yes,
    };
    field("match", matched.into())
}

fn policy_type(question: &Json) -> PolicyType {
    match question.get("policy_type").and_then(Json::as_str) {
        Some("session") => PolicyType::Session,
        Some("pb") => PolicyType::Boundary,
        Some("resource") => PolicyType::Bucket,
        Some("scp") => PolicyType::Scp,
        Some("rcp") => PolicyType::Rcp,
        Some("vpce") => PolicyType::Endpoint,
        _ => PolicyType::Identity,
    }
}

pub fn resource_match(question: &Json) -> Answer {
    let element = question
        .get("element")
        .and_then(Json::as_str)
        .ok_or("no element")?;
    let patterns = question.get("patterns").cloned().ok_or("no patterns")?;
    let policy_type = policy_type(question);
    let (statement, version) = statement(json!({element: patterns}), policy_type)?;
    let request = request(question, &[], true)?;
    let world = World::default();
    let around = Surroundings {
        policy_type,
        version,
        endpoint: EndpointKind::Unknown,
        bounded: false,
        world: &world,
    };
    let answer = resource_answer(&statement, &request, around);
    field("match", favourably(answer, effect(question)).into())
}

pub fn action_match(question: &Json) -> Answer {
    let element = question
        .get("element")
        .and_then(Json::as_str)
        .ok_or("no element")?;
    let patterns = question.get("patterns").cloned().ok_or("no patterns")?;
    let (statement, _) = statement(json!({element: patterns}), PolicyType::Identity)?;
    let request = request(question, &[], false)?;
    field(
        "match",
        (action_answer(&statement.actions, &request, &World::default()) == Match::Yes).into(),
    )
}

pub fn principal_match(question: &Json) -> Answer {
    let elements = question.get("statement").cloned().ok_or("no statement")?;
    let request = request(question, &[&elements], false)?;
    let (statement, _) = statement(elements, PolicyType::Bucket)?;
    let Some(element) = &statement.principals else {
        return field("match", "NoMatch".into());
    };
    let world = World::default();
    let at = Circumstances {
        effect: effect(question),
        policy_type: PolicyType::Bucket,
        endpoint: EndpointKind::Unknown,
        bounded: false,
        world: &world,
    };
    let mut answer = principal_answer(element, &request.principal, at);
    if is_discovery(question) {
        // The session's name is open: another session of the same role may be meant.
        if let Principal::Role { arn, account, .. } = &request.principal {
            let open = Principal::Role {
                arn: arn.clone(),
                account: account.clone(),
                session: None,
            };
            let other = principal_answer(element, &open, at);
            answer.direct = answer.direct.or(other.direct);
        }
    }
    let least = if is_discovery(question) && effect(question) == Effect::Allow {
        Match::Unknown
    } else {
        Match::Yes
    };
    let name = match strongest(answer, least) {
        Some(GrantForm::Direct) => "Match",
        Some(GrantForm::Role) => "SessionRoleMatch",
        Some(GrantForm::Account) => "AccountLevelMatch",
        None => "NoMatch",
    };
    field("match", name.into())
}

pub fn public_policy(question: &Json) -> Answer {
    let document = question.get("policy").ok_or("no policy")?;
    let policy = policy(document, PolicyType::Bucket, "policy");
    // What documentation does not list as limiting is taken as other classifiers take it.
    field("public", (is_public(&policy) == Match::Yes).into())
}
