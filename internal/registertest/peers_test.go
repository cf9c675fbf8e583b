package registertest_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pingrotate/internal/registertest"
)

// peers are independent implementations of DynamoDB. The variable of each holds the URL of
// a running one.
var peers = map[string]string{"moto": "MOTO_URL", "dynalite": "DYNALITE_URL"}

// A question is a line of the script: a request, and each peer's answer where it is known
// to differ from the stand-in's.
type question struct {
	chapter, line string
	there         map[string]string // answers by peer
	verdict       map[string]string
}

// readPeers reads testdata/peers.txt, which describes its own form.
func readPeers(t *testing.T) []question {
	t.Helper()
	text, err := os.ReadFile("testdata/peers.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []question
	chapter := ""
	for row := range strings.Lines(string(text)) {
		row = strings.TrimSuffix(row, "\n")
		key, value, _ := strings.Cut(row, ": ")
		key, what, _ := strings.Cut(strings.TrimPrefix(key, "\t"), " ")
		switch {
		case row == "" || row[0] == '#':
		case strings.HasPrefix(row, "== "):
			chapter = row[3:]
		case row[0] != '\t':
			all = append(all, question{chapter, row, map[string]string{}, map[string]string{}})
		case peers[key] != "" && what == "":
			all[len(all)-1].there[key] = value
		case peers[key] != "" && what == "why":
			all[len(all)-1].verdict[key] = value
		default:
			t.Fatalf("testdata/peers.txt: not in the form of a script: %q", row)
		}
	}
	return all
}

// theRow is the row that conditions are tried on.
const theRow = `{"subject":{"S":"x"},"entry":{"S":"1"},"n":{"N":"10"},"s":{"S":"hello"},"l":{"L":[{"S":"a"},{"N":"2"}]},"m":{"M":{"k":{"S":"v"}}},"ss":{"SS":["a","b"]}}`

var big = regexp.MustCompile(`BIG(\d+)`)

// request returns the action of a line and its input for the table.
func (q question) request(t *testing.T, table string) (action, input string) {
	t.Helper()
	action, input, _ = strings.Cut(q.line, " ")
	switch action {
	case "CONDITION": // of writing a row as it is
		expression, values, _ := strings.Cut(input, " {")
		b, err := json.Marshal(expression)
		if err != nil {
			t.Fatal(err)
		}
		if values != "" {
			values = `,"ExpressionAttributeValues":{` + values
		}
		return "PutItem", fmt.Sprintf(`{"TableName":%q,"Item":%s,"ConditionExpression":%s%s}`, table, theRow, b, values)
	case "QUERY":
		options, rest, _ := strings.Cut(input, "} ")
		if n := strings.Count(options, "{") - strings.Count(options, "}"); n > 1 { // a key among the options
			more, after, _ := strings.Cut(rest, "} ")
			options, rest = options+"} "+more, after
		}
		expression, values, _ := strings.Cut(rest, " {")
		b, err := json.Marshal(expression)
		if err != nil {
			t.Fatal(err)
		}
		options = strings.TrimPrefix(options, "{")
		if options != "" {
			options = "," + options
		}
		return "Query", fmt.Sprintf(`{"TableName":%q,"KeyConditionExpression":%s,"ExpressionAttributeValues":{%s%s}`, table, b, values, options)
	}
	input = strings.ReplaceAll(input, "TABLE", table)
	return action, big.ReplaceAllStringFunc(input, func(word string) string {
		n, err := strconv.Atoi(word[3:])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Repeat("x", n)
	})
}

// ask sends a request and returns the answer in one line, without what is random or depends
// on the clock, or on how long a table takes to be created.
func ask(t *testing.T, url, action, input, table string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(input))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+action)
	req.Header.Set("X-Amz-Date", "20261127T000000Z")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261127/us-east-1/dynamodb/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature="+strings.Repeat("0", 64))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var reply map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&reply); err != nil {
		return fmt.Sprintf("%d %.100q", resp.StatusCode, body)
	}
	text := ""
	if code, ok := reply["__type"].(string); ok {
		_, code, _ = strings.Cut(code, "#")
		message, _ := reply["message"].(string)
		if message == "" {
			message, _ = reply["Message"].(string)
		}
		text = fmt.Sprintf("%d %s: %s", resp.StatusCode, code, message)
		for _, key := range []string{"__type", "message", "Message"} {
			delete(reply, key)
		}
		if len(reply) > 0 {
			text += " " + tidied(reply)
		}
	} else {
		text = tidied(reply)
	}
	text = strings.ReplaceAll(text, table, "TABLE")
	return strings.Join(strings.Fields(text), " ")
}

