package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"pingrotate/internal/document"
)

// A block is what stands between two fences of a page.
type block struct {
	page, heading string // the heading above it
	n             int    // its number below that heading, from 1
	language      string
	text          string // without the indentation of the fences
}

// name is how scripts and the tables below refer to the block.
func (b block) name() string { return fmt.Sprintf("%s, %s, %d", b.page, b.heading, b.n) }

// blocks returns all blocks of README and of each page beside it and in docs/.
func blocks(texts map[string]string) (all []block) {
	names := make([]string, 0, len(texts))
	for name := range texts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b := block{page: strings.TrimPrefix(filepath.ToSlash(name), "../../")}
		inside, indent := false, ""
		for _, line := range strings.Split(texts[name], "\n") {
			fence := strings.TrimSpace(line)
			switch {
			case strings.HasPrefix(fence, "```") && !inside:
				inside, indent = true, line[:strings.Index(line, "`")]
				b.n, b.language, b.text = b.n+1, strings.TrimPrefix(fence, "```"), ""
			case fence == "```":
				inside = false
				all = append(all, b)
			case inside:
				b.text += strings.TrimPrefix(line, indent) + "\n"
			case strings.HasPrefix(line, "#"):
				b.heading, b.n = strings.TrimSpace(strings.TrimLeft(line, "#")), 0
			}
		}
	}
	return all
}

// extract is the command "block PAGE HEADING N" of scripts: it writes the block to the
// file block, for a shell. The targets of make are left out, for the programs are
// built already; of a transcript the commands alone remain.
func extract(ts *testscript.TestScript, _ bool, args []string) {
	name := strings.Join(args, ", ")
	text, err := os.ReadFile(filepath.Join(ts.Getenv("PAGES"), filepath.FromSlash(args[0])))
	ts.Check(err)
	for _, b := range blocks(map[string]string{args[0]: string(text)}) {
		if b.name() != name {
			continue
		}
		var lines []string
		transcript := strings.HasPrefix(b.text, "$ ") || strings.Contains(b.text, "\n$ ")
		for line := range strings.Lines(b.text) {
			command, prompted := strings.CutPrefix(line, "$ ")
			if !strings.HasPrefix(line, "make ") && prompted == transcript {
				lines = append(lines, command)
			}
		}
		ts.Check(os.WriteFile(ts.MkAbs("block"), []byte(strings.Join(lines, "")), 0o600))
		return
	}
	ts.Fatalf("there is no block %q", name)
}

var numbers = regexp.MustCompile(`\d+(?:\.\d+)?(?:ms|s)?`)

// tells is the command "tells FILE" of scripts: the last command must have written the
// items of the file to standard output, each of which is a line and those that are
// indented more, but for numbers and the breaks of lines. A line … stands for others.
func tells(ts *testscript.TestScript, _ bool, args []string) {
	plain := func(text string) string {
		return numbers.ReplaceAllString(strings.Join(strings.Fields(text), " "), "N")
	}
	said := plain(ts.ReadFile("stdout"))
	for _, item := range regexp.MustCompile(`(?m)^  \b|^  …$`).Split(ts.ReadFile(args[0]), -1) {
		if item = plain(item); !strings.Contains(said, item) {
			ts.Fatalf("the command does not say %q", item)
		}
	}
}

