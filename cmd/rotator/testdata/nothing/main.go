// Command nothing is the least that a Lambda function in Go can be. Benchmarks
// compare the rotator with it.
package main

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(context.Context, json.RawMessage) error { return nil })
}
