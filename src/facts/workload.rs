//! Workloads whose configuration is plain: what they run as and where, in one table of both formats.
//!
//! A path leads through blocks, lists and mappings alike (`facts/path.rs`).

use crate::facts::Network;
use crate::facts::declare::{Declaration, Declarations, DeclaredSender, RunsAs};
use crate::facts::delivery::split_destination;
use crate::facts::link::Linker;
use crate::facts::path::{at, texts};
use crate::facts::states;
use crate::source::Resource;
use crate::value::{Text, Value};

/// Where a workload without subnets runs.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Else {
    /// Outside every VPC.
    Outside,
    Unknown,
}

#[derive(Debug, Clone, Copy)]
struct Plain {
    resource: &'static str,
    role: &'static str,
    /// An instance profile in the place of a role.
    profile: &'static str,
    subnets: &'static str,
    /// An entry by which it is in a VPC that is not said.
    connected: &'static str,
    without: Else,
    /// An `s3://` address to which it writes by itself.
    writes: &'static str,
}

const BASE: Plain = Plain {
    resource: "",
    role: "",
    profile: "",
    subnets: "",
    connected: "",
    without: Else::Unknown,
    writes: "",
};

const fn by_role(resource: &'static str, role: &'static str, subnets: &'static str) -> Plain {
    Plain {
        resource,
        role,
        subnets,
        ..BASE
    }
}

const fn by_profile(resource: &'static str, profile: &'static str, subnets: &'static str) -> Plain {
    Plain {
        resource,
        profile,
        subnets,
        ..BASE
    }
}

const TABLE: &[Plain] = &[
    Plain {
        connected: "network_configuration.egress_configuration.vpc_connector_arn",
        without: Else::Outside,
        ..by_role(
            "aws_apprunner_service",
            "instance_configuration.instance_role_arn",
            "",
        )
    },
    Plain {
        connected: "NetworkConfiguration.EgressConfiguration.VpcConnectorArn",
        without: Else::Outside,
        ..by_role(
            "AWS::AppRunner::Service",
            "InstanceConfiguration.InstanceRoleArn",
            "",
        )
    },
    by_profile(
        "aws_emr_cluster",
        "ec2_attributes.instance_profile",
        "ec2_attributes.subnet_id",
    ),
    by_profile("AWS::EMR::Cluster", "JobFlowRole", "Instances.Ec2SubnetId"),
    by_role(
        "aws_sagemaker_model",
        "execution_role_arn",
        "vpc_config.subnets",
    ),
    by_role(
        "AWS::SageMaker::Model",
        "ExecutionRoleArn",
        "VpcConfig.Subnets",
    ),
    by_role(
        "aws_sagemaker_domain",
        "default_user_settings.execution_role",
        "",
    ),
    by_role(
        "AWS::SageMaker::Domain",
        "DefaultUserSettings.ExecutionRole",
        "",
    ),
    by_role(
        "aws_kinesisanalyticsv2_application",
        "service_execution_role",
        "application_configuration.vpc_configuration.subnet_ids",
    ),
    by_role(
        "AWS::KinesisAnalyticsV2::Application",
        "ServiceExecutionRole",
        "ApplicationConfiguration.VpcConfigurations.SubnetIds",
    ),
    by_role(
        "aws_mwaa_environment",
        "execution_role_arn",
        "network_configuration.subnet_ids",
    ),
    by_role(
        "AWS::MWAA::Environment",
        "ExecutionRoleArn",
        "NetworkConfiguration.SubnetIds",
    ),
    by_profile(
        "aws_batch_compute_environment",
        "compute_resources.instance_role",
        "compute_resources.subnets",
    ),
    by_profile(
        "AWS::Batch::ComputeEnvironment",
        "ComputeResources.InstanceRole",
        "ComputeResources.Subnets",
    ),
    by_profile(
        "aws_spot_instance_request",
        "iam_instance_profile",
        "subnet_id",
    ),
    by_profile(
        "aws_imagebuilder_infrastructure_configuration",
        "instance_profile_name",
        "subnet_id",
    ),
    by_profile(
        "AWS::ImageBuilder::InfrastructureConfiguration",
        "InstanceProfileName",
        "SubnetId",
    ),
    by_role(
        "aws_datasync_location_s3",
        "s3_config.bucket_access_role_arn",
        "",
    ),
    by_role(
        "AWS::DataSync::LocationS3",
        "S3Config.BucketAccessRoleArn",
        "",
    ),
    by_role("aws_eks_pod_identity_association", "role_arn", ""),
    by_role("AWS::EKS::PodIdentityAssociation", "RoleArn", ""),
    Plain {
        without: Else::Outside,
        writes: "artifact_s3_location",
        ..by_role(
            "aws_synthetics_canary",
            "execution_role_arn",
            "vpc_config.subnet_ids",
        )
    },
    Plain {
        without: Else::Outside,
        writes: "ArtifactS3Location",
        ..by_role(
            "AWS::Synthetics::Canary",
            "ExecutionRoleArn",
            "VPCConfig.SubnetIds",
        )
    },
];

