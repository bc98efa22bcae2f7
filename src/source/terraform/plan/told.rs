//! What the evaluator asks of a plan: attributes of instances, accounts and regions.

use std::sync::Arc;

use super::graft;
use crate::source::terraform::evaluate::Evaluator;
use crate::source::terraform::expansion::Target;
use crate::source::{Provider, Resource};
use crate::value::{Map, Place, Span, Value};

impl Evaluator<'_, '_> {
    /// An attribute that the plan knows: where it is written in the plan, or where the block stands.
    pub fn told(&self, target: &Target, name: &str, header: Span) -> Option<Value> {
        let value = self.plan.as_ref()?.known(&target.address, name)?;
        Some(match target.planned {
            true => value.clone(),
            false => graft::at(value, &Place::at(header), 0),
        })
    }

    /// Texts that the plan knows of a resource beside what the sources say of it: `arn`, `id`.
    pub fn attributes_of_plan(&self, target: &Target, properties: &Value, header: Span) -> Value {
        let mut map = Map::default();
        let plan = self
            .plan
            .as_ref()
            .filter(|_| !target.name.starts_with("data."));
        if let Some(known) = plan.and_then(|p| p.objects.get(&target.address)) {
            for (name, entry) in known.values.iter() {
                let written = properties.get(name).is_some_and(|v| !v.is_null());
                if (target.planned || !written)
                    && entry.value.as_str().is_some_and(|text| !text.is_empty())
                {
                    let value = graft::at(&entry.value, &Place::at(header), 0);
                    map.insert(name.clone(), Place::at(header), value);
                }
            }
        }
        Value::map(map, Place::at(header))
    }

    /// Accounts and regions of provider configurations that do not state them, as the plan knows them from its
    /// data sources and from the ARNs of what stands already.
    pub fn accounts_of_plan(&self, resources: &[Resource], providers: &mut Vec<Provider>) {
        let Some(plan) = &self.plan else { return };
        for resource in resources {
            let known = |name: &str| {
                let value = plan.known(&resource.address, name)?;
                value.as_str().map(str::to_string)
            };
            let (account, region) = match (&*resource.type_name, resource.data) {
                ("aws_caller_identity", true) => (known("account_id"), None),
                ("aws_region", true) if resource.properties.get("name").is_none() => {
                    (None, known("region").or_else(|| known("name")))
                }
                (_, true) => continue,
                _ => {
                    let arn = known("arn").unwrap_or_default();
                    let part = |i: usize| arn.split(':').nth(i).unwrap_or("").to_string();
                    match part(2).as_str() {
                        "iam" | "kms" | "lambda" | "logs" | "sns" | "sqs" => {
                            (Some(part(4)), Some(part(3)))
                        }
                        _ => continue,
                    }
                }
            };
            let digits = |a: &String| a.len() == 12 && a.bytes().all(|b| b.is_ascii_digit());
            let (account, region) = (account.filter(digits), region.filter(|r| !r.is_empty()));
            let at = providers.iter().position(|p| p.name == resource.provider);
            let at = at.unwrap_or_else(|| {
                providers.push(Provider {
                    name: resource.provider.clone(),
                    account: None,
                    region: None,
                    place: None,
                    assume_role: None,
                });
                providers.len() - 1
            });
            if let Some(provider) = providers.get_mut(at) {
                provider.account = provider.account.take().or(account.map(Arc::from));
                provider.region = provider.region.take().or(region.map(Arc::from));
            }
        }
    }
}

/// Data sources whose attributes are told by the provider configuration.
pub fn pseudo(name: &str) -> bool {
    let kind = name.strip_prefix("data.").and_then(|n| n.split('.').next());
    matches!(
        kind,
        Some("aws_caller_identity" | "aws_region" | "aws_partition")
    )
}
