// Package secretsmanagertest is AWS Secrets Manager in one process, with the
// scheduler that calls a rotation function.
//
// It is a state machine behind a real loopback listener that speaks AWS JSON 1.1,
// so the client under test is the unmodified SDK or the aws command. It refuses
// what the service refuses, with the service's words. Nothing happens by itself:
// time stands still until it is moved, and a failed rotation is tried again when
// the test calls [Server.Attempt], unless [Server.RetryAfter] says otherwise.
//
// # What can lag
//
// [fault.Line.Lag] makes each read lag: DescribeSecret, GetSecretValue,
// BatchGetSecretValue and ListSecretVersionIds see the whole secret as it was, and
// ListSecrets each secret that it lists. What [fault.Lag] counts are the changes of
// the secret, whatever they are. What tests seed has always been there. A write is
// never behind.
//
// # Beliefs
//
// These sentences are what the stand-in holds to be true of the real service.
// Each is shown by a test that cites its number. API means the operation's page
// in the Secrets Manager API reference, guide the user guide, and recorded a test
// of LocalStack or moto whose answers were recorded from AWS; other names are of
// clients in which it was seen. Where no source decides, the belief says assumed, and
// the stand-in takes the reading that hurts the caller more or has a switch.
//
//   - S1: The version that a rotation registers has a label and no value: reading it, by id or by label, is ResourceNotFoundException. (API RotateSecret; recorded, moto test_rotate_secret_using_lambda)
//   - S2: The first PutSecretValue with the token of an empty version fills that version. (recorded, same)
//   - S3: A second PutSecretValue with the same token succeeds and does nothing if the content is equal, and is ResourceExistsException if it differs. (API PutSecretValue)
//   - S4: PutSecretValue without VersionStages moves AWSCURRENT to the new version. (API PutSecretValue)
//   - S5: The first version of a secret is AWSCURRENT whatever labels were asked for. (API PutSecretValue)
//   - S6: UpdateSecretVersionStage is a compare-and-swap: a label that another version holds moves only if RemoveFromVersionId names that version, in the words of the tests. (API UpdateSecretVersionStage; floci pull request 3247 for the words) A repeated move is therefore refused, and an empty version can bear a label. (both assumed; switches RepeatLabels, RefuseEmpty)
//   - S7: Moving AWSCURRENT moves AWSPREVIOUS to the version it left and leaves AWSPENDING where it was, but PutSecretValue without labels removes AWSPENDING from the version that was current. (recorded, LocalStack test_update_secret_version_stages_current_pending, list_secret_version_ids_res_2)
//   - S8: A label goes away when only RemoveFromVersionId is given, except AWSCURRENT. (API UpdateSecretVersionStage; message in terraform-provider-aws) Removing it again is refused. (assumed; switch RepeatLabels)
//   - S9: A VersionStage that is not on the given VersionId is InvalidRequestException, a label or id without value ResourceNotFoundException, in the words of the tests. (recorded, LocalStack test_get_secret_value_errors, test_secret_version_not_found)
//   - S10: RotateSecret without any function is InvalidRequestException, with a function that cannot be invoked AccessDeniedException, and neither changes the secret. (recorded, LocalStack test_first_rotate_secret_with_missing_lambda_arn, test_rotate_secret_invalid_lambda_arn)
//   - S11: RotateSecret is refused while AWSPENDING is on a version that is not current. (API RotateSecret)
//   - S12: RotateSecret replies first and then calls createSecret, setSecret, testSecret and finishSecret, each after the success of the one before. (guide, Rotation by Lambda function)
//   - S13: RotateSecret with the token of an existing version returns that version and starts nothing. (API RotateSecret)
//   - S14: After a failed step the whole sequence is repeated with the same token. (guide, Rotation by Lambda function)
//   - S15: A function in the secret's own account may put the pending value without the RotationToken. (recorded, LocalStack test_rotate_secret_with_lambda_success, moto test_rotate_secret_using_lambda) One that assumes a role or is in another account needs it, else the rotation fails after createSecret. (guide, Troubleshoot rotation; assumed that a retry fails as well; switch RequireRotationToken)
//   - S16: A rotation whose finishSecret succeeded without moving AWSCURRENT to the token's version has failed. (assumed)
//   - S17: After a success AWSPENDING is on no version, or still on the current one; if another is then promoted, it sits on a version that is not current, and S11 holds. (API RotateSecret; switch KeepPending)
//   - S18: A new version from outside the rotation abandons the rotation and removes its AWSPENDING. (guide, CloudTrail entries)
//   - S19: CancelRotateSecret sets RotationEnabled to false and leaves AWSPENDING; once the label is removed manually the secret rotates again. (API CancelRotateSecret; AWS PCS guide, Cluster secret rotation)
//   - S20: RotateImmediately=false calls testSecret alone, with a pending copy of the current value that is removed afterwards. (API RotateSecret; recorded, moto test_rotate_secret_using_lambda_dont_rotate_immediately)
//   - S21: DescribeSecret has no RotationEnabled until rotation was configured; afterwards it shows the rules and the end of the next window. (API DescribeSecret, RotationRulesType; guide, Rotation schedules)
//   - S22: A secret holds 100 versions, and those younger than 24 hours are never dropped to make room. (guide, Quotas)
//   - S23: An ARN without its random suffix finds the secret, unless the secret's own name ends in a hyphen and six characters. (guide, What's in a secret; recorded, LocalStack test_create_and_update_secret)
//   - S24: A read soon after a write may not show it, ListSecrets for up to five minutes. (aws/aws-sdk-js-v3#7701; API ListSecrets)
//   - S25: A ClientRequestToken has 32 to 64 characters and must be there, which SDKs see to; a call has at most 20 labels, a value 1 to 65,536 bytes. (API PutSecretValue; recorded, LocalStack, for the missing token)
//   - S26: A secret scheduled for deletion can be described and nothing else, and its name stays taken until then; ForceDeleteWithoutRecovery ends it at once, and succeeds where there is no such secret. (API DeleteSecret; recorded, LocalStack test_exp_raised_on_creation_of_secret_scheduled_for_deletion, and for the force)
//   - S27: A version without labels is deprecated: DescribeSecret omits it, ListSecretVersionIds shows it when asked. (recorded, LocalStack test_deprecated_secret_version_stage)
//   - S28: ListSecrets filters by name, description, tag key, tag value, primary region and owning service, each by prefix, and by all of them word by word; a value that begins with ! must not match; it pages, by the date of creation in the SortOrder asked for. (API ListSecrets, Filter; assumed for the order without one and for a mixture with negations)
//   - S29: DescribeSecret lists the replicas by region, each InSync, InProgress or Failed, and names the primary region; ListSecrets names the primary region alone, and neither says anything of a secret without replicas. (API DescribeSecret, ReplicationStatusType, SecretListEntry; that PrimaryRegion is then missing is assumed)
//   - S30: A new value, or a label that moves, reaches the replicas later, and until then they are InProgress. (guide, Replicate secrets across Regions; that a replica which exists becomes InProgress again is assumed)
//   - S31: LastChangedDate is when anything of the secret changed, its versions and their labels included; to read it changes nothing. (API DescribeSecret; assumed for the labels)
//   - S32: LastAccessedDate is the day of the last GetSecretValue at midnight UTC, missing until there was one. (API DescribeSecret; assumed that nothing else counts as access)
//   - S33: ListSecrets shows the same about a secret as DescribeSecret, except the replicas, with the versions under the name SecretVersionsToStages. (API SecretListEntry)
//   - S34: A SecretId that no secret can have is ValidationException. (recorded, LocalStack test_invalid_secret_id)
//   - S35: CreateSecret with a token that the secret's version has and other content is ResourceExistsException about the token. (recorded, moto)
//   - S36: GetRandomPassword has 32 characters unless told otherwise, at most 4096, and one of each included type unless told otherwise. (API GetRandomPassword; assumed for the words of refusals)
//   - S37: UpdateSecret with a value is PutSecretValue without labels, and changes the description and the key. (API UpdateSecret; assumed for AWSPENDING as in S7)
//   - S38: BatchGetSecretValue reads AWSCURRENT of up to 20 secrets, named or found by filters, with an error for each that it cannot read. (API BatchGetSecretValue)
//   - S39: RestoreSecret cancels a scheduled deletion; for another secret it changes nothing. (API RestoreSecret; assumed for another secret)
//   - S40: ListSecretVersionIds shows of each version its keys, DefaultEncryptionKey unless the secret has one, and the day of its last GetSecretValue. (API SecretVersionsListEntry; recorded, LocalStack, for the default)
//   - S41: TagResource adds tags and replaces those of the same key; UntagResource removes them by their keys, and a key that the secret does not have is no error. (API TagResource, UntagResource; assumed for a key that is not there)
//   - S42: A step is an invocation by exactly the ARN that RotateSecret was given: without a version or alias if that has none, and through the alias if it has one. (API RotateSecret, RotationLambdaARN; assumed that nothing is added)
package secretsmanagertest
