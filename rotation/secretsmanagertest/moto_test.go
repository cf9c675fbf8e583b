package secretsmanagertest_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"pingrotate/rotation/secretsmanagertest"
)

// A side is one implementation of Secrets Manager, with the secret of a chapter of the
// script.
type side struct {
	*sm.Client
	secret string
}

// do makes the call of a line of the script: an operation, then its parameters in the order
// of the code below. A parameter that is missing, or "-", is not sent. v1 to v9 are version
// ids.
func (s side) do(ctx context.Context, command string) (any, error) {
	words := strings.Fields(command)
	arg := func(i int) *string {
		if i >= len(words) || words[i] == "-" {
			return nil
		}
		word := strings.ReplaceAll(words[i], `""`, "")
		if len(word) == 2 && word[0] == 'v' {
			word = versionID(word[1:])
		}
		return &word
	}
	switch words[0] {
	case "cancel":
		return s.CancelRotateSecret(ctx, &sm.CancelRotateSecretInput{SecretId: &s.secret})
	case "create":
		return s.CreateSecret(ctx, &sm.CreateSecretInput{Name: &s.secret, ClientRequestToken: arg(1), SecretString: arg(2)})
	case "delete":
		days, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return nil, err
		}
		return s.DeleteSecret(ctx, &sm.DeleteSecretInput{SecretId: &s.secret, RecoveryWindowInDays: &days})
	case "describe":
		out, err := s.DescribeSecret(ctx, &sm.DescribeSecretInput{SecretId: &s.secret})
		if len(words) == 1 || err != nil {
			return out, err
		}
		arn := *out.ARN
		if words[1] == "arn-without-suffix" {
			arn = arn[:len(arn)-len("-XXXXXX")]
		}
		return s.DescribeSecret(ctx, &sm.DescribeSecretInput{SecretId: &arn})
	case "find":
		names := types.Filter{Key: types.FilterNameStringTypeName, Values: []string{s.secret}}
		return s.ListSecrets(ctx, &sm.ListSecretsInput{Filters: []types.Filter{names}})
	case "get":
		return s.GetSecretValue(ctx, &sm.GetSecretValueInput{SecretId: &s.secret, VersionId: arg(1), VersionStage: arg(2)})
	case "list":
		return s.ListSecretVersionIds(ctx, &sm.ListSecretVersionIdsInput{SecretId: &s.secret, IncludeDeprecated: aws.Bool(len(words) > 1)})
	case "move":
		return s.UpdateSecretVersionStage(ctx, &sm.UpdateSecretVersionStageInput{
			SecretId: &s.secret, VersionStage: arg(1), RemoveFromVersionId: arg(2), MoveToVersionId: arg(3),
		})
	case "put":
		var labels []string
		if len(words) > 3 {
			labels = words[3:]
		}
		return s.PutSecretValue(ctx, &sm.PutSecretValueInput{
			SecretId: &s.secret, ClientRequestToken: arg(1), SecretString: arg(2), VersionStages: labels,
		})
	case "rotate":
		in := &sm.RotateSecretInput{SecretId: &s.secret, ClientRequestToken: arg(1)}
		if len(words) > 2 {
			in.RotationLambdaARN = aws.String(strings.Replace(function, "rotator", words[2], 1))
			in.RotationRules = &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)}
		}
		return s.RotateSecret(ctx, in)
	case "status":
		_, err := s.do(ctx, strings.Join(words[1:], " "))
		response, ok := errors.AsType[*smithyhttp.ResponseError](err)
		if !ok {
			return nil, fmt.Errorf("got %w, want an error of the service", err)
		}
		return response.HTTPStatusCode(), nil
	case "tag":
		return s.TagResource(ctx, &sm.TagResourceInput{SecretId: &s.secret, Tags: []types.Tag{{Key: arg(1), Value: arg(2)}}})
	}
	return nil, fmt.Errorf("no operation %q", command)
}

func versionID(digit string) string { return strings.Repeat(digit, 32) }

// A line of the script is a command and, where the two sides are known to differ, each
// one's answer and which is right.
type line struct {
	chapter, command string
	here, moto       string
	why              string
}