/// Groups of instances: the resource, its subnets, the ways in which it names what its instances are made from.
const GROUPS: &[(&str, &str, &[&str])] = &[
    (
        "aws_autoscaling_group",
        "vpc_zone_identifier",
        &[
            "launch_template.id",
            "launch_template.name",
            "launch_configuration",
            "mixed_instances_policy.launch_template.launch_template_specification.launch_template_id",
            "mixed_instances_policy.launch_template.launch_template_specification.launch_template_name",
        ],
    ),
    (
        "AWS::AutoScaling::AutoScalingGroup",
        "VPCZoneIdentifier",
        &[
            "LaunchTemplate.LaunchTemplateId",
            "LaunchTemplate.LaunchTemplateName",
            "LaunchConfigurationName",
            "MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateId",
            "MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateName",
        ],
    ),
    (
        "aws_instance",
        "subnet_id",
        &["launch_template.id", "launch_template.name"],
    ),
    (
        "AWS::EC2::Instance",
        "SubnetId",
        &[
            "LaunchTemplate.LaunchTemplateId",
            "LaunchTemplate.LaunchTemplateName",
        ],
    ),
];

/// Schedules that can call S3: the resource, its target's ARN, role and input.
const SCHEDULES: &[(&str, &str, &str, &str)] = &[
    (
        "aws_scheduler_schedule",
        "target.arn",
        "target.role_arn",
        "target.input",
    ),
    (
        "AWS::Scheduler::Schedule",
        "Target.Arn",
        "Target.RoleArn",
        "Target.Input",
    ),
];

/// Adds the workloads of a resource that the table knows; `ids` are the texts by which others name it.
pub fn declare(linker: &Linker<'_>, r: &Resource, ids: &[Text], out: &mut Declarations) {
    let p = &r.properties;
    for row in TABLE.iter().filter(|row| *row.resource == *r.type_name) {
        let named = |path: &str| at(p, path).and_then(Value::as_text);
        let runs_as = match (named(row.role), named(row.profile)) {
            (Some(role), _) => RunsAs::Role(role),
            (None, Some(profile)) => RunsAs::InstanceProfile(profile),
            (None, None) => continue,
        };
        if let (RunsAs::Role(role), Some(written)) = (&runs_as, at(p, row.writes)) {
            write(linker, r, role, written, out);
        }
        out.add(
            r,
            Declaration::Workload {
                ids: ids.to_vec(),
                runs_as: Some(runs_as),
                network: row.network(p),
                strings: Vec::new(),
                scripts: Vec::new(),
                variables: Vec::new(),
            },
        );
    }
    for (_, target, role, input) in SCHEDULES.iter().filter(|(t, ..)| **t == *r.type_name) {
        let (Some(target), Some(input)) = (at(p, target), at(p, input)) else {
            continue;
        };
        let role = at(p, role).and_then(Value::as_text);
        if let (Some(role), Some(task)) = (role, states::scheduled(target, input)) {
            out.add_task(r, role, task);
        }
    }
    for (_, subnets, names) in GROUPS.iter().filter(|(t, ..)| **t == *r.type_name) {
        let network = subnets_of(p, subnets);
        if network == Network::Unknown {
            continue;
        }
        for workload in names.iter().filter_map(|n| at(p, n)?.as_text()) {
            let network = network.clone();
            out.add(r, Declaration::WorkloadNetwork { workload, network });
        }
    }
}

/// The objects that a workload writes to an `s3://` address.
fn write(linker: &Linker<'_>, r: &Resource, role: &Text, written: &Value, out: &mut Declarations) {
    let Some(address) = written.as_text().map(|t| linker.resolve(&t)) else {
        return;
    };
    let rest = match address.split_once("s3://") {
        Some((before, rest)) if before.is_empty() => rest,
        _ => address,
    };
    let (name, folder) = match rest.split_once("/") {
        Some((name, folder)) => (name, Some(folder).filter(|f| !f.is_empty())),
        None => (rest, None),
    };
    let (bucket, _) = split_destination(linker, &name);
    let key = folder.map(|mut folder| {
        folder.push_str("/x");
        folder
    });
    let what = Declaration::Upload {
        sender: DeclaredSender::Role(role.clone()),
        bucket,
        key,
        headers: Vec::new(),
        multipart: false,
    };
    out.add_at(r, written.place.clone(), Vec::new(), what);
}

impl Plain {
    fn network(&self, p: &Value) -> Network {
        match subnets_of(p, self.subnets) {
            Network::Unknown
                if self.without == Else::Outside
                    && at(p, self.connected).is_none()
                    && at(p, self.subnets).is_none() =>
            {
                Network::Outside
            }
            found => found,
        }
    }
}

fn subnets_of(p: &Value, path: &str) -> Network {
    let subnets = texts(p, path);
    match at(p, path) {
        Some(stated) if !subnets.is_empty() => Network::Subnets {
            subnets,
            place: stated.place.clone(),
        },
        _ => Network::Unknown,
    }
}