// elsewhere are the blocks that no script runs: what tries them instead, which is a file
// of the project, or why nothing does.
var elsewhere = map[string]string{
	"README.md, pingrotate, 1":                                "cmd/pingrotate/testdata/script/demo.txtar",
	"README.md, Consumers, 1":                                 "TestGoBlocksCompile",
	"docs/consumers.md, Consumers, 1":                         "TestGoBlocksCompile",
	"docs/ci.md, Tests of your own programs, 1":               "TestGoBlocksCompile",
	"docs/document.md, Names, 1":                              "TestDocumentBlocksAreDocuments",
	"docs/document.md, Applications that do not exist yet, 1": "TestDocumentBlocksAreDocuments",
	"docs/authority.md, What an admin serves, 1":              "TestDocumentBlocksAreDocuments",
	"docs/deploy.md, Deploy, 1":                               "like README.md, Deploy, 1",
	"docs/deploy.md, Deploy, 5":                               "like README.md, Deploy, 1",
	"docs/deploy.md, Deploy, 6":                               "like README.md, Deploy, 1",
	"docs/leak.md, The night of the leak, 1":                  "like README.md, The night of the leak, 1",
	"docs/consumers.md, Consumers, 5":                         "consumer/example/main_test.go",
	"docs/consumers.md, Consumers, 6":                         "consumer/example/main_test.go",

	"CONTRIBUTING.md, Contributing, 2":                     ".ci/sam-local",
	"docs/consumers.md, Consumers, 2":                      ".ci/clients/go.mod",
	"docs/release.md, Make one, 1":                         ".ci/release/check",
	"docs/release.md, The command as a container image, 1": ".ci/image",
	"docs/release.md, Your own module path, 1":             ".ci/module/check",

	"docs/release.md, Deploy one, without a build, 1":           "not run: it needs an AWS account",
	"docs/release.md, The Serverless Application Repository, 1": "not run: it needs an AWS account",
	"docs/conformance.md, A trial, on one page, 1":              "cmd/pingrotate/testdata/script/trial.txtar",
	"docs/conformance.md, Run it yourself, 1":                   "cmd/pingrotate/testdata/script/conformance.txtar",
	"docs/conformance.md, What the command says here, 1":        "not run: what a command printed",
	"docs/conformance.md, What the command says here, 3":        "not run: what a command printed",
	"docs/admin.md, The admin in PingOne, 1":                    "cmd/pingrotate/takeover_test.go",
	"docs/admin.md, A test user, 1":                             "TestDocumentBlocksAreDocuments",
	"docs/admin.md, A test user, 2":                             "cmd/pingrotate/edit_test.go",
	"docs/recipes.md, Amazon ECS, 1":                            "TestRecipesParseAndNameMembersOfTheDocument",
	"docs/recipes.md, Amazon ECS, 2":                            "TestRecipesParseAndNameMembersOfTheDocument",
	"docs/recipes.md, Kubernetes, External Secrets Operator, 1": "TestRecipesParseAndNameMembersOfTheDocument",
	"docs/recipes.md, Kubernetes, Secrets Store CSI driver, 1":  "TestRecipesParseAndNameMembersOfTheDocument",
	"docs/recipes.md, Spring, 1":                                "TestRecipesParseAndNameMembersOfTheDocument",
	"docs/recipes.md, Spring, 2":                                "TestRecipesParseAndNameMembersOfTheDocument",
	"docs/terraform.md, Terraform, 2":                           "cmd/pingrotate/edit_test.go",
	"docs/recipes.md, Amazon ECS, 3":                            "not run: it needs an AWS account",
	"docs/deploy.md, Without questions, 1":                      "not run: it needs an AWS account",
	"docs/ci.md, CI systems, 2":                                 "not run: steps of a CI system",
	"docs/ci.md, CI systems, 3":                                 "not run: steps of a CI system",
	"docs/deploy.md, Remove, 2":                                 "not run: no stand-in has DeleteLogGroup",
	"docs/deploy.md, Remove, 3":                                 "not run: no stand-in has UpdateTable",
	"docs/terraform.md, Terraform, 1":                           "not run: it needs Terraform and its providers",
	"docs/consumers.md, Consumers, 4":                           "not run: a pattern for EventBridge",
	"docs/operate.md, The function, 1":                          "not run: a line of a log",
	"docs/design.md, How it works, 1":                           "not run: a drawing",
	"docs/design.md, The parts, 1":                              "not run: a drawing",
}