// readScript reads testdata/moto.txt, which describes its own form.
func readScript(t *testing.T) []line {
	t.Helper()
	text, err := os.ReadFile("testdata/moto.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []line
	chapter := ""
	for row := range strings.Lines(string(text)) {
		row = strings.TrimSuffix(row, "\n")
		key, value, _ := strings.Cut(row, ": ")
		switch {
		case row == "" || row[0] == '#':
		case strings.HasPrefix(row, "== "):
			chapter = row[3:]
		case row[0] != '\t':
			all = append(all, line{chapter: chapter, command: row})
		case key == "\there":
			all[len(all)-1].here = value
		case key == "\tmoto":
			all[len(all)-1].moto = value
		case key == "\twhy":
			all[len(all)-1].why = value
		default:
			t.Fatalf("testdata/moto.txt: not in the form of a script: %q", row)
		}
	}
	return all
}

// quiet is a test without the transcript: the script has it all.
type quiet struct{ *testing.T }

func (quiet) Logf(string, ...any) {}

// TestMotoSaysTheSame asks the stand-in and moto, which is independent of it, the same
// questions, and compares the replies. A difference that the script does not list fails,
// and so does a listed one that is gone.
func TestMotoSaysTheSame(t *testing.T) {
	url := os.Getenv("MOTO_URL")
	if url == "" {
		t.Skip("needs a moto server whose URL is in MOTO_URL; .ci/moto runs one")
	}
	standIn := secretsmanagertest.Run(quiet{t})
	// A failed rotation leaves its empty version pending, as does one in moto, which has no
	// function to call.
	standIn.AddFunction(function, func(context.Context, []byte) error { return errors.New("out of order") })
	moto := sm.New(sm.Options{
		BaseEndpoint: &url,
		Region:       "eu-west-1",
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, "key", ""),
		Retryer:      aws.NopRetryer{},
	})
	secrets := map[string]string{} // by chapter
	verdicts := map[string]int{}
	script := readScript(t)
	for _, l := range script {
		if secrets[l.chapter] == "" {
			secrets[l.chapter] = "moto/" + rand.Text() // the server may have seen this test before
		}
		secret := secrets[l.chapter]
		here := reply(secret)(side{client(standIn), secret}.do(t.Context(), l.command))
		standIn.Wait()
		there := reply(secret)(side{moto, secret}.do(t.Context(), l.command))
		verdict, _, _ := strings.Cut(l.why, ",")
		switch {
		case here == there && l.here != "":
			t.Errorf("%s: %s: the known difference is gone, both say %s", l.chapter, l.command, here)
		case here != there && (here != l.here || there != l.moto):
			t.Errorf("%s: %s: an unknown difference\n\there: %s\n\tmoto: %s", l.chapter, l.command, here, there)
		case here != there && !slices.Contains([]string{"here", "moto", "undecided"}, verdict):
			t.Errorf("%s: %s: the difference has no verdict", l.chapter, l.command)
		}
		if here == there {
			verdict = "same"
		}
		verdicts[verdict]++
	}
	t.Logf("moto: %d replies compared: %d the same, %d right here, %d right in moto, %d undecided", len(script),
		verdicts["same"], verdicts["here"], verdicts["moto"], verdicts["undecided"])
}

var (
	anARN = regexp.MustCompile(`arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-[A-Za-z0-9]{6}`)
	aTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)
)

// reply returns a function that writes an answer about the secret as one line, without what
// is random or depends on the clock.
func reply(secret string) func(any, error) string {
	return func(out any, err error) string {
		var text string
		if api, ok := errors.AsType[smithy.APIError](err); ok {
			text = api.ErrorCode() + ": " + api.ErrorMessage()
		} else if err != nil {
			text = err.Error()
		} else {
			encoded, err := json.Marshal(out)
			if err != nil {
				return "encode the reply: " + err.Error()
			}
			var decoded any
			json.Unmarshal(encoded, &decoded) // it was JSON a moment ago
			text = fmt.Sprint(tidy(decoded))
		}
		text = strings.ReplaceAll(text, secret, "app")
		text = aTime.ReplaceAllString(anARN.ReplaceAllString(text, "ARN"), "T")
		for _, digit := range "123456789" {
			text = strings.ReplaceAll(text, versionID(string(digit)), "v"+string(digit))
		}
		return strings.Join(strings.Fields(text), " ") // moto breaks some messages
	}
}

// tidy drops what is absent, what the SDK adds, and the day of a described secret's last
// access, which moto does not keep. It sorts lists: the order of labels and versions means
// nothing.
func tidy(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "ResultMetadata")
		if v["VersionIdsToStages"] != nil {
			delete(v, "LastAccessedDate")
		}
		for key, member := range v {
			if v[key] = tidy(member); v[key] == nil {
				delete(v, key)
			}
		}
	case []any:
		for i := range v {
			v[i] = tidy(v[i])
		}
		slices.SortFunc(v, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
	return v
}
