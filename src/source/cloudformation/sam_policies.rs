//! Policy templates of serverless functions that touch buckets and keys, as rows: actions and resources.
//!
//! The rows follow AWS's public list of SAM policy templates. A template that touches neither S3 nor KMS grants
//! nothing that an upload needs; it is named in `OTHERS` so that an unknown name can be told from it.

/// One statement of a policy template; `{X}` stands for the parameter X, `{partition}` and so on for the pseudo ones.
pub(super) struct Row {
    pub name: &'static str,
    pub actions: &'static [&'static str],
    pub resources: &'static [&'static str],
}

const BUCKET: &[&str] = &[
    "arn:{partition}:s3:::{BucketName}",
    "arn:{partition}:s3:::{BucketName}/*",
];
const KEY: &[&str] = &["arn:{partition}:kms:{region}:{account}:key/{KeyId}"];

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "S3CrudPolicy",
        actions: &[
            "s3:GetObject",
            "s3:ListBucket",
            "s3:GetBucketLocation",
            "s3:GetObjectVersion",
            "s3:PutObject",
            "s3:PutObjectAcl",
            "s3:GetLifecycleConfiguration",
            "s3:PutLifecycleConfiguration",
            "s3:DeleteObject",
        ],
        resources: BUCKET,
    },
    Row {
        name: "S3WritePolicy",
        actions: &[
            "s3:PutObject",
            "s3:PutObjectAcl",
            "s3:PutLifecycleConfiguration",
        ],
        resources: BUCKET,
    },
    Row {
        name: "S3ReadPolicy",
        actions: &[
            "s3:GetObject",
            "s3:ListBucket",
            "s3:GetBucketLocation",
            "s3:GetObjectVersion",
            "s3:GetLifecycleConfiguration",
        ],
        resources: BUCKET,
    },
    Row {
        name: "S3FullAccessPolicy",
        actions: &[
            "s3:GetObject",
            "s3:GetObjectAcl",
            "s3:GetObjectVersion",
            "s3:PutObject",
            "s3:PutObjectAcl",
            "s3:DeleteObject",
            "s3:DeleteObjectTagging",
            "s3:DeleteObjectVersionTagging",
            "s3:GetObjectTagging",
            "s3:GetObjectVersionTagging",
            "s3:PutObjectTagging",
            "s3:PutObjectVersionTagging",
        ],
        resources: &["arn:{partition}:s3:::{BucketName}/*"],
    },
    Row {
        name: "S3FullAccessPolicy",
        actions: &[
            "s3:ListBucket",
            "s3:GetBucketLocation",
            "s3:GetLifecycleConfiguration",
            "s3:PutLifecycleConfiguration",
        ],
        resources: &["arn:{partition}:s3:::{BucketName}"],
    },
    Row {
        name: "KMSEncryptPolicy",
        actions: &["kms:Encrypt"],
        resources: KEY,
    },
    Row {
        name: "KMSDecryptPolicy",
        actions: &["kms:Decrypt"],
        resources: KEY,
    },
];

/// Templates that touch neither buckets nor keys in a way that an upload meets.
const OTHERS: &[&str] = &[
    "AcmGetCertificatePolicy",
    "AMIDescribePolicy",
    "AWSSecretsManagerGetSecretValuePolicy",
    "AWSSecretsManagerRotationPolicy",
    "AthenaQueryPolicy",
    "BatchSubmitJobPolicy",
    "CloudFormationDescribeStacksPolicy",
    "CloudWatchDashboardPolicy",
    "CloudWatchDescribeAlarmHistoryPolicy",
    "CloudWatchPutMetricPolicy",
    "CodeCommitCrudPolicy",
    "CodeCommitReadPolicy",
    "CodePipelineLambdaExecutionPolicy",
    "CodePipelineReadOnlyPolicy",
    "ComprehendBasicAccessPolicy",
    "CostExplorerReadOnlyPolicy",
    "DynamoDBBackupFullAccessPolicy",
    "DynamoDBCrudPolicy",
    "DynamoDBReadPolicy",
    "DynamoDBReconfigurePolicy",
    "DynamoDBRestoreFromBackupPolicy",
    "DynamoDBStreamReadPolicy",
    "DynamoDBWritePolicy",
    "EC2CopyImagePolicy",
    "EC2DescribePolicy",
    "EFSWriteAccessPolicy",
    "EKSDescribePolicy",
    "ElasticMapReduceAddJobFlowStepsPolicy",
    "ElasticMapReduceCancelStepsPolicy",
    "ElasticMapReduceModifyInstanceFleetPolicy",
    "ElasticMapReduceModifyInstanceGroupsPolicy",
    "ElasticMapReduceSetTerminationProtectionPolicy",
    "ElasticMapReduceTerminateJobFlowsPolicy",
    "ElasticsearchHttpPostPolicy",
    "EventBridgePutEventsPolicy",
    "FilterLogEventsPolicy",
    "FirehoseCrudPolicy",
    "FirehoseWritePolicy",
    "KinesisCrudPolicy",
    "KinesisStreamReadPolicy",
    "LambdaInvokePolicy",
    "MobileAnalyticsWriteOnlyAccessPolicy",
    "OrganizationsListAccountsPolicy",
    "ParameterStoreReadPolicy",
    "PinpointEndpointAccessPolicy",
    "PollyFullAccessPolicy",
    "RekognitionDetectOnlyPolicy",
    "RekognitionFacesManagementPolicy",
    "RekognitionFacesPolicy",
    "RekognitionLabelsPolicy",
    "RekognitionNoDataAccessPolicy",
    "RekognitionReadPolicy",
    "RekognitionWriteOnlyAccessPolicy",
    "Route53ChangeResourceRecordSetsPolicy",
    "SageMakerCreateEndpointConfigPolicy",
    "SageMakerCreateEndpointPolicy",
    "SERVERLESSREPOReadWriteAccessPolicy",
    "ServerlessRepoReadWriteAccessPolicy",
    "SESBulkTemplatedCrudPolicy",
    "SESBulkTemplatedCrudPolicy_v2",
    "SESCrudPolicy",
    "SESEmailTemplateCrudPolicy",
    "SESSendBouncePolicy",
    "SNSCrudPolicy",
    "SNSPublishMessagePolicy",
    "SQSPollerPolicy",
    "SQSSendMessagePolicy",
    "SSMParameterReadPolicy",
    "SSMParameterWithSlashPrefixReadPolicy",
    "StepFunctionsExecutionPolicy",
    "StepFunctionsCallbackPolicy",
    "TextractDetectAnalyzePolicy",
    "TextractGetResultPolicy",
    "TextractPolicy",
    "VPCAccessPolicy",
];

/// True for a policy template that grants nothing an upload needs.
pub(super) fn is_other(name: &str) -> bool {
    OTHERS.contains(&name)
}
