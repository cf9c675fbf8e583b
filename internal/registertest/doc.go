// Package registertest is AWS DynamoDB in one process, as far as the register and a
// person who looks at its table need it.
//
// It is a state machine behind a real loopback listener that speaks DynamoDB's JSON
// protocol, so the client under test is the unmodified SDK or the aws command. It
// refuses what the service refuses, with the service's words. Nothing happens by
// itself: time stands still until it is moved, reads lag only when told to, and expired
// rows stay until [Server.Expire].
//
// # Beliefs
//
// These sentences are what the stand-in holds to be true of the real service. Each is
// shown by a test that cites its number. API means the operation's page in the DynamoDB
// API reference, guide the developer guide, recorded a test of dynalite whose answers
// were recorded from AWS, and SDK the source of the AWS SDK for Go. Where no source
// decides, the stand-in takes the reading that hurts the caller more, and the belief
// says assumed.
//
//   - D1: A write checks its condition and is carried out at one moment: of several that want the same revision, one succeeds. (guide, Condition expressions; API PutItem)
//   - D2: A condition that is false is ConditionalCheckFailedException, and changes nothing. (API PutItem)
//   - D3: With ReturnValuesOnConditionCheckFailure=ALL_OLD the refusal has the row as it is, and without it, or where there is no row, nothing. (API PutItem; that it is of the same moment is assumed)
//   - D4: A condition on a missing attribute is false, except <> and attribute_not_exists. (recorded)
//   - D5: Values of different types are never equal and have no order; numbers compare and are kept by value. (guide, Supported data types; recorded)
//   - D6: GetItem or Query with ConsistentRead shows every write that was answered before, and without it may show the table as it was. (guide, Read consistency)
//   - D7: GetItem of a row that is not there is an answer without Item. (API GetItem)
//   - D8: A key that does not fit the table is ValidationException, with different words for storing a row and for finding one. (recorded)
//   - D9: An attribute name that is a reserved word, in any case, is refused within an expression and may stand behind a placeholder. (guide, Reserved words)
//   - D10: A placeholder that is not defined, or not used, is ValidationException. (recorded)
//   - D11: A row with its names has at most 400 KB. (guide, Quotas; recorded)
//   - D12: Query reads one partition in the order of the sort key, or backwards, and at most 1 MB of it in one page. (API Query; that a row which crosses the limit is left to the next page is assumed)
//   - D13: A page that has as many rows as Limit names its last row's key, even if no more follow. (recorded)
//   - D14: A filter is applied after a page is read: a page may be empty and have a next one. (API Query)
//   - D15: A row whose time to live is over stays readable until the service deletes it, days later. (guide, Time to Live)
//   - D16: A transaction's writes are all carried out or none, and the refusal has a reason for each. (API TransactWriteItems)
//   - D17: A transaction repeated with its ClientRequestToken within ten minutes succeeds and changes nothing; with other content it is IdempotentParameterMismatchException. (API TransactWriteItems)
//   - D18: A table that does not exist is ResourceNotFoundException. (API GetItem)
//   - D19: A table with deletion protection is not deleted. (API DeleteTable; the words are assumed)
//   - D20: Each reply has the CRC-32 of its body in X-Amz-Crc32, and if it does not fit the body, the SDK only says so in its log. (SDK, internal/customizations; smithy-go, transport/http)
//   - D21: The SDK repeats a request that was throttled, got status 500 or more, or no answer. (SDK, aws/retry) A conditional write that had succeeded then fails.
//   - D22: DeleteItem of a row that is not there succeeds. (API DeleteItem)
//   - D23: Query and Scan show the attributes that ProjectionExpression names, each once, and count and page as without it. (API Query; recorded for the words of refusals)
package registertest
