package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"pingrotate/internal/document"
)

func newSchema(p *program) *cobra.Command {
	return &cobra.Command{
		GroupID: "shell",
		Use:     "schema",
		Short:   "Print the JSON Schema of the stored document",
		Long: `Prints the JSON Schema (draft 2020-12) of the document that a managed secret holds, and
of an admin's, for editors and for pipelines that check a document before they store it.
It accepts every document that the function accepts. Its description says what no
schema can check; check has the last word.`,
		Example:           "    pingrotate schema >document.schema.json",
		Args:              takes(0, 0, ""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			if p.json() {
				return p.write(json.RawMessage(document.Schema()))
			}
			_, err := p.out.Write(document.Schema())
			return err
		},
	}
}
