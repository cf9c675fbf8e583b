package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"pingrotate/internal/awsclient"
	"pingrotate/internal/campaign"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
)

// An account says which function the operator's commands call, and as whom. Its fields
// are flags of every command.
type account struct {
	function string // name or ARN
	region   string // of AWS; "" for the SDK's own choice
	profile  string // likewise
	local    bool   // carry actions out in this process
	log      string // of local, a file
	table    string // the register's, by name or ARN; "" for that of $REGISTER_TABLE

	cfg     aws.Config // once it is open
	who     *arn.ARN   // once it is known
	logFile *os.File   // once it is open
}

// defaultFunction is the name that template.yaml gives.
const defaultFunction = "pingone-rotator"

var functionName = regexp.MustCompile(`^(arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:)?[A-Za-z0-9_-]{1,64}$`)

// Limits on what a person has to wait for in vain.
const (
	dialLimit     = 5 * time.Second  // for a connection
	callLimit     = 30 * time.Second // for a call of AWS, but for an invocation
	metadataLimit = time.Second      // for the metadata service of a machine that is none of EC2's
)

// open reads the configuration of AWS as its own command does. It fails at once where
// there are no credentials.
func (a *account) open(ctx context.Context) error {
	if err := a.choose(); err != nil {
		return err
	}
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithRegion(a.region),
		config.WithSharedConfigProfile(a.profile),
		config.WithLogger(logging.Nop{}), // what matters is in the errors
		config.WithRetryer(func() aws.Retryer { return patient() }),
		config.WithEC2RoleCredentialOptions(func(o *ec2rolecreds.Options) {
			o.Client = imds.New(imds.Options{Retryer: aws.NopRetryer{}, HTTPClient: &http.Client{Timeout: metadataLimit}})
		}),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(callLimit).
			WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialLimit })),
	)
	if err != nil {
		return remedy.Errorf("aws configure list-profiles shows what there is", "read the AWS configuration: %w", err)
	}
	if named, err := arn.Parse(a.function); err == nil {
		if cfg.Region == "" {
			cfg.Region = named.Region
		}
		if cfg.Region != named.Region {
			return remedy.Errorf("give --region "+named.Region+", or the function of "+cfg.Region,
				"the function is in %s, and the secrets of %s are meant: Secrets Manager invokes functions of its own Region only", named.Region, cfg.Region)
		}
	}
	if cfg.Region == "" {
		return remedy.Errorf("set AWS_REGION, or give --region", "read the AWS configuration: no Region")
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		const signIn = "sign in, with aws sso login for instance, or name a profile with --profile"
		if strings.Contains(err.Error(), "no EC2 IMDS role found") { // the last place that is looked at
			return remedy.Errorf(signIn, "there are no AWS credentials in the environment, in the profile, or of this machine")
		}
		return remedy.Errorf(signIn, "find AWS credentials: %w", err)
	}
	cfg.HTTPClient = awsclient.Whole{HTTPClient: cfg.HTTPClient}
	a.cfg = cfg
	return nil
}

// choose settles which function is meant.
func (a *account) choose() error {
	if a.function == "" {
		a.function = os.Getenv("PINGROTATE_FUNCTION")
	}
	if a.function == "" {
		a.function = defaultFunction
	}
	if !functionName.MatchString(a.function) {
		return fmt.Errorf("the function must be a name or an ARN without version or alias, not %q", a.function)
	}
	return nil
}

// patient repeats what may pass, as the SDK does, but not a connection that cannot be
// made: that is a matter of the network or of the settings, and the person who waits
// knows better which.
func patient() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if unreached(err) {
				return aws.FalseTernary
			}
			return aws.UnknownTernary
		})}, o.Retryables...)
	})
}

// call returns what carries actions out: the deployed function, or with --local this
// process.
func (p *program) call(ctx context.Context) (campaign.Call, error) {
	if err := p.open(ctx); err != nil {
		return nil, err
	}
	if !p.local {
		return deployed(p.cfg, p.function), nil
	}
	function, err := p.functionARN(ctx)
	if err != nil {
		return nil, err
	}
	log, err := p.openLog()
	if err != nil {
		return nil, err
	}
	table, err := p.findRegister(ctx)
	if err != nil {
		return nil, remedy.With(err, remedy.Of(err)+", which is the stack's output RegisterTable")
	}
	return inProcess(p.cfg, p.clock, function, table, log)
}

// identity returns the ARN of the caller. It takes no permission.
func (a *account) identity(ctx context.Context) (arn.ARN, error) {
	if a.who != nil {
		return *a.who, nil
	}
	out, err := sts.NewFromConfig(a.cfg).GetCallerIdentity(ctx, nil)
	if err != nil {
		return arn.ARN{}, advise("ask who you are", "sts:GetCallerIdentity", err)
	}
	who, err := arn.Parse(aws.ToString(out.Arn))
	if err != nil {
		return arn.ARN{}, fmt.Errorf("ask who you are: %w", err)
	}
	a.who = &who
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

// functionARN returns the ARN that a secret's rotation names. It asks AWS for the
// account only where neither the function nor the register's table is given by an ARN.
func (a *account) functionARN(ctx context.Context) (string, error) {
	if strings.HasPrefix(a.function, "arn:") {
		return a.function, nil
	}
	if table, err := arn.Parse(a.tableName()); err == nil {
		return a.functionOf(table), nil
	}
	who, err := a.identity(ctx)
	if err != nil {
		return "", remedy.With(err, remedy.Of(err)+"; or name the function by its ARN, with --function")
	}
	return a.functionOf(who), nil
}

// tableName returns the name or the ARN of the register's table; "" where neither the
// command line nor the environment has it.
func (a *account) tableName() string { return cmp.Or(a.table, os.Getenv(register.TableVariable)) }

// register returns the register's table, without a name where that is not known.
func (a *account) register() *register.Table {
	endpoint := cmp.Or(os.Getenv(register.EndpointVariable), aws.ToString(a.cfg.BaseEndpoint))
	return &register.Table{Name: a.tableName(), Connection: register.Connection{Region: a.cfg.Region, Credentials: a.cfg.Credentials, Endpoint: endpoint}}
}

// findRegister returns the register's table: where neither the command line nor the
// environment has its name, that of the deployed function's settings.
func (a *account) findRegister(ctx context.Context) (*register.Table, error) {
	table := a.register()
	if table.Name != "" {
		return table, nil
	}
	settings, err := functionSettings(ctx, a.cfg, a.function)
	if err != nil {
		return nil, remedy.With(err, remedy.Of(err)+"; or name the register's table with --register")
	}
	if table.Name = settings[register.TableVariable]; table.Name == "" {
		return nil, remedy.Errorf("name the table with --register", "the function %s has no %s in its environment", a.function, register.TableVariable)
	}
	return table, nil
}

// functionOf returns the ARN of the function in the account of something else.
func (a *account) functionOf(other arn.ARN) string {
	return fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s", other.Partition, a.cfg.Region, other.AccountID, a.function)
}