func tidied(v any) string {
	b, err := json.Marshal(tidy(v))
	if err != nil {
		panic(err) // it was JSON a moment ago
	}
	return xs.ReplaceAllStringFunc(string(b), func(x string) string { return fmt.Sprintf("BIG%d", len(x)) })
}

var xs = regexp.MustCompile(`x{100,}`)

// varying are the members of a table's description that differ between any two servers.
var varying = []string{
	"CreationDateTime", "TableArn", "TableId", "TableStatus", "ProvisionedThroughput", "BillingModeSummary", "TableThroughputModeSummary",
	"LatestStreamLabel", "LatestStreamArn", "LastUpdateToPayPerRequestDateTime",
}

// tidy drops what varies, and what is empty where absence means the same.
func tidy(v any) any {
	switch v := v.(type) {
	case map[string]any:
		_, table := v["TableStatus"]
		for key, member := range v {
			if table && (slices.Contains(varying, key) || fmt.Sprint(member) == "[]" || member == false) {
				delete(v, key)
				continue
			}
			v[key] = tidy(member)
			if list, ok := v[key].([]any); ok && (key == "SS" || key == "NS" || key == "AttributeDefinitions") {
				slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			}
		}
	case []any:
		for i := range v {
			v[i] = tidy(v[i])
		}
	}
	return v
}

// TestPeersSayTheSame asks the stand-in and each peer the same questions and compares the
// replies. A difference that the script does not list fails, and so does a listed one that
// is gone.
func TestPeersSayTheSame(t *testing.T) {
	for _, peer := range slices.Sorted(maps.Keys(peers)) {
		t.Run(peer, func(t *testing.T) {
			url := os.Getenv(peers[peer])
			if url == "" {
				t.Skipf("needs %s, whose URL is in %s; .ci/register-peers runs one", peer, peers[peer])
			}
			s := registertest.Run(quiet{t})
			tables := map[string]string{} // by chapter
			verdicts := map[string]int{}
			questions := readPeers(t)
			for _, q := range questions {
				table := tables[q.chapter]
				if table == "" {
					table = "t-" + rand.Text() // the server may have seen this test before
					tables[q.chapter] = table
					if q.chapter != "tables" {
						s.CreateTable(table, "subject", "entry", "")
						create(t, url, table)
					}
				}
				action, input := q.request(t, table)
				here, there := ask(t, s.URL(), action, input, table), ask(t, url, action, input, table)
				known, isKnown := q.there[peer]
				verdict, _, _ := strings.Cut(q.verdict[peer], ",")
				switch {
				case here == there && isKnown:
					t.Errorf("%s: %s: the known difference is gone, both say %s", q.chapter, q.line, here)
				case here != there && there != known:
					t.Errorf("%s: %s: an unknown difference\n\there: %s\n\t%s: %s", q.chapter, q.line, here, peer, there)
				case here != there && !slices.Contains([]string{"here", peer, "undecided"}, verdict):
					t.Errorf("%s: %s: the difference has no verdict", q.chapter, q.line)
				}
				if here == there {
					verdict = "same"
				}
				verdicts[verdict]++
			}
			t.Logf("%s: %d replies compared: %d the same, %d right here, %d right there, %d undecided", peer, len(questions),
				verdicts["same"], verdicts["here"], verdicts[peer], verdicts["undecided"])
		})
	}
}

// create creates the table in a peer, and returns when it can be used.
func create(t *testing.T, url, table string) {
	t.Helper()
	ask(t, url, "CreateTable", `{"TableName":"`+table+`","KeySchema":[{"AttributeName":"subject","KeyType":"HASH"},{"AttributeName":"entry","KeyType":"RANGE"}],"AttributeDefinitions":[{"AttributeName":"subject","AttributeType":"S"},{"AttributeName":"entry","AttributeType":"S"}],"BillingMode":"PAY_PER_REQUEST"}`, table)
	for range 1000 {
		if ask(t, url, "GetItem", `{"TableName":"`+table+`","Key":{"subject":{"S":"a"},"entry":{"S":"a"}}}`, table) == "{}" {
			return
		}
	}
	t.Fatalf("the table cannot be used")
}

// quiet is a test that does not want the transcript.
type quiet struct{ *testing.T }

func (quiet) Logf(string, ...any) {}
