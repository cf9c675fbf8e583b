package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// An account says which function the operator's commands call, and as whom. Its
// fields are flags.
type account struct {
	function string // name or ARN
	region   string // of AWS; "" for the SDK's own choice
	profile  string // likewise
	local    bool   // carry actions out in this process

	cfg aws.Config // once it is open
}

// defaultFunction is the name that template.yaml gives.
const defaultFunction = "pingone-rotator"

// declare adds the flags that name the function and the account.
func (a *account) declare(flags *flag.FlagSet) {
	flags.StringVar(&a.function, "function", "", "")
	flags.StringVar(&a.region, "region", "", "")
	flags.StringVar(&a.profile, "profile", "", "")
}

// declareLocal also adds the flag that does without the deployed function.
func (a *account) declareLocal(flags *flag.FlagSet) {
	a.declare(flags)
	flags.BoolVar(&a.local, "local", false, "")
}

const accountUsage = `    --function NAME  name or ARN of the deployed function; $PINGROTATE_FUNCTION, or
                     else pingone-rotator
    --region REGION  AWS Region, where not that of the environment or the profile
    --profile NAME   profile of the AWS configuration, where not $AWS_PROFILE
`

const localUsage = `    --local          do it in this process, with your own rights, when the function
                     cannot; needs its variables, such as PINGONE_ADMIN_SECRET_ID
`

var functionName = regexp.MustCompile(`^(arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:)?[A-Za-z0-9_-]{1,64}$`)

// open reads the configuration of AWS as its own command does.
func (a *account) open(ctx context.Context) error {
	if a.function == "" {
		a.function = os.Getenv("PINGROTATE_FUNCTION")
	}
	if a.function == "" {
		a.function = defaultFunction
	}
	if !functionName.MatchString(a.function) {
		return fmt.Errorf("the function must be a name or an ARN without version or alias, not %q", a.function)
	}
	options := []func(*config.LoadOptions) error{
		config.WithRegion(a.region),
		config.WithSharedConfigProfile(a.profile),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(30 * time.Second)),
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return fmt.Errorf("read the AWS configuration: %w; aws configure list-profiles shows what there is", err)
	}
	if cfg.Region == "" {
		if named, err := arn.Parse(a.function); err == nil {
			cfg.Region = named.Region
		}
	}
	if cfg.Region == "" {
		return errors.New("read the AWS configuration: no Region; set AWS_REGION, or give --region")
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return fmt.Errorf("find AWS credentials: %w; sign in, with aws sso login for instance, or name a profile with --profile", err)
	}
	a.cfg = cfg
	return nil
}

// caller returns what carries actions out.
func (a *account) caller(ctx context.Context) (caller, error) {
	if !a.local {
		return deployed(a.cfg, a.function), nil
	}
	function, err := a.functionARN(ctx)
	if err != nil {
		return nil, err
	}
	return inProcess(a.cfg, function)
}

// identity returns the ARN of the caller. It takes no permission.
func (a *account) identity(ctx context.Context) (arn.ARN, error) {
	out, err := sts.NewFromConfig(a.cfg).GetCallerIdentity(ctx, nil)
	if err != nil {
		return arn.ARN{}, advise("ask who you are", "sts:GetCallerIdentity", err)
	}
	who, err := arn.Parse(aws.ToString(out.Arn))
	if err != nil {
		return arn.ARN{}, fmt.Errorf("ask who you are: %w", err)
	}
	return who, nil
}

// by names who asks for an action, for the log and the report: the caller's ARN, or
// the name on this machine where AWS does not say.
func (a *account) by(ctx context.Context) string {
	who := os.Getenv("USER")
	if id, err := a.identity(ctx); err == nil {
		who = id.String()
	}
	return last(who, 256)
}

// last returns the last n bytes of an ASCII text.
func last(s string, n int) string { return s[max(0, len(s)-n):] }

// functionARN returns the ARN that a secret's rotation names.
func (a *account) functionARN(ctx context.Context) (string, error) {
	if strings.HasPrefix(a.function, "arn:") {
		return a.function, nil
	}
	who, err := a.identity(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s", who.Partition, a.cfg.Region, who.AccountID, a.function), nil
}

// advise says what to do about an error of AWS. The permission is the one that the
// call needs.
func advise(action, permission string, err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return fmt.Errorf("%s: %w; look at the network, a proxy, and AWS_ENDPOINT_URL", action, err)
	}
	switch api.ErrorCode() {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation":
		return fmt.Errorf("%s: %s; your identity needs %s", action, said(api), permission)
	case "ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch":
		return fmt.Errorf("%s: %s; your AWS credentials are not valid, sign in again", action, said(api))
	}
	return fmt.Errorf("%s: %s", action, said(api))
}

// said returns what a service said. The errors of some operations have a type of
// their own and others have not, and each writes itself in another way.
func said(err smithy.APIError) string { return err.ErrorCode() + ": " + err.ErrorMessage() }