func TestEveryBlockOfThePagesIsTried(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	run := map[string]bool{}
	line := regexp.MustCompile(`(?m)^(?:\[.*\] )?(?:block|exec sh block\.sh) (?:\$PAGES/)?(\S+) (?:'([^']+)'|(\S+))(?: (\d+))?`)
	for _, name := range scripts {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range line.FindAllStringSubmatch(string(text), -1) {
			n := m[4]
			if n == "" {
				n = "1"
			}
			run[m[1]+", "+m[2]+m[3]+", "+n] = true
		}
	}
	all := map[string]block{}
	for _, b := range blocks(pages(t)) {
		all[b.name()] = b
		if strings.Trim(regexp.MustCompile(`(?m)^make .*$`).ReplaceAllString(b.text, ""), "\n") == "" {
			continue // TestTargetsThatThePagesNameAreThere
		}
		if strings.HasPrefix(b.language, "json ") {
			continue // a policy, which permissions_test.go plays
		}
		if _, known := elsewhere[b.name()]; known == run[b.name()] {
			t.Errorf("the block %q must be run by a script or be in elsewhere, and not both", b.name())
		}
	}
	for name := range run {
		if _, ok := all[name]; !ok {
			t.Errorf("a script runs the block %q, which is not there", name)
		}
	}
	for name, how := range elsewhere {
		b, ok := all[name]
		other, like := strings.CutPrefix(how, "like ")
		switch {
		case !ok:
			t.Errorf("elsewhere has the block %q, which is not there", name)
		case like:
			for line := range strings.Lines(b.text) {
				if !run[other] || !strings.Contains(unbroken(all[other].text), strings.TrimSpace(unbroken(line))) {
					t.Errorf("the block %q has a line that is not in %q, which a script runs: %s", name, other, line)
				}
			}
		case strings.Contains(how, "/"):
			if _, err := os.Stat(filepath.Join("../..", how)); err != nil {
				t.Errorf("the block %q: %v", name, err)
			}
		}
	}
}

// unbroken joins lines that a backslash continues.
func unbroken(text string) string {
	return regexp.MustCompile(` *\\?\n *`).ReplaceAllString(text, " ")
}

func TestDocumentBlocksAreDocuments(t *testing.T) {
	seen := 0
	for _, b := range blocks(pages(t)) {
		if b.language != "json" || !strings.Contains(b.text, `"environmentId": `) {
			continue
		}
		seen++
		text := strings.ReplaceAll(b.text, `"0c9a1f0e-…"`, `"0c9a1f0e-0000-4000-8000-000000000000"`)
		if strings.HasPrefix(text, `"allow"`) { // a member of an admin's document
			text = `{"environmentId": "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6", "region": "EU", "clientId": "0c9a1f0e-0000-4000-8000-000000000000", ` + text + "}"
		}
		_, err := document.Parse(text)
		if strings.Contains(text, `"username"`) {
			_, err = document.ParseTestUser(text)
		}
		if err != nil {
			t.Errorf("%s: %v", b.name(), err)
		}
	}
	if seen < 4 {
		t.Errorf("found %d documents in the pages, want more", seen)
	}
}

// goBlocks is what surrounds the blocks of Go in a program, by the line with which
// they begin: what they stand in, and what uses what they declare.
var goBlocks = map[string]struct{ before, after string }{
	"source := &consumer.Source{": {"func consumes(cfg aws.Config) (*http.Response, error) {", "return resp, err\n}"},
	"ping := pingonetest.Run(t)":  {"func testsOfYours(t *testing.T, yourFunction secretsmanagertest.Invoke) {", "_ = admin\n}"},
}

func TestGoBlocksCompile(t *testing.T) {
	program := `package blocks

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pingrotate/consumer"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation/secretsmanagertest"
)
`
	done := map[string]bool{}
	for _, b := range blocks(pages(t)) {
		if b.language != "go" || done[b.text] {
			continue // README and docs/ have some alike
		}
		done[b.text] = true
		first, _, _ := strings.Cut(b.text, "\n")
		around, ok := goBlocks[first]
		if !ok {
			t.Fatalf("%s: goBlocks does not say what it stands in", b.name())
		}
		program += around.before + "\n" + b.text + around.after + "\n"
	}
	if len(done) != len(goBlocks) {
		t.Errorf("%d blocks of Go, and %d in goBlocks", len(done), len(goBlocks))
	}
	file := filepath.Join(t.TempDir(), "blocks.go")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	with := overlay(t, "../../internal/blocks/blocks.go", file)
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", with, "pingrotate/internal/blocks").CombinedOutput(); err != nil {
		t.Errorf("the blocks of Go do not compile: %v\n%s", err, out)
	}
}
