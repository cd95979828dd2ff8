"""AWS's optimized integrations: their actions, patterns and required arguments.

Source: Step Functions Developer Guide, "Integrating services with Step Functions" and the page of
each service.
"""

from dataclasses import dataclass

WAITING = CALLBACK, SYNC, SYNC_2 = ".waitForTaskToken", ".sync", ".sync:2"


@dataclass(frozen=True, slots=True)
class Action:
    """An action; of each group of required arguments one must be there."""

    required: tuple[tuple[str, ...], ...] = ()
    patterns: tuple[str, ...] = ()


def _needs(*names: str, patterns: tuple[str, ...] = ()) -> Action:
    return Action(tuple((name,) for name in names), patterns)


def _job(*names: str) -> Action:
    return _needs(*names, patterns=(SYNC,))


ACTIONS: dict[str, Action] = {
    "apigateway:invoke": _needs("ApiEndpoint", "Method", patterns=(CALLBACK,)),
    "athena:getQueryExecution": _needs("QueryExecutionId"),
    "athena:getQueryResults": _needs("QueryExecutionId"),
    "athena:startQueryExecution": _job("QueryString"),
    "athena:stopQueryExecution": Action(),
    "batch:submitJob": _job("JobDefinition", "JobName", "JobQueue"),
    "bedrock:createModelCustomizationJob": _job("JobName"),
    "bedrock:invokeModel": _needs("ModelId"),
    "bedrockagentcore:invokeHarness": _needs("HarnessArn"),
    "codebuild:batchDeleteBuilds": _needs("Ids"),
    "codebuild:batchGetReports": _needs("ReportArns"),
    "codebuild:deleteBuildBatch": _needs("Id"),
    "codebuild:retryBuildBatch": _job(),
    "codebuild:startBuild": _job("ProjectName"),
    "codebuild:startBuildBatch": _job("ProjectName"),
    "codebuild:stopBuild": _needs("Id"),
    "codebuild:stopBuildBatch": _needs("Id"),
    "databrew:startJobRun": _job("Name"),
    "dynamodb:deleteItem": _needs("TableName", "Key"),
    "dynamodb:getItem": _needs("TableName", "Key"),
    "dynamodb:putItem": _needs("TableName", "Item"),
    "dynamodb:updateItem": _needs("TableName", "Key"),
    "ecs:runTask": _needs("TaskDefinition", patterns=(SYNC, CALLBACK)),
    "eks:call": _needs("ClusterName", "Method", "Path"),
    "eks:createCluster": _job("Name"),
    "eks:createNodegroup": _job("ClusterName"),
    "eks:deleteCluster": _job("Name"),
    "eks:deleteNodegroup": _job("ClusterName"),
    "eks:runJob": _job("ClusterName", "Job"),
    "elasticmapreduce:addStep": _job("ClusterId", "Step"),
    "elasticmapreduce:cancelStep": _needs("ClusterId", "StepId"),
    "elasticmapreduce:createCluster": _job("Name"),
    "elasticmapreduce:modifyInstanceFleetByName": _needs("ClusterId"),
    "elasticmapreduce:modifyInstanceGroupByName": _needs("ClusterId"),
    "elasticmapreduce:setClusterTerminationProtection": _needs("ClusterId"),
    "elasticmapreduce:terminateCluster": _job("ClusterId"),
    "emr-containers:createVirtualCluster": _needs("Name", "ContainerProvider"),
    "emr-containers:deleteVirtualCluster": _job("Id"),
    "emr-containers:startJobRun": _job("VirtualClusterId"),
    "emr-serverless:cancelJobRun": _job("ApplicationId", "JobRunId"),
    "emr-serverless:createApplication": _job(),
    "emr-serverless:deleteApplication": _job("ApplicationId"),
    "emr-serverless:startApplication": _job("ApplicationId"),
    "emr-serverless:startJobRun": _job("ApplicationId", "ExecutionRoleArn"),
    "emr-serverless:stopApplication": _job("ApplicationId"),
    "events:putEvents": _needs("Entries", patterns=(CALLBACK,)),
    "glue:startJobRun": _job("JobName"),
    "http:invoke": _needs("ApiEndpoint", "Method"),
    "lambda:invoke": _needs("FunctionName", patterns=(CALLBACK,)),
    "mediaconvert:createJob": _job("Role", "Settings"),
    "sagemaker:createEndpoint": _needs("EndpointName", "EndpointConfigName"),
    "sagemaker:createEndpointConfig": _needs("EndpointConfigName"),
    "sagemaker:createHyperParameterTuningJob": _job("HyperParameterTuningJobName"),
    "sagemaker:createLabelingJob": _job("LabelingJobName"),
    "sagemaker:createModel": _needs("ModelName"),
    "sagemaker:createProcessingJob": _job("ProcessingJobName"),
    "sagemaker:createTrainingJob": _job("TrainingJobName"),
    "sagemaker:createTransformJob": _job("TransformJobName"),
    "sagemaker:updateEndpoint": _needs("EndpointName", "EndpointConfigName"),
    "sns:publish": Action((("TopicArn", "TargetArn", "PhoneNumber"), ("Message",)), (CALLBACK,)),
    "sqs:sendMessage": _needs("QueueUrl", "MessageBody", patterns=(CALLBACK,)),
    "states:startExecution": _needs("StateMachineArn", patterns=(CALLBACK, SYNC, SYNC_2)),
}
